"""The statements of a claim. Each runs once a batch at most; none runs once a message."""

# Whether a broadcast has to wait at the local time `clock` of the day `today`. A business's own
# hours take the place of its country's, which are about marketing only. A night is that of the
# day on which it began: after midnight, of yesterday.
QUIET = """CASE
                WHEN business.quiet_from < business.quiet_until
                THEN clock >= business.quiet_from AND clock < business.quiet_until
                WHEN business.quiet_from IS NOT NULL
                THEN clock >= business.quiet_from OR clock < business.quiet_until
                ELSE broadcast.is_marketing AND EXISTS (
                    SELECT FROM messaging_quiethours hours
                    CROSS JOIN LATERAL (SELECT CASE
                        WHEN hours.starts > hours.ends AND clock < hours.ends THEN today - 1
                        ELSE today END AS day) began
                    WHERE hours.country = business.country
                        AND (hours.weekday IS NULL
                            OR hours.weekday = extract(isodow FROM began.day))
                        AND (hours.month_day = '' OR hours.month_day = to_char(began.day, 'MM-DD'))
                        AND (hours.days_after_easter IS NULL
                            OR hours.days_after_easter = began.day - %(easter)s::date)
                        AND CASE WHEN hours.starts < hours.ends
                            THEN clock >= hours.starts AND clock < hours.ends
                            ELSE clock >= hours.starts OR clock < hours.ends END)
                END"""

# The broadcast least recently served goes first: a small campaign never waits behind a large one.
# The outer query keeps the order of `open`, being a nested loop over it (LATERAL), and stops at
# the first batch that it could lock; were the order lost, so would be fairness, nothing else.
# OFFSET 0 keeps `shop` in that loop: a business is asked about only when it is its turn, and not
# for each of the thousands of single messages that may be waiting.
_NEXT = f"""
WITH open AS MATERIALIZED (
    SELECT id, business_id, sender, setbacks, reaches_suppressed, is_marketing, is_asked_for,
        (now() AT TIME ZONE 'UTC')::date AS day
    FROM messaging_broadcast
    WHERE status = 'sending'
        AND not_before <= now()
        AND (expires_at IS NULL OR expires_at > now())
        AND business_id <> ALL(%(held)s::int8[])
    ORDER BY last_served
), claimed AS (
    SELECT batch.id, batch.size, broadcast.id AS broadcast_id, broadcast.business_id,
        broadcast.sender, broadcast.setbacks, broadcast.reaches_suppressed, broadcast.day,
        shop.daily_message_cap, shop.pace, shop.days,
        CASE WHEN broadcast.is_marketing AND NOT broadcast.is_asked_for
            THEN shop.most END AS most
    FROM open broadcast CROSS JOIN LATERAL (
        SELECT business.daily_message_cap, business.pace,
            business.frequency_cap_messages AS most, business.frequency_cap_days AS days
        FROM accounts_business business
        CROSS JOIN LATERAL (SELECT local::time AS clock, local::date AS today
            FROM (SELECT now() AT TIME ZONE business.time_zone AS local) there) here
        WHERE business.id = broadcast.business_id
            AND business.daily_message_cap > coalesce((
                SELECT messages FROM messaging_dailyusage
                WHERE business_id = business.id AND day = broadcast.day), 0)
            AND NOT {QUIET}
        OFFSET 0
    ) shop CROSS JOIN LATERAL (
        SELECT id, size FROM messaging_batch
        WHERE broadcast_id = broadcast.id AND state = 'ready' AND not_before <= now()
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) batch
    LIMIT 1
)"""  # noqa: S608 - QUIET is our own

CLAIM = f"""{_NEXT}, quota AS (
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
    claimed.setbacks, claimed.reaches_suppressed, claimed.pace, claimed.most, claimed.days,
    batch.attempts, batch.size,
    batch.first_message_id, batch.last_message_id,
    (SELECT granted FROM quota) AS granted
"""  # noqa: S608 - _NEXT is our own

# For the very broadcast that a claim takes: those that have to wait keep their places before it.
LOSE_TURN = f"""{_NEXT}
UPDATE messaging_broadcast SET last_served = clock_timestamp()
WHERE id = (SELECT broadcast_id FROM claimed)
"""  # noqa: S608 - _NEXT is our own

