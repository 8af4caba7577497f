"""A launched campaign follows its broadcast: to its end, and through pauses the engine decides."""

import logging
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.db.models.functions import Now

from campaigns import selectors
from campaigns.models import Campaign, CampaignRun
from campaigns.services.recurring import go_on
from campaigns.signals import campaigns_changed
from messaging.models import Broadcast

logger = logging.getLogger(__name__)

Status = Campaign.Status


@transaction.atomic
def follow_broadcast(*, campaign_id: int) -> None:
    """Give the campaign the status of its latest broadcast. Idempotent.

    A recurring one whose run is completed waits for the next. Runs inside the transaction that
    moved the broadcast, whose row is locked before ours; ours is locked before the latest run is
    read, so that no launch comes between.
    """
    campaign = (
        Campaign.objects.filter(pk=campaign_id)
        .annotate(now=Now())
        .select_related("business")
        .select_for_update(of=("self",))
        .get()
    )
    runs = CampaignRun.objects.filter(campaign_id=campaign_id).select_related("broadcast")
    broadcast = runs.latest("pk").broadcast
    if broadcast.status != Broadcast.Status.PAUSED:
        # A campaign that slept through the resume must not leap from paused to completed.
        _move(campaign, Status.PAUSED, to=Status.SENDING)
    if broadcast.status == Broadcast.Status.COMPLETED and campaign.status == Status.SENDING:
        go_on(campaign, now=campaign.now)
    if broadcast.status != Broadcast.Status.SENDING:
        _move(
            campaign,
            Status.SENDING,
            to=broadcast.status,
            failure=broadcast.failure,
            finished_at=broadcast.finished_at,
        )
    campaigns_changed.send(sender=Campaign, business_ids={broadcast.business_id})


def _move(campaign: Campaign, source: str, *, to: str, failure: str = "", **fields: Any) -> None:
    """Where it stands elsewhere, it stays there."""
    if campaign.status == source:
        campaign.status = to
        Campaign.objects.filter(pk=campaign.pk, status=source).update(
            status=to, failure=failure, updated_at=Now(), **fields
        )


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
