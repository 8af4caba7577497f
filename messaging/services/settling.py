"""What is `unknown` is settled: by a report that the gateway explains, by time, or by a person.

The reply to a call that was lost took the gateway's ids with it, so that the reports of those
messages name ids nobody knows. They wait (WaitingReport), and the gateway is asked what such an id
stands for. No step here sends anything.
"""

import logging
import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction

from messaging import optout
from messaging.gateways import get_gateway
from messaging.gateways.base import CredentialsRefused, Gateway, LookedUp, LookupFailed
from messaging.models import Message
from messaging.selectors import unknown_messages
from messaging.signals import messages_changed

logger = logging.getLogger(__name__)

_SECONDS: Final = 8  # that one run may ask for, so that it keeps no worker from its other work
_FAILURES: Final = 3  # in a row after which the gateway is left alone
_ASK_AGAIN_IN: Final = 60  # seconds, after that
_LIFTED_FOR: Final = 30 * 24  # hours in which a report still lifts what was closed
_CLOSED_AT_A_TIME: Final = 1000

# Pushed ahead before the call: a process that dies in it is not followed into the same trap, and
# of two at once each asks for other ids. Doubled from a minute to four hours, 25 times in 72 h.
# Only while there is something to settle: the reports of a neighbour on the same account are not
# our business. A report must be older than the lease: before, its own call may still be answered.
_TAKE = """
WITH due AS (
    SELECT id FROM messaging_waitingreport
    WHERE look_up_at <= now() AND received_at <= now() - make_interval(secs => %(lease)s)
        AND (EXISTS (SELECT FROM messaging_broadcastcounters WHERE unknown > 0)
            OR EXISTS (SELECT FROM messaging_messageproblem WHERE reason = 'unconfirmed'
                AND created_at > now() - make_interval(hours => %(lifted)s)))
    ORDER BY look_up_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE messaging_waitingreport waiting SET lookups = lookups + 1,
    look_up_at = now() + make_interval(secs => least(60 * 2 ^ least(lookups, 8), 14400))
FROM due WHERE waiting.id = due.id
RETURNING waiting.id, waiting.gateway_message_id
"""

# Those of which the gateway was not asked after all, for it could not answer.
_PUT_BACK = """
UPDATE messaging_waitingreport SET lookups = greatest(lookups - 1, 0),
    look_up_at = now() + make_interval(secs => %(delay)s)
WHERE id = ANY(%(ids)s)
"""

# One message, if it is the only one that the look-up fits. Another that fits and is under way just
# now counts, too: the report may be its own. Only then the message is locked, as the first of all,
# then its counters: the order of everybody who moves messages.
_BIND = """
WITH doubtful AS MATERIALIZED (
    SELECT broadcast_id FROM messaging_broadcastcounters WHERE unknown > 0
    UNION
    SELECT broadcast_id FROM messaging_messageproblem WHERE reason = 'unconfirmed'
        AND created_at > now() - make_interval(hours => %(lifted)s)
    UNION
    SELECT broadcast_id FROM messaging_batch WHERE state = 'submitting'
), alike AS MATERIALIZED (
    SELECT message.id FROM doubtful CROSS JOIN LATERAL (
        SELECT id, text, status, reason FROM messaging_message
        WHERE broadcast_id = doubtful.broadcast_id AND phone = %(phone)s
        LIMIT 1 -- it is unique; and so the index is asked for each, whatever the statistics say
    ) message
    WHERE message.text = %(text)s AND (message.status IN ('unknown', 'queued')
        OR message.status = 'failed' AND message.reason = 'unconfirmed')
), target AS (
    SELECT id, broadcast_id, business_id, segments, status AS prior FROM messaging_message
    WHERE id = (SELECT min(id) FROM alike HAVING count(*) = 1)
        AND (status = 'unknown' OR status = 'failed' AND reason = 'unconfirmed' AND EXISTS (
            SELECT FROM messaging_waitingreport
            WHERE gateway_message_id = %(id)s AND status <> 'sent'))
        AND NOT EXISTS (
            SELECT FROM messaging_gatewayreference WHERE gateway_message_id = %(id)s)
    FOR UPDATE
), returned AS (
    DELETE FROM messaging_waitingreport
    WHERE gateway_message_id = %(id)s AND EXISTS (SELECT FROM target)
    RETURNING id, status, reason
), report AS (
    SELECT status, reason FROM returned ORDER BY status = 'sent', id LIMIT 1
), moved AS (
    UPDATE messaging_message message
    SET status = report.status, reason = report.reason, reported_at = now()
    FROM target, report WHERE message.id = target.id
    RETURNING message.id, target.broadcast_id, target.business_id, target.segments, target.prior,
        message.status, message.reason
), reference AS (
    INSERT INTO messaging_gatewayreference (gateway_message_id, message_id)
    SELECT %(id)s, id FROM moved
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT broadcast_id, id, status, reason FROM moved WHERE status = 'undelivered'
)
UPDATE messaging_broadcastcounters counters SET
    unknown = unknown - (prior = 'unknown')::int,
    failed = failed - (prior = 'failed')::int,
    sent = sent + (status = 'sent')::int,
    delivered = delivered + (status = 'delivered')::int,
    undelivered = undelivered + (status = 'undelivered')::int,
    segments = counters.segments + moved.segments,
    updated_at = now()
FROM moved WHERE counters.broadcast_id = moved.broadcast_id
RETURNING moved.business_id
"""

