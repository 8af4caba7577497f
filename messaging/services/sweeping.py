"""What a crash, a lost doorbell or a cancel left behind. Harmless when doubled."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from messaging.models import Batch, Broadcast, ExpansionCursor, GatewayEvent, WaitingReport
from messaging.services.broadcasts import complete_broadcast, finished_broadcasts
from messaging.signals import messages_changed

logger = logging.getLogger(__name__)

_END_MESSAGES = """
WITH moved AS (
    UPDATE messaging_message SET status = %(status)s, reason = %(reason)s
    WHERE id BETWEEN %(first)s AND %(last)s AND batch_id = %(batch)s AND status = 'queued'
    RETURNING id
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT %(broadcast)s, id, %(status)s, %(reason)s FROM moved WHERE %(status)s = 'unknown'
)
UPDATE messaging_broadcastcounters SET queued = queued - n, updated_at = now(),
    unknown = unknown + CASE WHEN %(status)s = 'unknown' THEN n ELSE 0 END,
    cancelled = cancelled + CASE WHEN %(status)s = 'cancelled' THEN n ELSE 0 END,
    expired = expired + CASE WHEN %(status)s = 'expired' THEN n ELSE 0 END
FROM (SELECT count(*) AS n FROM moved) delta
WHERE broadcast_id = %(broadcast)s AND n > 0
"""

_ENDED = Q(broadcast__status__in=[Broadcast.Status.CANCELLED, Broadcast.Status.FAILED])
_EXPIRED = Q(broadcast__expires_at__lte=Now())
_BATCHES_AT_A_TIME = 1000
_REPORTS_WAIT = 72  # hours for their message, at least; it will not be known any more


@dataclass(frozen=True, slots=True)
class Findings:
    """What is to be rung."""

    expand: list[int]
    send: bool
    apply: bool


def sweep_messaging() -> Findings:
    _end_batches(Q(state="submitting", lease_until__lt=Now()), "lost", "unknown")
    _end_batches(_ENDED & Q(state="ready"), "cancelled", "cancelled")
    _end_batches(_EXPIRED & Q(state="ready"), "cancelled", "expired")
    for broadcast_id in finished_broadcasts().values_list("id", flat=True):
        complete_broadcast(broadcast_id=broadcast_id)
    wait = timedelta(hours=max(_REPORTS_WAIT, settings.UNKNOWN_CLOSURE_HOURS))
    WaitingReport.objects.filter(received_at__lt=Now() - wait).delete()
    return _findings()


def settle_batches(*, broadcast_id: int) -> bool:
    """End the ready batches of a cancelled broadcast; True if there may be more."""
    condition = _ENDED & Q(state="ready", broadcast_id=broadcast_id)
    return _end_batches(condition, "cancelled", "cancelled") == _BATCHES_AT_A_TIME


def _end_batches(condition: Q, state: str, status: str) -> int:
    """How many were looked at. One that cannot be ended must not keep the others from it."""
    found = Batch.objects.filter(condition).order_by("id")
    ids = list(found.values_list("id", flat=True)[:_BATCHES_AT_A_TIME])
    for batch_id in ids:
        try:
            _end_batch(batch_id, condition, state, status)
        except (DataError, IntegrityError):
            logger.exception("Batch %s cannot be ended.", batch_id)
    return len(ids)


@transaction.atomic
def _end_batch(batch_id: int, condition: Q, state: str, status: str) -> None:
    """One batch and its messages, unless somebody else has it or it changed meanwhile."""
    batch = (
        Batch.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("broadcast")
        .filter(condition, pk=batch_id)
        .first()
    )
    if batch is None:
        return
    batch.state = state
    batch.save(update_fields=["state"])
    with connection.cursor() as cursor:
        cursor.execute(
            _END_MESSAGES,
            {
                "first": batch.first_message_id,
                "last": batch.last_message_id,
                "batch": batch.pk,
                "broadcast": batch.broadcast_id,
                "status": status,
                "reason": "worker_lost" if status == "unknown" else "",
            },
        )
    messages_changed.send(Batch, business_ids={batch.broadcast.business_id})


def _findings() -> Findings:
    ready = Batch.objects.filter(
        broadcast=OuterRef("pk"), state=Batch.State.READY, not_before__lte=Now()
    )
    due = Broadcast.objects.filter(Exists(ready), status="sending", not_before__lte=Now())
    expandable = ExpansionCursor.objects.filter(done=False)
    return Findings(
        expand=list(expandable.values_list("broadcast_id", flat=True)),
        send=due.exists(),
        apply=GatewayEvent.objects.filter(state="pending").exists()
        or WaitingReport.objects.exists(),
    )
