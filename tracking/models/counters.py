"""How often each thing happened, kept in the transaction that wrote it down."""

from django.db import models

from contacts.models import ContactList
from messaging.models import Broadcast


class _Counters(models.Model):
    """People, not page loads: each message counts once as a view, and once per link as a click.

    An undone redemption or opt-out does not count any more.
    """

    views = models.PositiveIntegerField(default=0)
    clicks = models.PositiveIntegerField(default=0)
    redemptions = models.PositiveIntegerField(default=0)
    unsubscribes = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class EngagementCounters(_Counters):
    """Of a broadcast; there is no row before the first event."""

    broadcast = models.OneToOneField(
        Broadcast, on_delete=models.PROTECT, primary_key=True, related_name="engagement"
    )

    class Meta:
        verbose_name_plural = "engagement counters"

    def __str__(self) -> str:
        return f"Engagement of {self.broadcast_id}"


class ListEngagement(_Counters):
    """Of all broadcasts to a list.

    No database constraint: a list may be deleted while somebody opens a link that was sent to it.
    """

    contact_list = models.OneToOneField(
        ContactList,
        on_delete=models.CASCADE,
        db_constraint=False,
        primary_key=True,
        related_name="engagement",
    )

    class Meta:
        verbose_name_plural = "list engagement"

    def __str__(self) -> str:
        return f"Engagement of list {self.contact_list_id}"
