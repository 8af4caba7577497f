"""What the two commands about one limit have in common."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rediskit.client_address import parse_address
from rediskit.failover import Away


class LimitCommand(BaseCommand):
    """Of one rule and one address, e-mail or token."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scope", choices=settings.RATE_LIMITS, metavar="SCOPE")
        parser.add_argument("value", metavar="VALUE", help="an IP address, an e-mail, a token")

    def handle(self, *args: Any, scope: str, value: str, **options: Any) -> str:
        try:
            return self.about(scope, _as_counted(scope, value))
        except Away as error:
            raise CommandError(
                f"{error}. Meanwhile each web process counts by itself, out of our reach."
            ) from error

    def about(self, scope: str, value: str) -> str:
        raise NotImplementedError


def _as_counted(scope: str, value: str) -> str:
    kind = scope.rpartition(":")[2]
    if kind == "email":
        return value.strip().lower()
    if kind != "ip":
        return value
    address = parse_address(value)
    if address is None:
        raise CommandError(f"{value!r} is no IP address.")
    return address
