"""What gateways post, stored raw before it is acknowledged; delivery reports applied in batches."""

import logging

import orjson
from django.db import DataError, IntegrityError, connection, transaction

from messaging.gateways import get_gateway
from messaging.gateways.base import DeliveryStatus, UnreadableBody, UnreadableElement
from messaging.models import GatewayEvent
from messaging.signals import messages_changed

logger = logging.getLogger(__name__)

State = GatewayEvent.State
# Status and reason of each id: of the first final report, or else that it is under way.
Reports = dict[str, tuple[str, str]]

_UNDER_WAY = (DeliveryStatus.SENT.value, "")
_EVENTS_AT_A_TIME = 5000
_BYTES_AT_A_TIME = 4_000_000  # about 20,000 reports: memory stays flat whatever the arrays
_ONE_BY_ONE = 500  # once they cannot be applied together
_LOCK = 0x7461706C

# Plain, for there may be thousands a second.
_STORE = """
INSERT INTO messaging_gatewayevent (gateway, kind, raw, state, problem)
VALUES (%s, %s, %s, 'pending', '')
"""


def store_event(*, gateway: str, kind: str, raw: bytes) -> None:
    """One durable insert; whoever calls acknowledges only after it."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [gateway, kind, raw])


def replay_events(*, ids: list[int]) -> int:
    """Take events out of quarantine, to be tried again: what was applied does not count twice."""
    quarantined = GatewayEvent.objects.filter(pk__in=ids, state=State.QUARANTINED)
    return quarantined.update(state=State.PENDING, problem="")


# One applier at a time: no deadlocks, and reports keep their order. Whatever the statistics say,
# each report looks up its message by an index: no join reads a whole table.
_BEGIN = """
SELECT pg_try_advisory_xact_lock(%s), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)
"""

# As many of the oldest as fit, at least one; and how many there are, up to the limit. The length of
# a value is known without reading it.
_OLDEST = """
SELECT id, raw, found FROM (
    SELECT id, raw, length(raw) AS size, count(*) OVER () AS found,
        sum(length(raw)) OVER (ORDER BY id) AS total
    FROM (
        SELECT id, raw FROM messaging_gatewayevent WHERE kind = 'delivery' AND state = 'pending'
        ORDER BY id LIMIT %(limit)s
    ) oldest
) measured
WHERE total <= %(bytes)s OR total = size ORDER BY id
"""

# A report whose message is known by now comes back from the waiting room, and before a new one: of
# two final reports the first one stands. In the same statement, for between two of them the message
# may become known. No NOT IN: where the statistics tell of many who wait, it compares all with all.
# That it is under way is no news of a message whose id is known, for it was accepted. It waits only
# while there is one that it may be about: unknown, or in a call that may still end so.
_APPLY = """
WITH report AS (
    SELECT key AS gateway_message_id, value ->> 0 AS status, value ->> 1 AS reason, message_id
    FROM jsonb_each(%(reports)s::jsonb)
    LEFT JOIN messaging_gatewayreference ON gateway_message_id = key
), returned AS (
    DELETE FROM messaging_waitingreport waiting USING messaging_gatewayreference reference
    WHERE reference.gateway_message_id = waiting.gateway_message_id
        AND (%(all_waiting)s OR waiting.gateway_message_id IN (
            SELECT gateway_message_id FROM report))
    RETURNING waiting.id, waiting.gateway_message_id, waiting.status, waiting.reason,
        reference.message_id
), known AS (
    SELECT DISTINCT ON (gateway_message_id) gateway_message_id, status, reason, message_id
    FROM (
        SELECT gateway_message_id, status, reason, message_id, id AS waiting_id FROM returned
        UNION ALL
        SELECT gateway_message_id, status, reason, message_id, NULL FROM report
        WHERE message_id IS NOT NULL
    ) given WHERE status <> 'sent' ORDER BY gateway_message_id, waiting_id NULLS LAST
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
    SELECT gateway_message_id, status, reason FROM report WHERE message_id IS NULL
        AND (status <> 'sent' OR EXISTS (SELECT FROM messaging_batch WHERE state = 'submitting')
            OR EXISTS (SELECT FROM messaging_broadcastcounters WHERE unknown > 0))
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

_MARK = "UPDATE messaging_gatewayevent SET state = 'applied' WHERE id = ANY(%s)"

_PUT_ASIDE = """
UPDATE messaging_gatewayevent event SET state = 'quarantined', problem = given.problem
FROM unnest(%s::int8[], %s::text[]) given (id, problem)
WHERE event.id = given.id
"""


def apply_stored_events() -> bool:
    """Apply the oldest stored events; True if there may be more. Twice is harmless."""
    try:
        return _apply_oldest(_EVENTS_AT_A_TIME)
    except (DataError, IntegrityError):
        logger.exception("Gateway events cannot be applied together; trying one by one.")
    # What cannot be applied must not stand in the way of the rest: it goes to quarantine.
    return all(_apply_oldest(1, alone=True) for _ in range(_ONE_BY_ONE))


@transaction.atomic
def _apply_oldest(limit: int, *, alone: bool = False) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [_LOCK])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(_OLDEST, {"limit": limit, "bytes": _BYTES_AT_A_TIME})
        events = cursor.fetchall()
    reports: Reports = {}
    problems: dict[int, str] = {}
    for event_id, raw, _ in events:
        if problem := _read(bytes(raw), reports):
            problems[event_id] = problem
    if not alone:
        _apply(reports, all_waiting=True)
    elif problem := _apply_alone(reports):
        problems = {event_id: problem for event_id, _, _ in events}
    _mark([event_id for event_id, _, _ in events if event_id not in problems])
    _put_aside(problems)
    return bool(events) and (len(events) < events[0][2] or len(events) == limit)


