"""A person looked at an offer, or followed a link."""

from django.db import connection, transaction

from messaging.models import Message
from tracking.models import ShortLink
from tracking.services.counting import count

_VIEW = """
INSERT INTO tracking_offerview AS view (message_id, broadcast_id, times) VALUES (%s, %s, 1)
ON CONFLICT (message_id) DO UPDATE SET times = view.times + 1
RETURNING times
"""
_CLICK = """
INSERT INTO tracking_click AS click (message_id, link_id, times) VALUES (%s, %s, 1)
ON CONFLICT (message_id, link_id) DO UPDATE SET times = click.times + 1
RETURNING times
"""


@transaction.atomic
def record_view(*, message: Message) -> None:
    """Each message counts once, however often its offer is looked at."""
    if _times(_VIEW, message.pk, message.broadcast_id) == 1:
        count("views", broadcast=message.broadcast)


@transaction.atomic
def record_click(*, message: Message, link: ShortLink) -> None:
    """Each link of a message counts once, however often it is followed."""
    if _times(_CLICK, message.pk, link.pk) == 1:
        count("clicks", broadcast=message.broadcast)


def _times(statement: str, *values: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
