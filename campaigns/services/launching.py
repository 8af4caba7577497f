"""From scheduled to sending."""

import logging
from collections.abc import Iterator

from django.db import transaction
from django.db.models.functions import Now

from accounts.problems import Problem
from campaigns import selectors
from campaigns.models import Campaign, CampaignRun
from campaigns.offers import check_leads, is_over, offer_of, prepare
from campaigns.services.recurring import MISSED_AFTER, catch_up, leave_out
from campaigns.signals import campaigns_changed
from messaging import services as messaging
from messaging.rendering import TemplateError
from tracking import services as tracking

logger = logging.getLogger(__name__)


def launch_due() -> Iterator[int]:
    """Launch every campaign whose time has come, and yield the broadcasts to expand.

    Each launch is a transaction of its own and is committed when its broadcast is yielded. Safe
    in any number of processes at once: a campaign that another one holds is left to it.
    """
    for campaign_id in selectors.due_campaigns():
        try:
            broadcast_id = _launch(campaign_id)
        except Exception:
            # One campaign must not stop the others; the next tick tries this one again.
            logger.exception("Campaign %s could not be launched.", campaign_id)
            continue
        if broadcast_id is not None:
            yield broadcast_id


@transaction.atomic
def _launch(campaign_id: int) -> int | None:
    """The new broadcast; None if another process was faster, or if there is nothing to send."""
    campaign = (
        Campaign.objects.filter(
            pk=campaign_id, status=Campaign.Status.SCHEDULED, scheduled_at__lte=Now()
        )
        .annotate(now=Now())
        .select_related("business", "template")
        .select_for_update(of=("self",), skip_locked=True)
        .first()
    )
    if campaign is None:
        return None
    if campaign.recurrence is not None:
        catch_up(campaign, now=campaign.now)
    assert campaign.scheduled_at is not None
    if campaign.scheduled_at < campaign.now - MISSED_AFTER:
        if not leave_out(campaign, "More than six hours late.", now=campaign.now):
            reason = "More than six hours late: send it or cancel it."
            _leave(campaign, Campaign.Status.MISSED, reason)
        return None
    if reason := _obstacle(campaign):
        if not leave_out(campaign, reason, now=campaign.now):
            _leave(campaign, Campaign.Status.FAILED, reason)
        return None
    _leave(campaign, Campaign.Status.SENDING)
    prepared = prepare(selectors.text_of(campaign), track_links=campaign.track_links)
    offer = offer_of(campaign)
    broadcast = messaging.start_broadcast(
        business=campaign.business,
        text=prepared.text,
        sender=campaign.sender or campaign.business.sender_name,
        audience=selectors.audience_spec(campaign),
        expires_at=offer.valid_until if offer else None,
    )
    CampaignRun.objects.create(campaign=campaign, broadcast=broadcast, kind=_kind(campaign))
    tracking.attach(broadcast=broadcast, targets=prepared.targets, offer=offer)
    return broadcast.pk


def _kind(campaign: Campaign) -> CampaignRun.Kind:
    is_first = not campaign.runs.filter(kind__in=CampaignRun.OF_SERIES).exists()
    return CampaignRun.Kind.LAUNCH if is_first else CampaignRun.Kind.RECURRENCE


def _obstacle(campaign: Campaign) -> str:
    """What has changed since somebody scheduled it, in words for them; empty if nothing."""
    text = selectors.text_of(campaign)
    try:
        check_leads(text, has_offer=bool(campaign.offer_title), track_links=campaign.track_links)
    except (TemplateError, Problem) as error:
        return f"The text cannot be sent: {error.detail}"[:255]
    if is_over(campaign):
        return "The offer has ended."
    if campaign.business.daily_message_cap == 0:
        return "The business is not approved to send."
    if not selectors.audience_of(campaign).exists():
        return "No subscribed contact was in the audience."
    return ""


def _leave(campaign: Campaign, status: Campaign.Status, failure: str = "") -> None:
    """Leave `scheduled`; the row is locked and was seen in that status."""
    ended = {"finished_at": Now()} if status == Campaign.Status.FAILED else {}
    launched = {"launched_at": Now()} if status == Campaign.Status.SENDING else {}
    Campaign.objects.filter(pk=campaign.pk, status=Campaign.Status.SCHEDULED).update(
        status=status, failure=failure, updated_at=Now(), **ended, **launched
    )
    campaigns_changed.send(sender=Campaign, business_ids={campaign.business_id})
