"""One transaction that takes one batch: its commit is the write-ahead mark of all its messages."""

import logging
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction

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
    day: date
    messages: list[int]
    sms: list[OutgoingSms]


# The broadcast least recently served goes first: a small campaign never waits behind a large one.
# The outer query keeps the order of `open`, being a nested loop over it (LATERAL), and stops at
# the first batch that it could lock; were the order lost, so would be fairness, nothing else.
_CLAIM = """
WITH open AS MATERIALIZED (
    SELECT broadcast.id, broadcast.business_id, broadcast.sender, business.daily_message_cap,
        (now() AT TIME ZONE business.time_zone)::date AS day
    FROM messaging_broadcast broadcast
    JOIN accounts_business business ON business.id = broadcast.business_id
    CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE business.time_zone)::time AS clock) here
    LEFT JOIN messaging_dailyusage used ON used.business_id = business.id
        AND used.day = (now() AT TIME ZONE business.time_zone)::date
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
        open.daily_message_cap, open.day
    FROM open CROSS JOIN LATERAL (
        SELECT id, size FROM messaging_batch
        WHERE broadcast_id = open.id AND state = 'ready' AND not_before <= now()
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) batch
    LIMIT 1
), quota AS (
    UPDATE messaging_dailyusage used
    SET messages = least(claimed.daily_message_cap, before.messages + claimed.size)
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
    batch.attempts, batch.size, batch.first_message_id, batch.last_message_id,
    (SELECT granted FROM quota) AS granted
"""

# Drops who is suppressed and reads the others. The update is not seen by the select, hence the
# same condition twice.
_MESSAGES = """
WITH dropped AS (
    UPDATE messaging_message message SET status = 'suppressed', reason = 'opted_out'
    WHERE message.id BETWEEN %(first)s AND %(last)s AND message.batch_id = %(batch)s
        AND message.status = 'queued' AND EXISTS (
            SELECT FROM contacts_suppression
            WHERE business_id = %(business)s AND phone = message.phone)
    RETURNING message.id
), problem AS (
    INSERT INTO messaging_messageproblem (broadcast_id, message_id, status, reason)
    SELECT %(broadcast)s, id, 'suppressed', 'opted_out' FROM dropped
), counted AS (
    UPDATE messaging_broadcastcounters SET queued = queued - gone.n,
        suppressed = suppressed + gone.n, updated_at = now()
    FROM (SELECT count(*) AS n FROM dropped) gone
    WHERE broadcast_id = %(broadcast)s AND gone.n > 0
)
SELECT id, public_id, phone, text FROM messaging_message message
WHERE id BETWEEN %(first)s AND %(last)s AND batch_id = %(batch)s AND status = 'queued'
    AND NOT EXISTS (
        SELECT FROM contacts_suppression
        WHERE business_id = %(business)s AND phone = message.phone)
ORDER BY id
"""

_OPEN_DAY = """
INSERT INTO messaging_dailyusage (business_id, day, messages) VALUES (%s, %s, 0)
ON CONFLICT (business_id, day) DO NOTHING
"""

# What the day's cap does not allow any more waits for the next day of the business.
_POSTPONE = """
WITH later AS (
    INSERT INTO messaging_batch (broadcast_id, state, size, first_message_id, last_message_id,
        attempts, not_before)
    SELECT %(broadcast)s, 'ready', %(size)s, %(first)s, %(last)s, 0,
        (%(day)s::date + 1)::timestamp AT TIME ZONE business.time_zone
    FROM accounts_business business WHERE business.id = %(business)s
    RETURNING id
)
UPDATE messaging_message SET batch_id = later.id FROM later
WHERE messaging_message.id = ANY(%(ids)s)
"""


def claim_batch() -> Claim | None:
    """The next batch that may go out now, committed as `submitting`; None if there is none."""
    token = uuid.uuid4()
    claim: Claim | None = None
    try:
        while True:
            with transaction.atomic():
                row = _claim_row(token)
                if row is None:
                    return None
                if row["granted"]:
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
            },
        )
        messages = cursor.fetchall()
    if row["granted"] < row["size"]:
        _postpone(row, [message[0] for message in messages[row["granted"] :]])
        messages = messages[: row["granted"]]
    return Claim(
        batch_id=row["id"],
        broadcast_id=row["broadcast_id"],
        business_id=row["business_id"],
        token=token,
        attempts=row["attempts"],
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
                "business": row["business_id"],
                "day": row["day"],
                "size": len(ids),
                "first": ids[0],
                "last": ids[-1],
                "ids": ids,
            },
        )


def _is_marked(claim: Claim) -> bool:
    return Batch.objects.filter(
        pk=claim.batch_id, lease_token=claim.token, state=Batch.State.SUBMITTING
    ).exists()
