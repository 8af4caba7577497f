"""What contacts and messaging report to campaigns."""

from typing import Any

from django.dispatch import receiver

from campaigns import selectors, services
from contacts.models import Contact
from contacts.signals import contact_opted_in
from messaging.signals import broadcast_finished, broadcast_paused
from messaging.tasks import send_next
from rediskit.doorbell import ring_on_commit


@receiver([broadcast_finished, broadcast_paused])
def move_campaign(*, broadcast_id: int, **_: Any) -> None:
    """Inside the transaction that moved the broadcast: both move, or neither."""
    campaign_id = selectors.campaign_of(broadcast_id)
    if campaign_id is not None:
        services.follow_broadcast(campaign_id=campaign_id)


@receiver(contact_opted_in)
def welcome(*, contact: Contact, **_: Any) -> None:
    """Inside the transaction of the opt-in: both stand, or neither."""
    if services.send_welcome(contact=contact):
        ring_on_commit(send_next)
