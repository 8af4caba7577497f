"""Addresses in a text become short links of ours, and a broadcast gets what they lead to."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from messaging.models import Broadcast
from tracking.models import Offer, ShortLink
from tracking.models.targets import MAX_LINKS
from tracking.targets import UnsafeTarget, read_target

# A placeholder alone, or an address: whatever is written to it without a space, placeholders too.
_PIECE: Final = re.compile(
    r"""(?P<placeholder>\{\{.*?\}\})|(?P<url>https?://(?:\{\{.*?\}\}|[^\s{}<>"])+)""",
    re.IGNORECASE | re.DOTALL,
)
# Of the sentence around an address, if at its end.
_SENTENCE_ENDS: Final = ".,;:!?'\"·…»”’"
_BRACKETS: Final = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFields:
    """What a broadcast offers."""

    title: str
    text: str = ""
    valid_until: datetime | None = None


def prepare_links(*, text: str) -> tuple[str, list[str]]:
    """The text with `{{link.N}}` for each address in it, and the addresses in order of N.

    An address that occurs again has the same N. Left as they are written: addresses with a
    placeholder in them, which lead everybody elsewhere, and those that no link of ours may lead to.
    """
    numbers: dict[str, int] = {}

    def replace(piece: re.Match[str]) -> str:
        written = piece["url"]
        if written is None or "{{" in written:
            return piece[0]
        address = _without_sentence(written)
        try:
            target = read_target(address)
        except UnsafeTarget:
            return piece[0]
        if target not in numbers and len(numbers) == MAX_LINKS:
            return piece[0]
        number = numbers.setdefault(target, len(numbers) + 1)
        return f"{{{{link.{number}}}}}{written[len(address) :]}"

    return _PIECE.sub(replace, text), list(numbers)


def attach(*, broadcast: Broadcast, targets: list[str], offer: OfferFields | None) -> None:
    """Called in the transaction that starts the broadcast: no message is without its links."""
    ShortLink.objects.bulk_create(
        ShortLink(broadcast=broadcast, number=number, target=read_target(target))
        for number, target in enumerate(targets, start=1)
    )
    if offer is not None:
        Offer.objects.create(
            broadcast=broadcast,
            title=offer.title,
            text=offer.text,
            valid_until=offer.valid_until,
        )


def attach_same(*, broadcast: Broadcast, source_id: int) -> None:
    """What the source's links and offer lead to; called as `attach` is, for a text of the same."""
    ShortLink.objects.bulk_create(
        ShortLink(broadcast=broadcast, number=link.number, target=link.target)
        for link in ShortLink.objects.filter(broadcast=source_id)
    )
    for offer in Offer.objects.filter(broadcast=source_id):
        Offer.objects.create(
            broadcast=broadcast, title=offer.title, text=offer.text, valid_until=offer.valid_until
        )


def _without_sentence(written: str) -> str:
    """`(see https://a.example/b).` ends in `b`, but `https://a.example/b_(c)` in `)`."""
    end = len(written)
    while end:
        last = written[end - 1]
        opening = _BRACKETS.get(last)
        unopened = opening and written.count(opening, 0, end) < written.count(last, 0, end)
        if last not in _SENTENCE_ENDS and not unopened:
            break
        end -= 1
    return written[:end]
