"""What messaging reports to campaigns."""

from typing import Any

from django.dispatch import receiver

from campaigns import selectors, services
from messaging.signals import broadcast_finished, broadcast_paused


@receiver([broadcast_finished, broadcast_paused])
def move_campaign(*, broadcast_id: int, **_: Any) -> None:
    """Inside the transaction that moved the broadcast: both move, or neither."""
    campaign_id = selectors.campaign_of(broadcast_id)
    if campaign_id is not None:
        services.follow_broadcast(campaign_id=campaign_id)