def _apply_alone(reports: Reports) -> str:
    """Why it cannot be. Once more if it fails, for somebody may have moved its message meanwhile.

    PostgreSQL checks what we make of the counters as they were before we waited for a lock.
    """
    problem = ""
    for _ in range(2):
        try:
            with transaction.atomic():
                # What waits for others may be what cannot be applied: that is no event's fault.
                _apply(reports, all_waiting=False)
        except (DataError, IntegrityError) as error:
            problem = f"cannot be applied: {error}"
        else:
            return ""
    return problem


def _read(raw: bytes, reports: Reports) -> str:
    """Collect the event's reports; what cannot be read is a problem for a person."""
    try:
        elements = get_gateway().parse_deliveries(raw)
    except UnreadableBody as error:
        return str(error) or "unreadable"
    problems = []
    for element in elements:
        if isinstance(element, UnreadableElement):
            problems.append(f"element {element.index}: {element.reason}")
        elif reports.get(element.gateway_message_id, _UNDER_WAY) == _UNDER_WAY:
            reason = element.reason.value if element.reason else ""
            reports[element.gateway_message_id] = (element.status.value, reason)
    return "; ".join(problems)


def _apply(reports: Reports, *, all_waiting: bool) -> None:
    """all_waiting: whatever may leave the waiting room, not only what is about these messages."""
    # As JSON: psycopg writes arrays of texts in Python, one by one.
    parameters: dict[str, str | bool] = {
        "reports": orjson.dumps(reports).decode(),
        "all_waiting": all_waiting,
    }
    with connection.cursor() as cursor:
        cursor.execute(_APPLY, parameters)
        businesses = {row[0] for row in cursor.fetchall()}
    if businesses:
        messages_changed.send(GatewayEvent, business_ids=businesses)


def _mark(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [ids])


def _put_aside(problems: dict[int, str]) -> None:
    for event_id, problem in problems.items():
        logger.warning("Gateway event %s is in quarantine: %s", event_id, problem)
    if problems:
        texts = [problem[:255] for problem in problems.values()]
        with connection.cursor() as cursor:
            cursor.execute(_PUT_ASIDE, [list(problems), texts])
