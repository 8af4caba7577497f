"""Mitto's inbound messages: an object or an array of them.

Mitto does not document the names of the fields. Taken are those that were seen and those that its
other interfaces use, whatever their case; an element in which none is found goes to quarantine, to
be tried again once this table knows better.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from messaging.gateways.base import (
    InboundSms,
    UnreadableElement,
    UnreadableReport,
)
from messaging.gateways.elements import (
    load_elements,
    read_address,
    read_message_id,
    read_moment,
    read_text,
    read_written,
)

T = TypeVar("T")

# In lower case, without - and _, the likeliest first.
SENDER: Final = ("from", "msisdn", "sender", "originator", "source")
TO: Final = ("to", "destination", "recipient")
TEXT: Final = ("text", "message", "body", "content")
MESSAGE_ID: Final = ("messageid", "inboundmessageid", "id")
TIME: Final = ("receivedat", "timestamp", "createdat", "updatedat", "time", "date")


def read_inbound(raw: bytes) -> list[InboundSms | UnreadableElement]:
    """By position; raises UnreadableBody."""
    return [_read_one(index, element) for index, element in enumerate(load_elements(raw))]


def _read_one(index: int, element: object) -> InboundSms | UnreadableElement:
    try:
        return _read(element)
    except UnreadableReport as error:
        return UnreadableElement(index, str(error))


def _read(element: object) -> InboundSms:
    if not isinstance(element, dict):
        raise UnreadableReport("not an object")
    fields = {_plain(name): value for name, value in element.items()}
    sender = _first(fields, SENDER, read_address)
    if sender is None:
        raise UnreadableReport("the sender is missing or no address")
    texts = list(_values(fields, TEXT, read_text))
    if not texts:
        raise UnreadableReport("the text is missing")
    return InboundSms(
        sender=sender,
        to=_first(fields, TO, read_address) or "",
        text=read_written(next(filter(None, texts), "")),
        gateway_message_id=_first(fields, MESSAGE_ID, read_message_id) or "",
        occurred_at=_first(fields, TIME, read_moment),
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _first(
    fields: Mapping[str, object], names: tuple[str, ...], reader: Callable[[object], T | None]
) -> T | None:
    return next(_values(fields, names, reader), None)


def _values(
    fields: Mapping[str, object], names: tuple[str, ...], reader: Callable[[object], T | None]
) -> Iterator[T]:
    """What can be read of the fields of these names."""
    found = (reader(fields.get(name)) for name in names)
    return (value for value in found if value is not None)
