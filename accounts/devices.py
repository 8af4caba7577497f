"""Browsers that have logged in before, by a signed cookie.

The limit on log-ins by e-mail address does not hold for a browser that has logged in to this very
account, or else a stranger who keeps failing could lock its owner out. The cookie opens nothing.
"""

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

COOKIE = "tapline_device"
COOKIE_PATH = "/api/v1/auth/"
MAX_AGE = 365 * 24 * 3600
_SALT = "accounts.devices"
_ACCOUNTS = 5  # of one browser that are remembered, the latest first


def has_logged_in(request: HttpRequest, email: str) -> bool:
    return any(constant_time_compare(mark, _mark(email)) for mark in _marks(request))


def remember(request: HttpRequest, response: HttpResponseBase, email: str) -> None:
    """Let the browser that gets this response have logged in to the account."""
    others = [mark for mark in _marks(request) if mark != _mark(email)]
    marks = [_mark(email), *others][:_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps(marks, salt=_SALT),
        max_age=MAX_AGE,
        path=COOKIE_PATH,
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )


def _marks(request: HttpRequest) -> list[str]:
    try:
        marks: list[str] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=MAX_AGE
        )
    except signing.BadSignature:
        return []
    return marks


def _mark(email: str) -> str:
    """Names the account to us alone."""
    return salted_hmac(_SALT, email.strip().lower(), algorithm="sha256").hexdigest()[:16]
