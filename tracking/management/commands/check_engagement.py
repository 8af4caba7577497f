"""Proves the counters of views, clicks, redemptions and opt-outs against a full count."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tracking.services.counting import wrong_counters


class Command(BaseCommand):
    help = "Compare what broadcasts and lists came to with a full count; exits 1 if any differs."

    def handle(self, *_: Any, **__: Any) -> None:
        wrong = list(wrong_counters())
        for difference in wrong:
            self.stdout.write(str(difference))
        if wrong:
            raise CommandError(f"{len(wrong)} counters differ from what is counted.")
        self.stdout.write(self.style.SUCCESS("All counters are right."))
