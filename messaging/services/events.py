"""What gateways post, stored raw before it is acknowledged; delivery reports applied in batches."""

import logging
from dataclasses import dataclass, field

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Length

from messaging.gateways import get_gateway
from messaging.gateways.base import (
    DeliveryReport,
    DeliveryStatus,
    UnreadableBody,
    UnreadableElement,
)
from messaging.models import GatewayEvent
from messaging.signals import messages_changed

logger = logging.getLogger(__name__)

State = GatewayEvent.State

_EVENTS_AT_A_TIME = 500
_BYTES_AT_A_TIME = 4_000_000  # about 20,000 reports: memory stays flat whatever the arrays
_LOCK = 0x7461706C  # one applier at a time: no deadlocks, and reports keep their order


def store_event(*, gateway: str, kind: str, raw: bytes) -> None:
    """One durable insert; whoever calls acknowledges only after it."""
    GatewayEvent.objects.create(gateway=gateway, kind=kind, raw=raw)


def replay_events(*, ids: list[int]) -> int:
    """Take events out of quarantine, to be tried again: what was applied does not count twice."""
    quarantined = GatewayEvent.objects.filter(pk__in=ids, state=State.QUARANTINED)
    return quarantined.update(state=State.PENDING, problem="")


@dataclass(slots=True)
class Reports:
    """Columns by position: the first final report of each message id."""

    ids: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add(self, report: DeliveryReport) -> None:
        # `sent` tells nothing new, and of two final reports the first one stands.
        if report.status is DeliveryStatus.SENT or report.gateway_message_id in self.seen:
            return
        self.seen.add(report.gateway_message_id)
        self.ids.append(report.gateway_message_id)
        self.statuses.append(report.status.value)
        self.reasons.append(report.reason.value if report.reason else "")


# Reports whose message is known by now come back from the waiting room, the first ones first.
_RETURNED = """
WITH returned AS (
    DELETE FROM messaging_waitingreport waiting USING messaging_gatewayreference reference
    WHERE reference.gateway_message_id = waiting.gateway_message_id
    RETURNING waiting.id, waiting.gateway_message_id, waiting.status, waiting.reason
)
SELECT gateway_message_id, status, reason FROM returned ORDER BY id
"""

_APPLY = """
WITH report AS (
    SELECT * FROM unnest(%(ids)s::text[], %(statuses)s::text[], %(reasons)s::text[])
        AS r (gateway_message_id, status, reason)
), known AS (
    SELECT report.*, reference.message_id FROM report
    JOIN messaging_gatewayreference reference USING (gateway_message_id)
), target AS (
    SELECT message.id, message.broadcast_id, message.status AS prior, message.segments,
        known.status, known.reason
    FROM known JOIN messaging_message message ON message.id = known.message_id
    WHERE message.status IN ('sent', 'unknown')
        OR message.status = 'failed' AND message.reason = 'unconfirmed'
    ORDER BY message.id FOR UPDATE OF message
), moved AS (
    UPDATE messaging_message message
    SET status = target.status, reason = target.reason, reported_at = now()
    FROM target WHERE message.id = target.id
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT broadcast_id, id, status, reason FROM target WHERE status = 'undelivered'
), waiting AS (
    INSERT INTO messaging_waitingreport (gateway_message_id, status, reason)
    SELECT gateway_message_id, status, reason FROM report
    WHERE gateway_message_id NOT IN (SELECT gateway_message_id FROM known)
)
UPDATE messaging_broadcastcounters counters SET
    sent = sent - from_sent,
    unknown = unknown - from_unknown,
    failed = failed - from_failed,
    delivered = delivered + new_delivered,
    undelivered = undelivered + new_undelivered,
    segments = segments + new_segments,
    updated_at = now()
FROM (
    SELECT broadcast_id,
        count(*) FILTER (WHERE prior = 'sent') AS from_sent,
        count(*) FILTER (WHERE prior = 'unknown') AS from_unknown,
        count(*) FILTER (WHERE prior = 'failed') AS from_failed,
        count(*) FILTER (WHERE status = 'delivered') AS new_delivered,
        count(*) FILTER (WHERE status = 'undelivered') AS new_undelivered,
        coalesce(sum(segments) FILTER (WHERE prior <> 'sent'), 0) AS new_segments
    FROM target GROUP BY broadcast_id
) delta
WHERE counters.broadcast_id = delta.broadcast_id
RETURNING (SELECT business_id FROM messaging_broadcast WHERE id = counters.broadcast_id)
"""


