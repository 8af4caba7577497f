"""What a gateway call came to, written once: fenced by the lease, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connection, transaction

from messaging.models import Batch
from messaging.services.claiming import Claim, give_back
from messaging.signals import messages_changed


@dataclass(slots=True)
class Results:
    """Columns by position, in order of id: one entry a message whose fate is known."""

    ids: list[int] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    gateway_ids: list[str] = field(default_factory=list)

    def add(self, message_id: int, status: str, reason: str = "", gateway_id: str = "") -> None:
        self.ids.append(message_id)
        self.statuses.append(status)
        self.reasons.append(reason)
        self.gateway_ids.append(gateway_id)


@dataclass(slots=True)
class Requeue:
    """Messages that are proven not accepted, each list a new batch after `delay` seconds."""

    delay: float = 0
    parts: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What stands now; queued: messages of the broadcast, None if no count has moved."""

    queued: int | None


_LOCK = """
SELECT FROM messaging_batch WHERE id = %s AND lease_token = %s AND state = 'submitting' FOR UPDATE
"""
# A claim holds its broadcast when it moves the counters, of whom it drops: so does whoever is going
# to move both.
_LOCK_BROADCAST = "SELECT FROM messaging_broadcast WHERE id = %s FOR NO KEY UPDATE"

# `prior` is 'queued' for the owner of the lease. Whoever lost it finds 'unknown', which a late
# answer may still lift, but only up. The end of the batch is the fence of all the rest, in the same
# statement: a batch needs no transaction around it.
# A message finds its result by binary search (width_bucket), not by a join: whatever the planner
# believes of a table that grows by thousands a second, it can compare none with all others.
_RECORD = """
WITH ended AS (
    UPDATE messaging_batch SET state = 'recorded'
    WHERE id = %(batch)s AND lease_token = %(token)s AND state = 'submitting'
    RETURNING id
), results AS MATERIALIZED (
    SELECT %(results)s::jsonb AS columns
), given AS MATERIALIZED (
    SELECT ARRAY(SELECT jsonb_array_elements_text(columns -> 'ids')::int8) AS ids,
        ARRAY(SELECT jsonb_array_elements_text(columns -> 'statuses')) AS statuses,
        ARRAY(SELECT jsonb_array_elements_text(columns -> 'reasons')) AS reasons,
        ARRAY(SELECT jsonb_array_elements_text(columns -> 'gateway_ids')) AS gateway_ids
    FROM results
), moved AS (
    UPDATE messaging_message message
    SET status = given.statuses[width_bucket(message.id, given.ids)],
        reason = given.reasons[width_bucket(message.id, given.ids)],
        sent_at = CASE given.statuses[width_bucket(message.id, given.ids)]
            WHEN 'sent' THEN now() END
    FROM given
    WHERE message.id BETWEEN %(first)s AND %(last)s
        AND message.batch_id = %(batch)s AND message.status = %(prior)s
        AND given.ids[width_bucket(message.id, given.ids)] = message.id
        AND (%(prior)s = 'unknown' OR EXISTS (SELECT FROM ended))
    RETURNING message.id, message.status, message.reason, message.segments,
        given.gateway_ids[width_bucket(message.id, given.ids)] AS gateway_id
), reference AS (
    INSERT INTO messaging_gatewayreference (gateway_message_id, message_id)
    SELECT gateway_id, id FROM moved WHERE gateway_id <> ''
    ON CONFLICT DO NOTHING
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT %(broadcast)s, id, status, reason FROM moved WHERE status IN ('failed', 'unknown')
), counted AS (
    UPDATE messaging_broadcastcounters SET
        queued = queued - CASE WHEN %(prior)s = 'queued' THEN n ELSE 0 END,
        unknown = unknown + new_unknown - CASE WHEN %(prior)s = 'unknown' THEN n ELSE 0 END,
        sent = sent + new_sent,
        failed = failed + new_failed,
        segments = segments + new_segments,
        first_sent_at = coalesce(first_sent_at, CASE WHEN new_sent > 0 THEN now() END),
        updated_at = now()
    FROM (
        SELECT count(*) AS n,
            count(*) FILTER (WHERE status = 'sent') AS new_sent,
            count(*) FILTER (WHERE status = 'failed') AS new_failed,
            count(*) FILTER (WHERE status = 'unknown') AS new_unknown,
            coalesce(sum(segments) FILTER (WHERE status = 'sent'), 0) AS new_segments
        FROM moved
    ) delta
    WHERE broadcast_id = %(broadcast)s AND n > 0
    RETURNING queued
)
SELECT EXISTS (SELECT FROM ended), (SELECT queued FROM counted)
"""

