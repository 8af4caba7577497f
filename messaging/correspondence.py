"""Reads of what passed between a business and a phone: whom a reply answers, and what was sent."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

from accounts.models import Business
from messaging.auto_texts import standard_text
from messaging.models import AutoReply, Message

Status = Message.Status

# What reached the phone or may have, and what did not if the gateway is right.
_REACHED: Final = (Status.SENT, Status.DELIVERED, Status.UNKNOWN)
_NOT_REACHED: Final = (Status.UNDELIVERED, Status.FAILED)

# The message of a broadcast to the phone, and when it went out. One whose batch is being submitted
# may be on the phone already: a reply can overtake the result of the sending. One that was once
# `unknown` went out when its batch was claimed, whenever it was settled.
_MESSAGE: Final = """
    SELECT id, at FROM (
        SELECT id, broadcast_id, phone, CASE WHEN status = 'queued' THEN now()
            ELSE coalesce(sent_at, (SELECT lease_until FROM messaging_batch
                WHERE id = messaging_message.batch_id) - %(lease)s, created_at) END AS at
        FROM messaging_message
        WHERE status = ANY(%(statuses)s) AND (status <> 'failed' OR reason = 'unconfirmed')
            OR status = 'queued' AND EXISTS (SELECT FROM messaging_batch
                WHERE id = messaging_message.batch_id AND state = 'submitting')
    ) handed_over
    WHERE broadcast_id = broadcast.id AND phone = %(phone)s
        AND at <= %(by)s + interval '1 minute'
    LIMIT 1
"""

# Of the broadcasts to several the newest first, one look each into the index (broadcast, phone);
# of those to this phone alone by their own index. The first that is found bounds the search, for
# nothing that ended before it can hold a later message. MATERIALIZED and the inner LIMIT keep the
# nested loop that stops there: docs/adr/0011-whose-reply-it-is.md.
_LAST_MESSAGE: Final = """
WITH hit AS MATERIALIZED (
    SELECT message.id, message.at FROM messaging_broadcast broadcast CROSS JOIN LATERAL (
        {message}
    ) message
    WHERE broadcast.phone IS NULL AND (%(sender)s = '' OR broadcast.sender = %(sender)s)
    ORDER BY broadcast.finished_at DESC LIMIT 1
), later AS (
    SELECT message.id, message.at FROM messaging_broadcast broadcast CROSS JOIN LATERAL (
        {message}
    ) message
    WHERE broadcast.phone IS NULL AND (%(sender)s = '' OR broadcast.sender = %(sender)s)
        AND (broadcast.finished_at IS NULL
            OR broadcast.finished_at >= (SELECT at FROM hit) - interval '1 minute')
), alone AS (
    SELECT message.id, message.at FROM (
        SELECT id FROM messaging_broadcast
        WHERE phone = %(phone)s AND (%(sender)s = '' OR sender = %(sender)s)
        ORDER BY id DESC LIMIT 100
    ) broadcast CROSS JOIN LATERAL ({message}) message
)
SELECT id FROM (TABLE hit UNION ALL TABLE later UNION ALL TABLE alone) found
ORDER BY at DESC, id DESC LIMIT 1
""".replace("{message}", _MESSAGE)


# The messages of a business to one phone, in the same two ways.
_MESSAGES: Final = """
SELECT message.id FROM messaging_broadcast broadcast CROSS JOIN LATERAL (
    SELECT id FROM messaging_message
    WHERE broadcast_id = broadcast.id AND phone = %(phone)s LIMIT 1
) message
WHERE broadcast.business_id = %(business)s AND broadcast.phone IS NULL
UNION ALL
SELECT message.id FROM messaging_broadcast broadcast
JOIN messaging_message message ON message.broadcast_id = broadcast.id
    AND message.phone = broadcast.phone
WHERE broadcast.business_id = %(business)s AND broadcast.phone = %(phone)s
ORDER BY id DESC LIMIT %(limit)s
"""


def last_message_to(phone: str, *, to: str, by: datetime) -> Message | None:
    """The message that a reply from the phone answers, with its broadcast and business.

    to: the number that they wrote to. If it is one that we send from, messages from it come first;
    if it is shared, or what gateways make of a name, the last of all counts. by: when the reply
    arrived; later ones cannot be meant.
    """
    if _last(phone, (*_REACHED, *_NOT_REACHED), by=by) is None:
        return None
    for statuses in (_REACHED, _NOT_REACHED):
        found = _last(phone, statuses, by=by, sender=to.removeprefix("+"))
        found = found or _last(phone, statuses, by=by)
        if found is not None:
            return Message.objects.select_related("broadcast__business").get(pk=found)
    return None


def message_ids_to(phone: str, *, business_id: int, limit: int) -> list[int]:
    """Of the business's messages to the phone, newest first, whatever became of them."""
    values: dict[str, Any] = {"phone": phone, "business": business_id, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES, values)
        return [row[0] for row in cursor.fetchall()]


def auto_reply_of(business: Business, kind: str) -> AutoReply:
    """As the business has set it, else as it is by itself: only HELP is answered."""
    return next(reply for reply in auto_replies_of(business) if reply.kind == kind)


def auto_replies_of(business: Business) -> list[AutoReply]:
    """One of each kind, each with the text that goes out, saved or not."""
    saved = {reply.kind: reply for reply in AutoReply.objects.filter(business=business)}
    replies = []
    for kind in AutoReply.Kind:
        by_itself = AutoReply(
            business=business, kind=kind, is_active=kind in AutoReply.ACTIVE_BY_ITSELF
        )
        reply = saved.get(kind.value, by_itself)
        reply.text = reply.text or standard_text(kind, business)
        replies.append(reply)
    return replies


def _last(phone: str, statuses: tuple[str, ...], *, by: datetime, sender: str = "") -> int | None:
    values: dict[str, Any] = {
        "phone": phone,
        "statuses": list(statuses),
        "sender": sender,
        "by": by,
        "lease": timedelta(seconds=settings.SEND_LEASE),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LAST_MESSAGE, values)
        row = cursor.fetchone()
    return row[0] if row else None