_CLOSE = """
WITH stale AS (
    SELECT message.id FROM messaging_messageproblem problem
    JOIN messaging_message message ON message.id = problem.message_id
    WHERE problem.broadcast_id = %(broadcast)s AND problem.status = 'unknown'
        AND problem.created_at <= now() - make_interval(secs => %(age)s)
        AND message.status = 'unknown'
    ORDER BY message.id LIMIT %(limit)s FOR UPDATE OF message
), moved AS (
    UPDATE messaging_message message SET status = 'failed', reason = 'unconfirmed'
    FROM stale WHERE message.id = stale.id
    RETURNING message.id
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT %(broadcast)s, id, 'failed', 'unconfirmed' FROM moved
)
UPDATE messaging_broadcastcounters SET unknown = unknown - n, failed = failed + n,
    updated_at = now()
FROM (SELECT count(*) AS n FROM moved) delta
WHERE broadcast_id = %(broadcast)s AND n > 0
RETURNING n, (SELECT business_id FROM messaging_broadcast WHERE id = %(broadcast)s)
"""


def look_up_reports(*, gateway: Gateway | None = None) -> int:
    """Ask the gateway about reports whose message is not known; how many messages that settled.

    At most GATEWAY_LOOKUPS calls, for some seconds. It may die anywhere or run twice: a message
    and its report are settled together, in one transaction, or stay as they are.
    """
    gateway = gateway or get_gateway()
    waiting = _take()
    until = time.monotonic() + _SECONDS
    settled = failures = 0
    while waiting and failures < _FAILURES and time.monotonic() < until:
        gateway_message_id, _ = waiting.popitem()
        try:
            found = gateway.lookup(gateway_message_id)
        except (LookupFailed, CredentialsRefused) as error:
            failures += 1
            logger.warning("The gateway could not tell about %s: %s", gateway_message_id, error)
            continue
        failures = 0
        settled += found is not None and _bind_surely(found)
    if waiting:
        _put_back(waiting.values(), delay=_ASK_AGAIN_IN if failures else 0)
    return settled


def _take() -> dict[str, list[int]]:
    """Ids at the gateway, and the reports that name each of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {
                "lease": settings.SEND_LEASE,
                "lifted": _LIFTED_FOR,
                "limit": settings.GATEWAY_LOOKUPS,
            },
        )
        taken: dict[str, list[int]] = {}
        for report_id, gateway_message_id in cursor.fetchall():
            taken.setdefault(gateway_message_id, []).append(report_id)
    return taken


def _put_back(reports: Collection[Sequence[int]], *, delay: int) -> None:
    ids = [report_id for same in reports for report_id in same]
    with connection.cursor() as cursor:
        cursor.execute(_PUT_BACK, {"ids": ids, "delay": delay})


def _bind_surely(found: LookedUp) -> bool:
    """What cannot be bound must not keep the others from it."""
    try:
        return _bind(found)
    except (DataError, IntegrityError):
        # Somebody moved the message while we waited for it. PostgreSQL checks what we make of the
        # counters as they were before that, and only then looks at what they are: once more.
        pass
    try:
        return _bind(found)
    except (DataError, IntegrityError):
        logger.exception("Report %s cannot be bound.", found.gateway_message_id)
        return False


@transaction.atomic
def _bind(found: LookedUp) -> bool:
    """Give the reports of the id to the one message that has this destination and text."""
    if not found.text or not _is_storable(found.text):
        return False
    phone = _phone_of(found.destination, found.text)
    if phone is None:
        return False
    parameters: dict[str, Any] = {
        "id": found.gateway_message_id,
        "phone": phone,
        "text": found.text,
        "lifted": _LIFTED_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BIND, parameters)
        row = cursor.fetchone()
    if row is None:
        return False
    messages_changed.send(Message, business_ids={row[0]})
    return True


def _phone_of(destination: str | None, text: str) -> str | None:
    """As the gateway tells it; Mitto's documented answer does not.

    Then the text may: the keyed opt-out link in it was made for one message, and so for one phone.
    """
    if destination:
        return f"+{destination.strip().lstrip('+')}"
    public_id = optout.find_public_id(text)
    if public_id is None:
        return None
    return Message.objects.filter(public_id=public_id).values_list("phone", flat=True).first()


def _is_storable(text: str) -> bool:
    """Whether PostgreSQL would have taken it: else it is no text of ours."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def close_unknown(
    *, older_than: timedelta | None = None, broadcast_ids: Collection[int] | None = None
) -> int:
    """Close what is unknown as `failed: unconfirmed`; how many. A later report still lifts it.

    older_than: since when it is unknown; UNKNOWN_CLOSURE_HOURS if not said otherwise.
    broadcast_ids: only theirs.
    """
    if older_than is None:
        older_than = timedelta(hours=settings.UNKNOWN_CLOSURE_HOURS)
    closed = 0
    for group in unknown_messages(older_than=older_than, broadcast_ids=broadcast_ids):
        try:
            closed += _close_all(group.broadcast_id, older_than)
        except (DataError, IntegrityError):
            # One that cannot be closed must not keep the others from it.
            logger.exception("Unknown messages of %s cannot be closed.", group.broadcast_id)
    return closed


def _close_all(broadcast_id: int, older_than: timedelta) -> int:
    """Step by step: nobody who moves one of these messages waits for all of them."""
    closed = 0
    while True:
        number = _close(broadcast_id, older_than)
        closed += number
        if number < _CLOSED_AT_A_TIME:
            return closed


@transaction.atomic
def _close(broadcast_id: int, older_than: timedelta) -> int:
    parameters: dict[str, Any] = {
        "broadcast": broadcast_id,
        "age": older_than.total_seconds(),
        "limit": _CLOSED_AT_A_TIME,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, parameters)
        row = cursor.fetchone()
    if row is None:
        return 0
    number, business_id = row
    messages_changed.send(Message, business_ids={business_id})
    return int(number)
