"""Reads of broadcasts and messages."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Sum

from messaging.models import Batch, BroadcastCounters, Message, MessageProblem, Retry


@dataclass(frozen=True, slots=True)
class BroadcastStatistics:
    """Messages by status: each counts in exactly one, so that they add up to `total`.

    `sent` is accepted and not yet reported; `submitting` is being handed to the gateway right now;
    `segments` are those of the messages that the gateway accepted.
    """

    total: int = 0
    queued: int = 0
    submitting: int = 0
    sent: int = 0
    delivered: int = 0
    undelivered: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0
    suppressed: int = 0
    expired: int = 0
    segments: int = 0
    first_sent_at: datetime | None = None
    updated_at: datetime | None = None


_COUNTED = [field.name for field in fields(BroadcastStatistics) if field.name != "submitting"]


def statistics(broadcast_ids: Iterable[int]) -> dict[int, BroadcastStatistics]:
    """By broadcast, in two queries, whatever the number of messages.

    A message in flight stays `queued` in its row, and its batch says that it is being submitted.
    """
    ids = list(broadcast_ids)
    rows = BroadcastCounters.objects.filter(broadcast__in=ids).values("broadcast_id", *_COUNTED)
    flying = dict(
        Batch.objects.filter(broadcast__in=ids, state=Batch.State.SUBMITTING)
        .values_list("broadcast_id")
        .annotate(messages=Sum("size"))
    )
    return {row["broadcast_id"]: _statistics(row, flying) for row in rows}


def _statistics(row: dict[str, Any], flying: dict[int, int]) -> BroadcastStatistics:
    # The two reads are of different instants, hence the bound.
    submitting = min(flying.get(row.pop("broadcast_id"), 0), row["queued"])
    row["queued"] -= submitting
    return BroadcastStatistics(submitting=submitting, **row)


def messages_of(broadcast_ids: Iterable[int], status: str | None = None) -> QuerySet[Message]:
    """Messages in the order of (broadcast, phone), which is unique and indexed.

    Those worth a look are found by their entry among the problems, so that no index is needed on
    the status of all.
    """
    messages = Message.objects.filter(broadcast__in=list(broadcast_ids))
    if status is not None:
        messages = messages.filter(status=status)
    if status in MessageProblem.STATUSES:
        problems = MessageProblem.objects.filter(
            broadcast_id=OuterRef("broadcast_id"), message_id=OuterRef("id"), status=status
        )
        messages = messages.filter(Exists(problems))
    return messages.order_by("broadcast_id", "phone")


@dataclass(frozen=True, slots=True)
class UnknownMessages:
    """Those of one broadcast whose fate nobody knows; since when, of the oldest."""

    broadcast_id: int
    business: str
    messages: int
    reasons: list[str]
    since: datetime


# By the partial index on the counters: broadcasts without such messages are not looked at.
_UNKNOWN = """
SELECT broadcast.id, business.name, count(*), array_agg(DISTINCT message.reason ORDER BY
    message.reason), min(problem.created_at)
FROM messaging_broadcastcounters counters
JOIN messaging_broadcast broadcast ON broadcast.id = counters.broadcast_id
JOIN accounts_business business ON business.id = broadcast.business_id
JOIN messaging_messageproblem problem
    ON problem.broadcast_id = broadcast.id AND problem.status = 'unknown'
JOIN messaging_message message ON message.id = problem.message_id AND message.status = 'unknown'
WHERE counters.unknown > 0 AND problem.created_at <= now() - make_interval(secs => %(age)s)
    AND (%(ids)s::int8[] IS NULL OR broadcast.id = ANY(%(ids)s))
GROUP BY broadcast.id, business.name ORDER BY broadcast.id
"""


def unknown_messages(
    *, older_than: timedelta = timedelta(0), broadcast_ids: Collection[int] | None = None
) -> list[UnknownMessages]:
    """Broadcast by broadcast; broadcast_ids: only these."""
    ids = None if broadcast_ids is None else list(broadcast_ids)
    with connection.cursor() as cursor:
        cursor.execute(_UNKNOWN, {"age": older_than.total_seconds(), "ids": ids})
        return [UnknownMessages(*row) for row in cursor.fetchall()]


# A message whose failure is to be sent again: for one of the reasons, to a phone that is still that
# of a subscribed contact and has had no further message among the broadcasts. Each broadcast and
# status is read by its own part of the index, in its order: else each step sorts all that is left.
_NEXT_FAILURES = """
WITH failure AS MATERIALIZED (
    SELECT DISTINCT message_id FROM unnest(%(broadcasts)s::int8[]) broadcast
    CROSS JOIN unnest(ARRAY['failed', 'undelivered']) kind
    CROSS JOIN LATERAL (
        SELECT DISTINCT message_id FROM messaging_messageproblem
        WHERE broadcast_id = broadcast AND status = kind AND message_id > %(after)s
        ORDER BY message_id LIMIT %(limit)s
    ) one
    ORDER BY message_id LIMIT %(limit)s
)
SELECT failure.message_id, (
    SELECT contact.id FROM messaging_message message
    JOIN contacts_contact contact ON contact.id = message.contact_id
        AND contact.business_id = message.business_id AND contact.phone = message.phone
        AND contact.is_subscribed
    WHERE message.id = failure.message_id AND message.status IN ('failed', 'undelivered')
        AND message.reason = ANY(%(reasons)s)
        AND NOT EXISTS (SELECT FROM messaging_message later
            WHERE later.broadcast_id = ANY(%(broadcasts)s)
                AND later.broadcast_id > message.broadcast_id AND later.phone = message.phone)
)
FROM failure ORDER BY failure.message_id
"""
_FAILURES_AT_A_TIME = 5000


def next_failures(retry: Retry, *, after: int, limit: int) -> list[tuple[int, int | None]]:
    """Messages that failed, in order of id, and the contact if one is to get it again."""
    parameters: dict[str, Any] = {
        "broadcasts": retry["broadcasts"],
        "reasons": retry["reasons"],
        "after": after,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_FAILURES, parameters)
        return list(cursor.fetchall())


def has_failures(retry: Retry) -> bool:
    """Whether anybody is to get it again."""
    return any(_failures_to_send(retry))


def count_failures(retry: Retry) -> int:
    """How many are to get it again."""
    return sum(_failures_to_send(retry))


def _failures_to_send(retry: Retry) -> Iterator[int]:
    """Of so many failures at a time, how many."""
    after = 0
    while failures := next_failures(retry, after=after, limit=_FAILURES_AT_A_TIME):
        yield sum(contact_id is not None for _, contact_id in failures)
        after = failures[-1][0]
