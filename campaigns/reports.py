"""The messages of a campaign as CSV."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from contacts.csv_export import lines
from messaging.models import Message
from messaging.selectors import messages_of

COLUMNS: Final = (
    "id", "phone", "contact", "status", "reason", "segments", "sent_at", "reported_at",
)  # fmt: skip
CHUNK: Final = 2000


def stream_report(broadcast_ids: Iterable[int]) -> Iterator[str]:
    return lines(_rows(broadcast_ids))


def _rows(broadcast_ids: Iterable[int]) -> Iterator[tuple[object, ...]]:
    """In bounded memory; each chunk is a query of its own, so that no cursor stays open."""
    yield COLUMNS
    for broadcast_id in broadcast_ids:
        last_phone = ""
        while chunk := list(messages_of([broadcast_id]).filter(phone__gt=last_phone)[:CHUNK]):
            yield from map(_row, chunk)
            last_phone = chunk[-1].phone


def _row(message: Message) -> tuple[object, ...]:
    return (
        message.public_id,
        message.phone,
        message.contact_id,
        message.status,
        message.reason,
        message.segments,
        _instant(message.sent_at),
        _instant(message.reported_at),
    )


def _instant(instant: datetime | None) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z") if instant else ""
