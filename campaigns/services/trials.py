"""A campaign's text, sent to its author first."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now

from accounts.models import Business
from accounts.problems import Problem
from campaigns import selectors
from campaigns.models import Campaign, CampaignTest
from campaigns.offers import OfferEnded, check_leads, is_over, offer_of, prepare
from messaging import services as messaging
from messaging.models import Broadcast
from messaging.rendering import TemplateError
from tracking import services as tracking

MAX_PHONES: Final = 5
MAX_A_DAY: Final = 50  # messages of one business in 24 hours: a test is no way round a launch


class TooManyTests(Problem):
    status = 429
    code = "TOO_MANY_TESTS"
    title = f"A business can send {MAX_A_DAY} test messages in 24 hours"


class TextRefused(Problem):
    status = 409
    code = "TEXT_REFUSED"
    title = "The text cannot be sent"


@transaction.atomic
def send_test(*, campaign: Campaign, phones: Sequence[str]) -> Broadcast:
    """Send the text as it would go out now, to different phones (E.164), at once.

    It is no run of the campaign, whose status and statistics stay as they are. Whoever calls rings
    the senders after the commit.
    """
    _use_allowance(campaign.business_id, len(phones))
    text = selectors.text_of(campaign)
    try:
        check_leads(text, has_offer=bool(campaign.offer_title), track_links=campaign.track_links)
    except TemplateError as error:
        raise TextRefused(error.detail) from error
    if is_over(campaign):
        raise OfferEnded
    prepared = prepare(text, track_links=campaign.track_links)
    offer = offer_of(campaign)
    broadcast = messaging.send_samples(
        business=campaign.business,
        phones=phones,
        text=prepared.text,
        sender=campaign.sender or campaign.business.sender_name,
        expires_at=offer.valid_until if offer else None,
    )
    tracking.attach(broadcast=broadcast, targets=prepared.targets, offer=offer)
    CampaignTest.objects.create(
        business_id=campaign.business_id,
        campaign=campaign,
        broadcast=broadcast,
        messages=len(phones),
    )
    return broadcast


def _use_allowance(business_id: int, messages: int) -> None:
    """One at a time for each business: two at once would both find room for themselves."""
    Business.objects.select_for_update(no_key=True).get(pk=business_id)
    recent = CampaignTest.objects.filter(
        business=business_id, created_at__gt=Now() - timedelta(days=1)
    )
    used = recent.aggregate(messages=Sum("messages", default=0))["messages"]
    if used + messages > MAX_A_DAY:
        raise TooManyTests
