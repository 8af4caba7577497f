"""Counters of what people do, moved with the event itself, and their proof."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from django.db import connection
from django.db.models import F, Model

from messaging.models import Broadcast
from tracking.models import EngagementCounters, ListEngagement
from tracking.signals import engagement_changed

Counter = Literal["views", "clicks", "redemptions", "unsubscribes"]

# A row begins with its first event; of two at once, the later one adds to it.
_BEGIN = """
INSERT INTO tracking_engagementcounters AS kept
    (broadcast_id, views, clicks, redemptions, unsubscribes)
SELECT %(id)s, 0, 0, 0, 0
ON CONFLICT (broadcast_id) DO NOTHING
"""
_BEGIN_LIST = """
INSERT INTO tracking_listengagement AS kept
    (contact_list_id, views, clicks, redemptions, unsubscribes)
SELECT id, 0, 0, 0, 0 FROM contacts_contactlist WHERE id = %(id)s
ON CONFLICT (contact_list_id) DO NOTHING
"""


def count(counter: Counter, *, broadcast: Broadcast, by: int = 1) -> None:
    """Called last in the transaction of the event: everybody's events want these rows."""
    _add(EngagementCounters, _BEGIN, broadcast.pk, counter, by)
    # Always in this order, lest two events wait for each other.
    list_id = (broadcast.audience or {}).get("list")
    if list_id is not None:
        _add(ListEngagement, _BEGIN_LIST, list_id, counter, by)
    engagement_changed.send(Broadcast, business_ids={broadcast.business_id})


def _add(model: type[Model], begin: str, pk: int, counter: Counter, by: int) -> None:
    row = model._default_manager.filter(pk=pk)  # noqa: SLF001 - the public name is per model
    if row.update(**{counter: F(counter) + by}):
        return
    with connection.cursor() as cursor:
        cursor.execute(begin, {"id": pk})
    row.update(**{counter: F(counter) + by})


@dataclass(frozen=True, slots=True)
class Difference:
    """kind: broadcast or list."""

    kind: str
    id: int
    counter: str
    counted: int
    kept: int

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.id}: {self.counter} is kept as {self.kept}, counted {self.counted}"
        )


# One statement, so one snapshot. Counters of a list that is gone are nobody's any more.
_COUNT = """
WITH event AS (
    SELECT broadcast_id, 'views' AS counter FROM tracking_offerview
    UNION ALL
    SELECT link.broadcast_id, 'clicks' FROM tracking_click click
    JOIN tracking_shortlink link ON link.id = click.link_id
    UNION ALL
    SELECT broadcast_id, 'redemptions' FROM tracking_redemption WHERE undone_at IS NULL
    UNION ALL
    SELECT broadcast_id, 'unsubscribes' FROM tracking_optout
    WHERE undone_at IS NULL AND cardinality(taken) > 0
), by_broadcast AS (
    SELECT broadcast_id, counter, count(*) AS n FROM event GROUP BY 1, 2
), counted AS (
    SELECT 'broadcast' AS kind, broadcast_id AS id, counter, n FROM by_broadcast
    UNION ALL
    SELECT 'list', list.id, counter, sum(n) FROM by_broadcast
    JOIN messaging_broadcast broadcast ON broadcast.id = broadcast_id
    JOIN contacts_contactlist list ON list.id = (broadcast.audience ->> 'list')::int8
    GROUP BY 2, 3
), kept AS (
    SELECT 'broadcast' AS kind, broadcast_id AS id, pair.key AS counter, pair.value::int8 AS n
    FROM tracking_engagementcounters counters,
        LATERAL jsonb_each_text(to_jsonb(counters) - 'broadcast_id') pair
    UNION ALL
    SELECT 'list', contact_list_id, pair.key, pair.value::int8
    FROM tracking_listengagement counters
    JOIN contacts_contactlist list ON list.id = contact_list_id,
        LATERAL jsonb_each_text(to_jsonb(counters) - 'contact_list_id') pair
)
SELECT kind, id, counter, coalesce(counted.n, 0), coalesce(kept.n, 0)
FROM counted FULL JOIN kept USING (kind, id, counter)
WHERE coalesce(counted.n, 0) <> coalesce(kept.n, 0)
ORDER BY 1, 2, 3
"""


def wrong_counters() -> Iterator[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        for row in cursor.fetchall():
            yield Difference(*row)
