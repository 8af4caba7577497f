"""One transaction that takes one batch: its commit is the write-ahead mark of all its messages."""

import logging
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from messaging.gateways.base import OutgoingSms
from messaging.models import Batch
from messaging.signals import messages_changed

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


# The broadcast least recently served goes first: a small campaign never waits behind a large one.
# The outer query keeps the order of `open`, being a nested loop over it (LATERAL), and stops at
# the first batch that it could lock; were the order lost, so would be fairness, nothing else.
_CLAIM = """
WITH open AS MATERIALIZED (
    SELECT broadcast.id, broadcast.business_id, broadcast.sender, broadcast.setbacks,
        broadcast.reaches_suppressed, business.daily_message_cap,
        (now() AT TIME ZONE 'UTC')::date AS day
    FROM messaging_broadcast broadcast
    JOIN accounts_business business ON business.id = broadcast.business_id
    CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE business.time_zone)::time AS clock) here
    LEFT JOIN messaging_dailyusage used ON used.business_id = business.id
        AND used.day = (now() AT TIME ZONE 'UTC')::date
    WHERE broadcast.status = 'sending'
        AND broadcast.not_before <= now()
        AND (broadcast.expires_at IS NULL OR broadcast.expires_at > now())
        AND coalesce(used.messages, 0) < business.daily_message_cap
        AND (business.quiet_from IS NULL OR NOT CASE
            WHEN business.quiet_from <= business.quiet_until
            THEN clock >= business.quiet_from AND clock < business.quiet_until
            ELSE clock >= business.quiet_from OR clock < business.quiet_until END)
    ORDER BY broadcast.last_served
), claimed AS (
    SELECT batch.id, batch.size, open.id AS broadcast_id, open.business_id, open.sender,
        open.setbacks, open.reaches_suppressed, open.daily_message_cap, open.day
    FROM open CROSS JOIN LATERAL (
        SELECT id, size FROM messaging_batch
        WHERE broadcast_id = open.id AND state = 'ready' AND not_before <= now()
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) batch
    LIMIT 1
), quota AS (
    UPDATE messaging_dailyusage used
    SET messages = greatest(before.messages,
        least(claimed.daily_message_cap, before.messages + claimed.size))
    FROM claimed, LATERAL (
        SELECT id, messages FROM messaging_dailyusage
        WHERE business_id = claimed.business_id AND day = claimed.day FOR UPDATE
    ) before
    WHERE used.id = before.id
    RETURNING used.messages - before.messages AS granted
), served AS (
    UPDATE messaging_broadcast SET last_served = clock_timestamp()
    WHERE id = (SELECT broadcast_id FROM claimed)
)
UPDATE messaging_batch batch
SET state = 'submitting', lease_token = %(token)s, attempts = attempts + 1,
    lease_until = now() + make_interval(secs => %(lease)s)
FROM claimed
WHERE batch.id = claimed.id
RETURNING batch.id, claimed.broadcast_id, claimed.business_id, claimed.sender, claimed.day,
    claimed.setbacks, claimed.reaches_suppressed, batch.attempts, batch.size,
    batch.first_message_id, batch.last_message_id,
    (SELECT granted FROM quota) AS granted
"""

_LOSE_TURN = """
UPDATE messaging_broadcast SET last_served = clock_timestamp() WHERE id = (
    SELECT id FROM messaging_broadcast broadcast
    WHERE status = 'sending' AND not_before <= now() AND EXISTS (
        SELECT FROM messaging_batch WHERE broadcast_id = broadcast.id AND state = 'ready')
    ORDER BY last_served LIMIT 1)
"""

# Drops who has opted out or was deleted, and reads the others.
_MESSAGES = """
WITH queued AS MATERIALIZED (
    SELECT id, public_id, phone, text, CASE
        WHEN NOT %(reaches_suppressed)s AND EXISTS (SELECT FROM contacts_suppression
            WHERE business_id = %(business)s AND phone = message.phone) THEN 'opted_out'
        WHEN contact_id IS NOT NULL AND NOT EXISTS (SELECT FROM contacts_contact
            WHERE id = message.contact_id) THEN 'contact_deleted'
        END AS obstacle
    FROM messaging_message message
    WHERE id BETWEEN %(first)s AND %(last)s AND batch_id = %(batch)s AND status = 'queued'
), dropped AS (
    UPDATE messaging_message message SET status = 'suppressed', reason = queued.obstacle
    FROM queued WHERE message.id = queued.id AND queued.obstacle IS NOT NULL
    RETURNING message.id, message.reason
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT %(broadcast)s, id, 'suppressed', reason FROM dropped
), counted AS (
    UPDATE messaging_broadcastcounters SET queued = queued - gone.n,
        suppressed = suppressed + gone.n, updated_at = now()
    FROM (SELECT count(*) AS n FROM dropped) gone
    WHERE broadcast_id = %(broadcast)s AND gone.n > 0
)
SELECT id, public_id, phone, text FROM queued WHERE obstacle IS NULL ORDER BY id
"""

