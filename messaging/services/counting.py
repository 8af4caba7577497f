"""The proof of the counters: one statement, one snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Difference:
    broadcast_id: int
    counter: str
    counted: int
    kept: int

    def __str__(self) -> str:
        return (
            f"broadcast {self.broadcast_id}: {self.counter} is kept as {self.kept}, "
            f"counted {self.counted}"
        )


_COUNT = """
WITH counted AS (
    SELECT broadcast_id, status AS counter, count(*) AS n FROM messaging_message
    WHERE %(broadcast)s::int8 IS NULL OR broadcast_id = %(broadcast)s GROUP BY 1, 2
    UNION ALL
    SELECT broadcast_id, 'total', count(*) FROM messaging_message
    WHERE %(broadcast)s::int8 IS NULL OR broadcast_id = %(broadcast)s GROUP BY 1
), kept AS (
    SELECT broadcast_id, pair.key AS counter, pair.value::int8 AS n
    FROM messaging_broadcastcounters counters, LATERAL jsonb_each_text(to_jsonb(counters)) pair
    WHERE pair.key IN ('total', 'queued', 'sent', 'delivered', 'undelivered', 'failed', 'unknown',
            'cancelled', 'suppressed', 'expired')
        AND (%(broadcast)s::int8 IS NULL OR broadcast_id = %(broadcast)s)
)
SELECT broadcast_id, counter, coalesce(counted.n, 0), coalesce(kept.n, 0)
FROM counted FULL JOIN kept USING (broadcast_id, counter)
WHERE coalesce(counted.n, 0) <> coalesce(kept.n, 0)
ORDER BY 1, 2
"""


def wrong_counters(*, broadcast_id: int | None = None) -> Iterator[Difference]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"broadcast": broadcast_id})
        for row in cursor.fetchall():
            yield Difference(*row)