# Whose clock the database cannot read. The zone was known when it was saved; another server's copy
# of the time zones, or that of a newer system, may lack it. Read only when a claim has failed.
OUT_OF_TIME = """
SELECT broadcast.id, business.time_zone FROM messaging_broadcast broadcast
JOIN accounts_business business ON business.id = broadcast.business_id
WHERE broadcast.status = 'sending'
    AND business.time_zone NOT IN (SELECT name FROM pg_timezone_names)
ORDER BY broadcast.id
"""

# Drops who has opted out, was deleted or has another number now, and reads the others.
_MESSAGES = """
WITH queued AS MATERIALIZED (
    SELECT id, public_id, phone, text, CASE
        WHEN NOT %(reaches_suppressed)s AND EXISTS (SELECT FROM contacts_suppression
            WHERE business_id = %(business)s AND phone = message.phone) THEN 'opted_out'
        WHEN contact_id IS NOT NULL AND NOT EXISTS (SELECT FROM contacts_contact
            WHERE id = message.contact_id AND phone = message.phone)
        THEN CASE WHEN EXISTS (SELECT FROM contacts_contact WHERE id = message.contact_id)
            THEN 'phone_changed' ELSE 'contact_deleted' END
        {cap}END AS obstacle
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
){released}
SELECT id, public_id, phone, text FROM queued WHERE obstacle IS NULL ORDER BY id
"""

# Where a person gets only so many marketing messages; one that the gateway refused, or that never
# reached the phone, does not count. All claims of a business wait for each other at its day's
# usage, so that no two of them release what only one of them may.
_CAP = """WHEN (SELECT count(*) FROM messaging_countedmessage counted
            JOIN messaging_message earlier ON earlier.id = counted.message_id
            WHERE counted.business_id = %(business)s AND counted.phone = message.phone
                AND counted.released_at > now() - make_interval(days => %(days)s)
                AND counted.message_id <> message.id
                AND earlier.status IN ('queued', 'sent', 'delivered', 'unknown')
            ) >= %(most)s THEN 'frequency_cap'
        """
# Those that go now; one that is tried again has been counted.
_RELEASED = """, released AS (
    INSERT INTO messaging_countedmessage (message_id, business_id, phone)
    SELECT id, %(business)s, phone FROM queued WHERE obstacle IS NULL ORDER BY id LIMIT %(going)s
    ON CONFLICT (message_id) DO NOTHING
)"""
MESSAGES = _MESSAGES.format(cap="", released="")
CAPPED_MESSAGES = _MESSAGES.format(cap=_CAP, released=_RELEASED)

GIVE_BACK = """
UPDATE messaging_dailyusage SET messages = greatest(messages - %s, 0)
WHERE business_id = %s AND day = %s
"""

OPEN_DAY = """
INSERT INTO messaging_dailyusage (business_id, day, messages) VALUES (%s, %s, 0)
ON CONFLICT (business_id, day) DO NOTHING
"""

# What does not go now waits in batches of its own: for tomorrow, for a higher cap, or for its
# second of the pace. Their ranges of ids do not overlap, being cut from one row of ascending ids.
POSTPONE = """
WITH rest AS MATERIALIZED (
    SELECT id, (number - 1) / %(size)s AS part
    FROM unnest(%(ids)s::int8[]) WITH ORDINALITY AS r (id, number)
), later AS (
    INSERT INTO messaging_batch (broadcast_id, state, size, first_message_id, last_message_id,
        attempts, not_before)
    SELECT %(broadcast)s, 'ready', count(*), min(id), max(id), 0, now()
    FROM rest GROUP BY part ORDER BY part
    RETURNING id, first_message_id, last_message_id
), shrunk AS (
    UPDATE messaging_batch SET size = size - cardinality(%(ids)s::int8[]) WHERE id = %(batch)s
)
UPDATE messaging_message message SET batch_id = later.id FROM rest, later
WHERE message.id = rest.id AND rest.id BETWEEN later.first_message_id AND later.last_message_id
"""
