"""A launched campaign follows its broadcast: to its end, and through pauses the engine decides."""

import logging

from django.db import DataError, IntegrityError, transaction
from django.db.models.functions import Now

from campaigns import selectors
from campaigns.models import Campaign, CampaignRun
from campaigns.signals import campaigns_changed
from messaging.models import Broadcast

logger = logging.getLogger(__name__)


@transaction.atomic
def follow_broadcast(*, campaign_id: int) -> None:
    """Give the campaign the status of its latest broadcast. Idempotent.

    Runs inside the transaction that moved the broadcast, whose row is locked before ours.
    """
    runs = CampaignRun.objects.filter(campaign_id=campaign_id).select_related("broadcast")
    broadcast = runs.latest("pk").broadcast
    if broadcast.status != Broadcast.Status.PAUSED:
        # A campaign that slept through the resume must not leap from paused to completed.
        Campaign.objects.filter(pk=campaign_id, status=Campaign.Status.PAUSED).update(
            status=Campaign.Status.SENDING, failure="", updated_at=Now()
        )
    if broadcast.status != Broadcast.Status.SENDING:
        Campaign.objects.filter(pk=campaign_id, status=Campaign.Status.SENDING).update(
            status=broadcast.status,
            failure=broadcast.failure,
            finished_at=broadcast.finished_at,
            updated_at=Now(),
        )
    campaigns_changed.send(sender=Campaign, business_ids={broadcast.business_id})


def reconcile() -> int:
    """Bring campaigns and broadcasts back in step after a lost signal; returns how many."""
    campaigns = selectors.out_of_step()
    for campaign_id in campaigns:
        try:
            follow_broadcast(campaign_id=campaign_id)
        except (DataError, IntegrityError):
            # One that cannot follow must not keep the others from it.
            logger.exception("Campaign %s cannot follow its broadcast.", campaign_id)
    return len(campaigns)
