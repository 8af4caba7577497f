"""The till takes an offer: once per message, whoever else tries at the same time."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from messaging.models import Message
from tracking.models import Redemption
from tracking.selectors import find_offer
from tracking.services.counting import count
from tracking.signals import offer_redeemed, redemption_undone

# A tracking id, alone or at the end of the link that the QR code holds.
_CODE: Final = re.compile(r"(?:\S*/o/)?([A-Za-z0-9_-]{12})/?(?:[?#]\S*)?")
MAX_USER_AGENT: Final = 400

# The index of standing redemptions decides: whoever comes second waits for the first to commit.
_REDEEM = """
INSERT INTO tracking_redemption
    (business_id, broadcast_id, message_id, contact_id, redeemed_by_id, channel, ip, user_agent)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (message_id) WHERE undone_at IS NULL DO NOTHING
RETURNING id
"""


class RedeemStatus(StrEnum):
    REDEEMED = "redeemed"
    ALREADY_REDEEMED = "already_redeemed"
    NOT_FOUND = "not_found"
    EXPIRED = "expired"


class UndoStatus(StrEnum):
    UNDONE = "undone"
    NOT_REDEEMED = "not_redeemed"
    TOO_LATE = "too_late"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where it was redeemed: kept with the redemption, also after an undo."""

    channel: Redemption.Channel
    ip: str | None = None
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """redeemed_at: of this redemption, or of the one that was there before; else None."""

    status: RedeemStatus
    redeemed_at: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Undone:
    status: UndoStatus
    title: str = ""


@transaction.atomic
def redeem(*, business_id: int, code: str, user: User, evidence: Evidence) -> Redeemed:
    """code: the tracking id or the whole link. Another business's is not found."""
    message = _find(business_id, code)
    if message is None:
        return Redeemed(RedeemStatus.NOT_FOUND)
    offer = message.broadcast.offer
    if offer.is_expired(timezone.now()):
        standing = _standing(message)
        if standing is None:
            return Redeemed(RedeemStatus.EXPIRED, title=offer.title)
        return Redeemed(RedeemStatus.ALREADY_REDEEMED, standing.redeemed_at, offer.title)
    while (redemption := _insert(message, user, evidence)) is None:
        if standing := _standing(message):
            return Redeemed(RedeemStatus.ALREADY_REDEEMED, standing.redeemed_at, offer.title)
        # Undone between the two statements: it may be redeemed again.
    count("redemptions", broadcast=message.broadcast)
    offer_redeemed.send(Redemption, redemption=redemption)
    return Redeemed(RedeemStatus.REDEEMED, redemption.redeemed_at, offer.title)


@transaction.atomic
def undo_redemption(*, business_id: int, code: str, user: User) -> Undone:
    """Take the redemption back within settings.REDEMPTION_UNDO_MINUTES; its row stays."""
    message = _find(business_id, code)
    if message is None:
        return Undone(UndoStatus.NOT_FOUND)
    title = message.broadcast.offer.title
    redemption = _standing(message)
    if redemption is None:
        return Undone(UndoStatus.NOT_REDEEMED, title)
    window = timedelta(minutes=settings.REDEMPTION_UNDO_MINUTES)
    if redemption.redeemed_at <= timezone.now() - window:
        return Undone(UndoStatus.TOO_LATE, title)
    row = Redemption.objects.filter(pk=redemption.pk, undone_at=None)
    if not row.update(undone_at=Now(), undone_by=user):
        return Undone(UndoStatus.NOT_REDEEMED, title)
    redemption.refresh_from_db()
    count("redemptions", broadcast=message.broadcast, by=-1)
    redemption_undone.send(Redemption, redemption=redemption)
    return Undone(UndoStatus.UNDONE, title)


def _find(business_id: int, code: str) -> Message | None:
    found = _CODE.fullmatch(code.strip())
    return find_offer(found[1], business_id=business_id) if found else None


def _standing(message: Message) -> Redemption | None:
    return Redemption.objects.filter(message=message, undone_at=None).first()


def _insert(message: Message, user: User, evidence: Evidence) -> Redemption | None:
    values = (
        message.business_id,
        message.broadcast_id,
        message.pk,
        message.contact_id,
        user.pk,
        evidence.channel.value,
        evidence.ip,
        evidence.user_agent.replace("\0", "")[:MAX_USER_AGENT],
    )
    with connection.cursor() as cursor:
        cursor.execute(_REDEEM, values)
        row = cursor.fetchone()
    return Redemption.objects.get(pk=row[0]) if row else None