_GIVE_BACK = """
UPDATE messaging_dailyusage SET messages = greatest(messages - %s, 0)
WHERE business_id = %s AND day = %s
"""

_OPEN_DAY = """
INSERT INTO messaging_dailyusage (business_id, day, messages) VALUES (%s, %s, 0)
ON CONFLICT (business_id, day) DO NOTHING
"""

# What the day's cap does not allow any more waits in a batch of its own: for tomorrow, or for a
# higher cap.
_POSTPONE = """
WITH later AS (
    INSERT INTO messaging_batch (broadcast_id, state, size, first_message_id, last_message_id,
        attempts, not_before)
    VALUES (%(broadcast)s, 'ready', %(size)s, %(first)s, %(last)s, 0, now())
    RETURNING id
), shrunk AS (
    UPDATE messaging_batch SET size = size - %(size)s WHERE id = %(batch)s
)
UPDATE messaging_message SET batch_id = later.id FROM later
WHERE messaging_message.id = ANY(%(ids)s)
"""


def claim_batch() -> Claim | None:
    """The next batch that may go out now, committed as `submitting`; None if there is none."""
    try:
        return _claim(uuid.uuid4())
    except (DataError, IntegrityError):
        # A fault in one broadcast's data must not stop all others: it goes to the end of the line.
        logger.exception("The claim failed; the broadcast that was next loses its turn.")
        with connection.cursor() as cursor:
            cursor.execute(_LOSE_TURN)
        return _claim(uuid.uuid4())


def _claim(token: uuid.UUID) -> Claim | None:
    claim: Claim | None = None
    try:
        while True:
            with transaction.atomic():
                row = _claim_row(token)
                if row is None:
                    return None
                if (row["granted"] or 0) > 0:
                    claim = _read_messages(row, token)
                    messages_changed.send(Batch, business_ids={claim.business_id})
                    break
                transaction.set_rollback(True)
            _open_day(row)
    except OperationalError:
        # The commit may have happened: the batch is ours exactly if it carries our token.
        connection.close()
        if claim is None or not _is_marked(claim):
            raise
        logger.warning("The commit of batch %s was in doubt; it holds.", claim.batch_id)
    return claim


def _claim_row(token: uuid.UUID) -> dict[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"token": token, "lease": settings.SEND_LEASE})
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
    return dict(zip(names, row, strict=True)) if row else None


def _open_day(row: dict[str, Any]) -> None:
    """The first batch of a business's day; a cap reached in this instant ends in None anyway."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_DAY, [row["business_id"], row["day"]])


def _read_messages(row: dict[str, Any], token: uuid.UUID) -> Claim:
    with connection.cursor() as cursor:
        cursor.execute(
            _MESSAGES,
            {
                "first": row["first_message_id"],
                "last": row["last_message_id"],
                "batch": row["id"],
                "business": row["business_id"],
                "broadcast": row["broadcast_id"],
                "reaches_suppressed": row["reaches_suppressed"],
            },
        )
        messages = cursor.fetchall()
    if row["granted"] < len(messages):
        _postpone(row, [message[0] for message in messages[row["granted"] :]])
        messages = messages[: row["granted"]]
    if row["granted"] > len(messages):
        give_back(row["business_id"], row["day"], row["granted"] - len(messages))
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


def _postpone(row: dict[str, Any], ids: list[int]) -> None:
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _POSTPONE,
            {
                "broadcast": row["broadcast_id"],
                "batch": row["id"],
                "size": len(ids),
                "first": ids[0],
                "last": ids[-1],
                "ids": ids,
            },
        )


def give_back(business_id: int, day: date, messages: int) -> None:
    """What did not go out does not count against the day's cap."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, [messages, business_id, day])


def _is_marked(claim: Claim) -> bool:
    return Batch.objects.filter(
        pk=claim.batch_id, lease_token=claim.token, state=Batch.State.SUBMITTING
    ).exists()
