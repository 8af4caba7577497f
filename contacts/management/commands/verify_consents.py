"""Proves that no consent was changed, removed or slipped in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Business
from contacts.services.consent_chain import Fault, verify_chain


class Command(BaseCommand):
    help = "Check the chain of consents of each business; exits 1 and names every wrong row."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--business", type=int, help="Only this one (default: all).")

    def handle(self, *_: Any, business: int | None, **__: Any) -> None:
        businesses = Business.objects.order_by("pk")
        if business is not None:
            businesses = businesses.filter(pk=business)
            if not businesses.exists():
                raise CommandError(f"There is no business {business}.")
        wrong = 0
        for business_id in businesses.values_list("pk", flat=True):
            for found in verify_chain(business_id=business_id):
                self.stdout.write(str(found))
                wrong += isinstance(found, Fault)
        if wrong:
            raise CommandError(f"{wrong} faults: the record of consent is not what was written.")
        self.stdout.write(self.style.SUCCESS("All consents are as they were written."))
