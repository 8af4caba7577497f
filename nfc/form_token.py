"""The hidden field of a public form: which words were shown, when, and that we showed them.

It takes the place of a CSRF cookie, which would break old phones, and keeps out programs that post
without reading, or within a moment.
"""

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from django.core import signing

_SALT: Final = "nfc.form_token"
EARLIEST: Final = 2  # seconds: nobody reads and fills in a form faster
LATEST: Final = 2 * 3600
_RENEWED_AFTER: Final = LATEST // 2


class Age(Enum):
    TOO_YOUNG = "too young"
    RIGHT = "right"
    TOO_OLD = "too old"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a visitor has before the eyes: the version and language of a form, since when."""

    public_id: str
    version: int
    language: str
    at: float

    @property
    def age(self) -> Age:
        seconds = time.time() - self.at
        if seconds < EARLIEST:
            return Age.TOO_YOUNG
        return Age.RIGHT if seconds <= LATEST else Age.TOO_OLD

    @property
    def will_last(self) -> bool:
        return time.time() - self.at < _RENEWED_AFTER


def make(*, public_id: str, version: int, language: str) -> str:
    shown = [public_id, version, language, round(time.time(), 1)]
    return signing.Signer(salt=_SALT).sign_object(shown)


def read(token: str, *, public_id: str) -> Shown | None:
    """None if it is no token of ours, or another tag's."""
    try:
        values: Any = signing.Signer(salt=_SALT).unsign_object(token)
        shown = Shown(*values)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    return shown if shown.public_id == public_id else None
