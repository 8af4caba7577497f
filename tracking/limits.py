"""Whom visits count for. The numbers: settings.RATE_LIMITS.

Carriers put thousands of phones behind one address: whoever holds a link that is ours is never
refused because of the others. By address count only ids that are none, and the JSON endpoints.
"""

from typing import Final

from django.http import HttpRequest

from rediskit.client_address import client_address
from rediskit.ratelimits import Limit, check
from tracking.bots import is_automatic

BY_ADDRESS: Final = Limit("tracking:ip", client_address)
REDEEM: Final = Limit("tracking:redeem:ip", client_address)


def check_visit(request: HttpRequest, tracking_id: str, *, is_known: bool) -> None:
    """For pages and short links. Raises RateLimited.

    Scanners count for themselves: they must not use up what the reader of the message has.
    """
    if not is_known:
        check(request, BY_ADDRESS, _by_id(tracking_id))
    elif is_automatic(request):
        check(request, _by_id(f"{tracking_id}~bot"))
    else:
        check(request, _by_id(tracking_id))


def check_question(request: HttpRequest, tracking_id: str) -> None:
    """For the JSON endpoints. Raises RateLimited."""
    check(request, BY_ADDRESS, _by_id(tracking_id))


def _by_id(tracking_id: str) -> Limit:
    return Limit("tracking:id", lambda _: tracking_id)