_REQUEUE = """
WITH batch AS (
    INSERT INTO messaging_batch (broadcast_id, state, size, first_message_id, last_message_id,
        attempts, not_before)
    VALUES (%(broadcast)s, 'ready', %(size)s, %(first)s, %(last)s, %(attempts)s,
        now() + make_interval(secs => %(delay)s))
    RETURNING id
)
UPDATE messaging_message SET batch_id = batch.id FROM batch
WHERE messaging_message.id = ANY(%(ids)s) AND messaging_message.id BETWEEN %(first)s AND %(last)s
"""


def record(
    claim: Claim, results: Results, requeue: Requeue, *, moves_broadcast: bool = False
) -> Recorded | None:
    """None if the batch was not ours to end; twice is harmless.

    moves_broadcast: the caller will, in the same transaction. A batch that the sweep has declared
    lost gets what can still be said of its `unknown` messages: accepted or refused, never queued.
    """
    if requeue.parts or moves_broadcast:
        recorded = _record_and_requeue(claim, results, requeue, moves_broadcast=moves_broadcast)
    else:
        recorded = _write(claim, results, prior="queued")
    if (
        recorded is None
        and Batch.objects.filter(pk=claim.batch_id, state=Batch.State.LOST).exists()
    ):
        _write(claim, _without_unknown(results), prior="unknown")
    # Last, for without a transaction whoever listens acts at once.
    messages_changed.send(Batch, business_ids={claim.business_id})
    return recorded


@transaction.atomic(savepoint=False)
def _record_and_requeue(
    claim: Claim, results: Results, requeue: Requeue, *, moves_broadcast: bool
) -> Recorded | None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [claim.batch_id, claim.token])
        if cursor.fetchone() is None:
            return None
    # The order of a claim: the day's usage, the broadcast, the counters.
    if requeue.parts:
        give_back(claim.business_id, claim.day, sum(map(len, requeue.parts)))
    if moves_broadcast:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_BROADCAST, [claim.broadcast_id])
    recorded = _write(claim, results, prior="queued")
    for part in requeue.parts:
        _requeue(claim, part, requeue.delay)
    return recorded


def _write(claim: Claim, results: Results, *, prior: str) -> Recorded | None:
    parameters: dict[str, Any] = {
        # As JSON: psycopg writes arrays element by element, in Python.
        "results": orjson.dumps(results).decode(),
        "first": claim.messages[0] if claim.messages else 0,
        "last": claim.messages[-1] if claim.messages else 0,
        "batch": claim.batch_id,
        "token": claim.token,
        "broadcast": claim.broadcast_id,
        "prior": prior,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, parameters)
        has_ended, queued = cursor.fetchone()
    return Recorded(queued) if has_ended else None


def _without_unknown(results: Results) -> Results:
    known = Results()
    rows = zip(results.ids, results.statuses, results.reasons, results.gateway_ids, strict=True)
    for row in rows:
        if row[1] != "unknown":
            known.add(*row)
    return known


def _requeue(claim: Claim, part: Sequence[int], delay: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _REQUEUE,
            {
                "broadcast": claim.broadcast_id,
                "size": len(part),
                "first": part[0],
                "last": part[-1],
                "ids": list(part),
                "attempts": claim.attempts,
                "delay": delay,
            },
        )
