"""One transaction that takes one batch: its commit is the write-ahead mark of all its messages."""

import logging
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from messaging.calendar import easter_sunday
from messaging.gateways import gateway_name
from messaging.gateways.base import OutgoingSms
from messaging.models import Batch
from messaging.services import claim_statements as sql
from messaging.services.broadcasts import pause_for_operator
from messaging.signals import messages_changed
from rediskit import pacing
from rediskit.pacing import Pace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch in our hands until its lease runs out; `messages` goes by id, as `sms` does."""

    batch_id: int
    broadcast_id: int
    business_id: int
    token: uuid.UUID
    attempts: int
    setbacks: int  # calls of the broadcast, in a row, that came to nothing
    day: date
    messages: list[int]
    sms: list[OutgoingSms]


class PaceReached(Exception):
    """Something is due, and will go in `seconds`: at most one."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The pace allows no more for {seconds:.3f} seconds.")
        self.seconds = seconds


def claim_batch() -> Claim | None:
    """The next batch that may go out now, committed as `submitting`; None if there is none.

    Raises PaceReached if there is one, but its pace says later.
    """
    try:
        return _claim(uuid.uuid4())
    except (DataError, IntegrityError):
        # A fault in one broadcast's data must not stop all others: it goes to the end of the line.
        logger.exception("The claim failed; the broadcast that was next loses its turn.")
        if not _pause_out_of_time():
            with connection.cursor() as cursor:
                cursor.execute(sql.LOSE_TURN, _choice(_held()))
        return _claim(uuid.uuid4())


@transaction.atomic
def _pause_out_of_time() -> int:
    """Nobody can say which broadcast is next while one has a zone that the database lacks."""
    with connection.cursor() as cursor:
        cursor.execute(sql.OUT_OF_TIME)
        lost = cursor.fetchall()
    for broadcast_id, zone in lost:
        reason = f"The database does not know the business's time zone {zone}: set another one."
        logger.error("Broadcast %s is paused. %s", broadcast_id, reason)
        pause_for_operator(broadcast_id=broadcast_id, reason=reason)
    return len(lost)


def _claim(token: uuid.UUID) -> Claim | None:
    claim: Claim | None = None
    try:
        while claim is None:
            held = _held()
            with transaction.atomic():
                row = _claim_row(token, held)
                if row is None:
                    break
                claim = _release(row, token)
                if claim is None:
                    transaction.set_rollback(True)
            if row["granted"] is None:
                _open_day(row)
    except OperationalError:
        # The commit may have happened: the batch is ours exactly if it carries our token.
        connection.close()
        if claim is None or not _is_marked(claim):
            raise
        logger.warning("The commit of batch %s was in doubt; it holds.", claim.batch_id)
    if claim is None and held:
        raise PaceReached(min(held.values()))
    return claim


def _held() -> dict[str, float]:
    """Seconds that a business has to wait, by its id. Raises PaceReached if everybody has to."""
    held = pacing.waits.left()
    if gateway_name() in held:
        raise PaceReached(held[gateway_name()])
    return held


def _claim_row(token: uuid.UUID, held: dict[str, float]) -> dict[str, Any] | None:
    own: dict[str, Any] = {"token": token, "lease": settings.SEND_LEASE}
    with connection.cursor() as cursor:
        cursor.execute(sql.CLAIM, own | _choice(held))
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
    return dict(zip(names, row, strict=True)) if row else None


def _choice(held: Collection[str]) -> dict[str, Any]:
    """What decides which batch is the next."""
    return {
        "held": [int(business_id) for business_id in held],
        "easter": easter_sunday(timezone.now().year),
    }


def _release(row: dict[str, Any], token: uuid.UUID) -> Claim | None:
    """What goes now of the marked batch; None if that is nothing, by the day's cap or the pace."""
    if not row["granted"]:
        return None
    paces = _paces(row)
    turn = pacing.take(min(row["size"], row["granted"]), paces) if paces else None
    if turn and not turn.granted:
        return None
    going = min(row["granted"], turn.granted) if turn else row["granted"]
    messages = _read_messages(row, going)
    _postpone(row, [message[0] for message in messages[going:]], turn.most if turn else None)
    messages = messages[:going]
    if turn and turn.granted > len(messages):
        pacing.give_back(turn.granted - len(messages), paces)
    if row["granted"] > len(messages):
        give_back(row["business_id"], row["day"], row["granted"] - len(messages))
    messages_changed.send(Batch, business_ids={row["business_id"]})
    return Claim(
        batch_id=row["id"],
        broadcast_id=row["broadcast_id"],
        business_id=row["business_id"],
        token=token,
        attempts=row["attempts"],
        setbacks=row["setbacks"],
        day=row["day"],
        messages=[message[0] for message in messages],
        sms=[
            OutgoingSms(public_id, phone, row["sender"], text)
            for _, public_id, phone, text in messages
        ],
    )


def _paces(row: dict[str, Any]) -> list[Pace]:
    paces = [Pace(gateway_name(), settings.GATEWAY_PACE)] if settings.GATEWAY_PACE else []
    if row["pace"]:
        paces.append(Pace(str(row["business_id"]), row["pace"]))
    return paces


def _open_day(row: dict[str, Any]) -> None:
    """The first batch of a business's day; a cap reached in this instant ends in None anyway."""
    with connection.cursor() as cursor:
        cursor.execute(sql.OPEN_DAY, [row["business_id"], row["day"]])


def _read_messages(row: dict[str, Any], going: int) -> list[tuple[int, str, str, str]]:
    """Id, public id, phone and text of whom nothing has come in between, by id.

    The first `going` of them count as released, where that is counted.
    """
    parameters = {
        "first": row["first_message_id"],
        "last": row["last_message_id"],
        "batch": row["id"],
        "business": row["business_id"],
        "broadcast": row["broadcast_id"],
        "reaches_suppressed": row["reaches_suppressed"],
        "most": row["most"],
        "days": row["days"],
        "going": going,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.CAPPED_MESSAGES if row["most"] else sql.MESSAGES, parameters)
        messages: list[tuple[int, str, str, str]] = cursor.fetchall()
    return messages


def _postpone(row: dict[str, Any], ids: list[int], most: int | None) -> None:
    """most: that ever go at once."""
    if not ids:
        return
    parameters = {
        "broadcast": row["broadcast_id"],
        "batch": row["id"],
        "ids": ids,
        "size": most or len(ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.POSTPONE, parameters)


def give_back(business_id: int, day: date, messages: int) -> None:
    """What did not go out does not count against the day's cap."""
    with connection.cursor() as cursor:
        cursor.execute(sql.GIVE_BACK, [messages, business_id, day])


def _is_marked(claim: Claim) -> bool:
    """Asked until the database is back, as long as the lease leaves time for a call after it."""
    give_up_at = time.monotonic() + settings.SEND_LEASE - settings.GATEWAY_CALL_DEADLINE
    ours = Batch.objects.filter(
        pk=claim.batch_id, lease_token=claim.token, state=Batch.State.SUBMITTING
    )
    while True:
        try:
            return ours.exists()
        except OperationalError:
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.5)
