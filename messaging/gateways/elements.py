"""Reading JSON that strangers wrote: nothing here trusts a type, a size or an encoding."""

import json
import re
from datetime import UTC, datetime

import orjson

from messaging.gateways.base import (
    MAX_ADDRESS_LENGTH,
    MAX_DETAIL_LENGTH,
    MAX_INBOUND_LENGTH,
    MAX_MESSAGE_ID_LENGTH,
    UnreadableBody,
)

# PostgreSQL's text takes neither NUL nor surrogates; the others have no business in an id.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# No 10 MB of reports hold more, and each that cannot be read costs us a hundred times its text.
MAX_ELEMENTS = 250_000
_MILLISECONDS_FROM = 100_000_000_000  # as seconds it would be the year 5138


def load_json(raw: bytes) -> object:
    """Raises UnreadableBody.

    One lone surrogate or bad byte makes orjson refuse a whole array; the standard library reads
    on, and only the element concerned is spoilt.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise UnreadableBody(f"not JSON: {error}") from None


def load_elements(raw: bytes) -> list[object]:
    """Those of an array; an object alone is one. Raises UnreadableBody."""
    content = load_json(raw)
    if not isinstance(content, dict | list):
        raise UnreadableBody("neither an object nor an array")
    elements = content if isinstance(content, list) else [content]
    if len(elements) > MAX_ELEMENTS:
        raise UnreadableBody(f"{len(elements)} elements, more than {MAX_ELEMENTS}")
    return elements


def read_message_id(value: object) -> str | None:
    """Trimmed, its case kept; whole numbers are ids too. None if it cannot be an id."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    message_id = value.strip()
    if not message_id or len(message_id) > MAX_MESSAGE_ID_LENGTH:
        return None
    return None if _UNPRINTABLE.search(message_id) else message_id


def read_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def read_detail(value: object) -> str:
    """A few words for people, safe to store."""
    return (
        _UNPRINTABLE.sub(" ", value).strip()[:MAX_DETAIL_LENGTH] if isinstance(value, str) else ""
    )


def read_address(value: object) -> str | None:
    """A phone, short code or name: trimmed; numbers may come as such. None if it cannot be one."""
    address = read_message_id(value)
    return address if address and len(address) <= MAX_ADDRESS_LENGTH else None


def read_written(value: str) -> str:
    """What a person wrote, line breaks included, with a mark for what cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", value)[:MAX_INBOUND_LENGTH]


def read_moment(value: object) -> datetime | None:
    """As read_time; also the seconds or milliseconds since 1970, as a number or as its digits."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value) if len(value) <= 20 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return read_time(value)
    try:
        return datetime.fromtimestamp(value / (1000 if value >= _MILLISECONDS_FROM else 1), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_time(value: object) -> datetime | None:
    """ISO 8601; without a zone it is taken as UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
