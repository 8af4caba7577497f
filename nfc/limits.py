"""Whom visits of public forms count for. The numbers: settings.RATE_LIMITS."""

from typing import Final

from django.http import HttpRequest

from rediskit.client_address import client_address
from rediskit.ratelimits import Limit, check

PREFIX_DIGITS: Final = 7

CONFIG: Final = Limit("nfc:config:ip", client_address)
SUBMIT: Final = Limit("nfc:submit:ip", client_address)


def check_phone(request: HttpRequest, phone: str) -> None:
    """phone: E.164, so that no other spelling is another phone. Raises RateLimited."""
    check(request, Limit("nfc:submit:phone", lambda _: phone))


def check_prefix(request: HttpRequest, phone: str) -> None:
    """Numbers that lie side by side: whoever earns by messages owns many. Raises RateLimited."""
    check(request, Limit("nfc:submit:prefix", lambda _: phone[: 1 + PREFIX_DIGITS]))
