"""The messages of a campaign as CSV."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from messaging.models import Message
from messaging.selectors import messages_of

COLUMNS: Final = (
    "public_id",
    "phone",
    "contact",
    "status",
    "reason",
    "segments",
    "sent_at",
    "reported_at",
)
CHUNK: Final = 2000

# A spreadsheet takes a cell that starts so for a formula. Phones keep their plus: what follows it
# are digits only.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that returns what is written to it."""

    def write(self, line: str) -> str:
        return line


def stream_report(broadcast_ids: Iterable[int]) -> Iterator[str]:
    """Line by line in bounded memory; each chunk is a query of its own, none stays open."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for broadcast_id in broadcast_ids:
        last_phone = ""
        while chunk := list(messages_of([broadcast_id]).filter(phone__gt=last_phone)[:CHUNK]):
            yield "".join(writer.writerow(_row(message)) for message in chunk)
            last_phone = chunk[-1].phone


def _row(message: Message) -> Sequence[object]:
    return (
        _plain(message.public_id),
        message.phone,
        message.contact_id,
        message.status,
        _plain(message.reason),
        message.segments,
        _instant(message.sent_at),
        _instant(message.reported_at),
    )


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _instant(instant: datetime | None) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z") if instant else ""