def apply_stored_events() -> bool:
    """Apply the oldest stored events; True if there may be more. Twice is harmless."""
    try:
        return _apply_oldest(_EVENTS_AT_A_TIME)
    except (DataError, IntegrityError):
        logger.exception("Gateway events cannot be applied together; trying one by one.")
    return _apply_one_by_one()


def _apply_one_by_one() -> bool:
    """What cannot be applied must not stand in the way of the rest: it goes to quarantine."""
    for event_id in _oldest_ids():
        try:
            _apply_oldest(1)
        except (DataError, IntegrityError) as error:
            GatewayEvent.objects.filter(pk=event_id, state=State.PENDING).update(
                state=State.QUARANTINED, problem=f"cannot be applied: {error}"[:255]
            )
    return True


@transaction.atomic
def _apply_oldest(limit: int) -> bool:
    if not _take_lock():
        return False
    reports = Reports()
    _take_returned(reports)
    events, more = _take_events(limit)
    for event in events:
        _read(event, reports)
    if reports.ids:
        _apply(reports)
    _mark(events)
    return more


def _take_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _take_returned(reports: Reports) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RETURNED)
        for gateway_message_id, status, reason in cursor.fetchall():
            if gateway_message_id not in reports.seen:
                reports.seen.add(gateway_message_id)
                reports.ids.append(gateway_message_id)
                reports.statuses.append(status)
                reports.reasons.append(reason)


def _pending() -> QuerySet[GatewayEvent]:
    reports = GatewayEvent.objects.filter(kind=GatewayEvent.Kind.DELIVERY, state=State.PENDING)
    return reports.order_by("id")


def _oldest_ids() -> list[int]:
    return list(_pending().values_list("id", flat=True)[:_EVENTS_AT_A_TIME])


def _take_events(limit: int) -> tuple[list[GatewayEvent], bool]:
    """As many of the oldest events as fit, at least one."""
    sizes = list(_pending().annotate(size=Length("raw")).values_list("id", "size")[:limit])
    taken: list[int] = []
    total = 0
    for event_id, size in sizes:
        total += size
        if taken and total > _BYTES_AT_A_TIME:
            break
        taken.append(event_id)
    more = len(taken) < len(sizes) or len(sizes) == limit
    return list(GatewayEvent.objects.filter(id__in=taken).order_by("id")), more


def _read(event: GatewayEvent, reports: Reports) -> None:
    """Collect the event's reports; what cannot be read puts the event aside for a person."""
    try:
        elements = get_gateway().parse_deliveries(bytes(event.raw))
    except UnreadableBody as error:
        event.state, event.problem = State.QUARANTINED, str(error)[:255]
        return
    problems = []
    for element in elements:
        if isinstance(element, UnreadableElement):
            problems.append(f"element {element.index}: {element.reason}")
        else:
            reports.add(element)
    event.state = State.QUARANTINED if problems else State.APPLIED
    event.problem = "; ".join(problems)[:255]


def _apply(reports: Reports) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _APPLY, {"ids": reports.ids, "statuses": reports.statuses, "reasons": reports.reasons}
        )
        businesses = {row[0] for row in cursor.fetchall()}
    if businesses:
        messages_changed.send(GatewayEvent, business_ids=businesses)


def _mark(events: list[GatewayEvent]) -> None:
    applied = [event.pk for event in events if event.state == State.APPLIED]
    GatewayEvent.objects.filter(pk__in=applied).update(state=State.APPLIED)
    for event in events:
        if event.state == State.QUARANTINED:
            logger.warning("Gateway event %s is in quarantine: %s", event.pk, event.problem)
            event.save(update_fields=["state", "problem"])
