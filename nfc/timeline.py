"""What passed between a business and one of its contacts, newest first.

Each kind is asked for its own newest entries, of which there is no more than a page to be read; the
messages are found as those are that replies answer (docs/adr/0011-whose-reply-it-is.md).
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from django.db.models import QuerySet

from contacts.models import Consent, Contact
from messaging.correspondence import message_ids_to
from messaging.models import InboundMessage, Message
from nfc.models import Scan
from tracking.models import Click, Offer, OfferView, Redemption

KINDS: Final = ("consent", "message", "reply", "view", "click", "redemption", "scan")
# As far back as messages, and what people did with them, are looked at.
MAX_MESSAGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    what: in a word, by kind: of a consent granted or withdrawn, of a message its status, of a reply
    its keyword, of a redemption redeemed or undone, of a scan its kind. text: the words agreed to
    or written, the offer's title, where a link leads, the tag's label. reference: the public id of
    the message that it is, or is about. origin: how a consent came.
    """

    at: datetime
    kind: str
    number: int  # of its row
    what: str
    text: str = ""
    reference: str = ""
    origin: str = ""

    @property
    def key(self) -> tuple[datetime, str, int]:
        return self.at, self.kind, self.number


def timeline(contact: Contact, *, size: int, before: str = "") -> tuple[list[Entry], str]:
    """A page, and the cursor of the next one; empty if there is none. Raises ValueError."""
    last = read_cursor(before) if before else None
    page = _Page(contact, size=size + 1, until=last[0] if last else None)
    entries = (entry for source in _SOURCES for entry in source(page))
    left = (entry for entry in entries if last is None or entry.key < last)
    found = sorted(left, key=attrgetter("key"), reverse=True)[: size + 1]
    return found[:size], write_cursor(found[size - 1]) if len(found) > size else ""


def write_cursor(entry: Entry) -> str:
    moment = int(entry.at.timestamp()) * 1_000_000 + entry.at.microsecond
    plain = f"{moment} {entry.kind} {entry.number}"
    return base64.urlsafe_b64encode(plain.encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, str, int]:
    """The key of the last entry before the page. Raises ValueError."""
    moment, kind, number = base64.urlsafe_b64decode(cursor.encode("ascii")).decode().split(" ")
    if kind not in KINDS or len(moment) > 18 or len(number) > 19:
        raise ValueError(cursor)
    seconds, microseconds = divmod(int(moment), 1_000_000)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    return at, kind, int(number)


class _Page:
    """What the sources have in common: whose entries, how many, from when on back."""

    def __init__(self, contact: Contact, *, size: int, until: datetime | None) -> None:
        self.contact = contact
        self.size = size
        self._until = until
        ids = message_ids_to(contact.phone, business_id=contact.business_id, limit=MAX_MESSAGES)
        messages = Message.objects.filter(pk__in=ids).values_list("pk", "public_id", "broadcast_id")
        self.messages = {pk: (public_id, broadcast) for pk, public_id, broadcast in messages}

    def cut(self, rows: QuerySet[Any], moment: str) -> list[Any]:
        """As many of the newest as can be on the page, besides all of the cursor's very instant:
        those are told apart by their numbers."""
        newest_first = rows.order_by(f"-{moment}", "-pk")
        if self._until is None:
            return list(newest_first[: self.size])
        older = newest_first.filter(**{f"{moment}__lt": self._until})
        return [*rows.filter(**{moment: self._until}), *older[: self.size]]


def _consents(page: _Page) -> Iterator[Entry]:
    rows = Consent.objects.filter(contact=page.contact).select_related("text")
    for row in page.cut(rows, "created_at"):
        words = row.text.text if row.text else ""
        yield Entry(
            row.created_at, "consent", row.pk, row.kind, words, row.reference, origin=row.source
        )


def _messages(page: _Page) -> Iterator[Entry]:
    for row in page.cut(Message.objects.filter(pk__in=page.messages), "created_at"):
        yield Entry(row.created_at, "message", row.pk, row.status, row.text, row.public_id)


def _replies(page: _Page) -> Iterator[Entry]:
    rows = InboundMessage.objects.filter(
        business=page.contact.business_id, phone=page.contact.phone
    ).select_related("message")
    for row in page.cut(rows, "occurred_at"):
        about = row.message.public_id if row.message else ""
        yield Entry(row.occurred_at, "reply", row.pk, row.keyword, row.text, about)


def _views(page: _Page) -> Iterator[Entry]:
    rows = page.cut(OfferView.objects.filter(message__in=page.messages), "first_at")
    titles = _titles(row.broadcast_id for row in rows)
    for row in rows:
        title, about = titles.get(row.broadcast_id, ""), page.messages[row.pk][0]
        yield Entry(row.first_at, "view", row.pk, "viewed", title, about)


def _clicks(page: _Page) -> Iterator[Entry]:
    rows = Click.objects.filter(message__in=page.messages).select_related("link")
    for row in page.cut(rows, "first_at"):
        about = page.messages[row.message_id][0]
        yield Entry(row.first_at, "click", row.pk, "clicked", row.link.target, about)


def _redemptions(page: _Page) -> Iterator[Entry]:
    rows = page.cut(Redemption.objects.filter(message__in=page.messages), "redeemed_at")
    titles = _titles(row.broadcast_id for row in rows)
    for row in rows:
        what = "undone" if row.undone_at else "redeemed"
        title, about = titles.get(row.broadcast_id, ""), page.messages[row.message_id][0]
        yield Entry(row.redeemed_at, "redemption", row.pk, what, title, about)


def _scans(page: _Page) -> Iterator[Entry]:
    # The others repeat what consents and redemptions say.
    kinds = (Scan.Kind.OPT_IN, Scan.Kind.VISIT)
    rows = Scan.objects.filter(contact=page.contact, kind__in=kinds).select_related("tag")
    for row in page.cut(rows, "at"):
        yield Entry(row.at, "scan", row.pk, row.kind, row.tag.label)


def _titles(broadcast_ids: Iterator[int]) -> dict[int, str]:
    """Of the broadcasts' offers."""
    offers = Offer.objects.filter(pk__in=set(broadcast_ids))
    return dict(offers.values_list("pk", "title"))


_SOURCES: Final = (_consents, _messages, _replies, _views, _clicks, _redemptions, _scans)
