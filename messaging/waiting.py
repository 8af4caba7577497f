"""Why nothing of a broadcast goes out just now, in words for its shop."""

from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from messaging.calendar import easter_sunday
from messaging.services.claim_statements import QUIET

# What a claim asks, in the same words and of the same tables. The local time is Python's: a page
# must open for a business whose time zone the database has forgotten, too.
_REASON: Final = f"""
SELECT CASE
    WHEN business.daily_message_cap <= coalesce((
        SELECT messages FROM messaging_dailyusage WHERE business_id = business.id
            AND day = (now() AT TIME ZONE 'UTC')::date), 0) THEN 'cap'
    WHEN {QUIET} THEN 'quiet'
    WHEN broadcast.not_before > now() OR NOT EXISTS (SELECT FROM messaging_batch
        WHERE broadcast_id = broadcast.id AND state = 'ready' AND not_before <= now())
    THEN 'gateway' END
FROM messaging_broadcast broadcast
JOIN accounts_business business ON business.id = broadcast.business_id
CROSS JOIN (SELECT %(local)s::timestamp::time AS clock, %(local)s::timestamp::date AS today) here
WHERE broadcast.id = %(broadcast)s AND broadcast.status = 'sending'
    AND EXISTS (SELECT FROM messaging_batch
        WHERE broadcast_id = broadcast.id AND state = 'ready')
"""  # noqa: S608 - QUIET is our own
_WORDS: Final = {
    "cap": "The business's messages of the day are used up: it goes on after midnight (UTC), or as "
    "soon as the daily message cap is higher.",
    "quiet": "These are quiet hours: it goes on by itself when they are over.",
    "gateway": "The gateway could not take more: it is tried again by itself, within minutes.",
}


def why_waiting(broadcast_id: int, zone: ZoneInfo) -> str:
    """Empty if nothing holds it, or nothing is left to hand over. zone: of its business."""
    local = timezone.now().astimezone(zone)
    with connection.cursor() as cursor:
        cursor.execute(
            _REASON,
            {
                "local": local.replace(tzinfo=None),
                "easter": easter_sunday(local.year),
                "broadcast": broadcast_id,
            },
        )
        row = cursor.fetchone()
    return _WORDS.get(row[0], "") if row else ""
