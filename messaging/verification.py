"""Whether a webhook's request comes from the gateway, and now: before anything of it is read."""

import hmac
import time
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.utils.crypto import constant_time_compare

SECRET_HEADER: Final = "X-Webhook-Secret"  # noqa: S105 - its name, not its value
TIMESTAMP_HEADER: Final = "X-Webhook-Timestamp"
SIGNATURE_HEADER: Final = "X-Webhook-Signature"
_PREFIX: Final = "sha256="


class NotGenuine(Exception):
    """code: stable and upper-case; the message says which header is wrong, and nothing more."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code: Final = code


def verify(headers: Mapping[str, str], body: bytes) -> None:
    """Raises NotGenuine.

    The secret in its header is asked for always. So is the signature, once its key is set; within
    settings.WEBHOOK_REPLAY_SECONDS a request may come again, as gateways do whose answer was lost.
    """
    given = headers.get(SECRET_HEADER, "")
    if not constant_time_compare(given, settings.MITTO_WEBHOOK_SECRET):
        raise NotGenuine("INVALID_SECRET", f"{SECRET_HEADER} is wrong.")
    if settings.MITTO_WEBHOOK_HMAC_SECRET:
        _verify_signature(headers, body)


def sign(timestamp: str, body: bytes, secret: str) -> str:
    """The HMAC-SHA256, in hex, of the timestamp, a full stop and the body."""
    signed = timestamp.encode() + b"." + body
    return hmac.digest(secret.encode(), signed, "sha256").hex()


def _verify_signature(headers: Mapping[str, str], body: bytes) -> None:
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    given = headers.get(SIGNATURE_HEADER, "").removeprefix(_PREFIX)
    expected = sign(timestamp, body, settings.MITTO_WEBHOOK_HMAC_SECRET)
    if not constant_time_compare(given, expected):
        raise NotGenuine("INVALID_SIGNATURE", f"{SIGNATURE_HEADER} does not fit the request.")
    # Only what was signed is believed; seconds since 1970, of either clock.
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12
    if not is_number or abs(time.time() - int(timestamp)) > settings.WEBHOOK_REPLAY_SECONDS:
        raise NotGenuine("STALE_SIGNATURE", f"{TIMESTAMP_HEADER} is too far from now.")
