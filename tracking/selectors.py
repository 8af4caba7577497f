"""Reads of links and offers, and of what came of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from accounts.models import Business, BusinessLogo
from messaging.models import Message
from tracking.models import EngagementCounters, ListEngagement, Redemption, ShortLink

_TRACKING_ID: Final = re.compile(r"[A-Za-z0-9_-]{12}")
# A message's public id, and which of its broadcast's links: at most 14 characters.
_LINK_CODE: Final = re.compile(r"([A-Za-z0-9_-]{12})([1-9][0-9]?)")
LOGO_VERSION_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Engagement:
    """What people did with messages: each counts once, per link once as a click."""

    views: int = 0
    clicks: int = 0
    redemptions: int = 0
    unsubscribes: int = 0


def engagement(broadcast_ids: Iterable[int]) -> dict[int, Engagement]:
    """Of each broadcast, zeros if nothing has happened; in one query."""
    return _engagement(EngagementCounters, broadcast_ids)


def list_engagement(list_ids: Iterable[int]) -> dict[int, Engagement]:
    """Of each list, over all broadcasts to it; in one query."""
    return _engagement(ListEngagement, list_ids)


def _engagement(model: Any, ids: Iterable[int]) -> dict[int, Engagement]:
    found = dict.fromkeys(ids, Engagement())
    rows = model.objects.filter(pk__in=list(found))
    for pk, *counts in rows.values_list("pk", *Engagement.__dataclass_fields__):
        found[pk] = Engagement(*counts)
    return found


def find_offer(tracking_id: str, *, business_id: int | None = None) -> Message | None:
    """The message, with its broadcast, offer and business; None if it carries no offer."""
    if not _TRACKING_ID.fullmatch(tracking_id):
        return None
    messages = Message.objects.select_related("broadcast__offer", "broadcast__business")
    if business_id is not None:
        messages = messages.filter(business=business_id)
    return messages.filter(public_id=tracking_id, broadcast__offer__isnull=False).first()


def find_link(code: str) -> tuple[Message, ShortLink] | None:
    """The message, with its broadcast, and the link that a code names."""
    parts = _LINK_CODE.fullmatch(code)
    if parts is None:
        return None
    messages = Message.objects.select_related("broadcast")
    message = messages.filter(public_id=parts[1]).first()
    if message is None:
        return None
    links = ShortLink.objects.filter(broadcast=message.broadcast_id, number=int(parts[2]))
    link = links.first()
    return (message, link) if link else None


def redemption_of(message: Message) -> Redemption | None:
    """The one that stands."""
    return Redemption.objects.filter(message=message, undone_at=None).first()


def logo_url(business: Business) -> str | None:
    """Another picture has another address, which browsers may keep for ever."""
    logos = BusinessLogo.objects.filter(business=business)
    version = logos.values_list("sha256", flat=True).first()
    return f"/brand/{business.pk}/{version[:LOGO_VERSION_LENGTH]}" if version else None


def find_logo(*, business_id: int, version: str) -> BusinessLogo | None:
    if len(version) != LOGO_VERSION_LENGTH:
        return None
    return BusinessLogo.objects.filter(business=business_id, sha256__startswith=version).first()
