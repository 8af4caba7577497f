"""A campaign follows its broadcast, by signal or, where that was lost, by reconciliation."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction
from django.db.models.functions import Now

from campaigns import services
from campaigns.models import Campaign, CampaignRun
from campaigns.selectors import audience_spec, broadcasts_of, out_of_step
from campaigns.tests.factories import finish, make_sending
from campaigns.tests.test_welcome_races import closing
from messaging import services as messaging
from messaging.models import Broadcast
from messaging.services.broadcasts import pause_for_operator
from messaging.tests.factories import somebody_waits_for_a_lock
from messaging.tests.simulated import wait_for

pytestmark = pytest.mark.django_db


def status_of(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


@pytest.mark.django_db(transaction=True)
def test_it_completes_when_everything_is_sent() -> None:
    campaign = make_sending(contacts=3)
    finish(campaign)
    assert campaign.status == "completed"
    assert campaign.finished_at is not None
    assert out_of_step() == []


def test_a_cancelled_broadcast_cancels_it() -> None:
    campaign = make_sending()
    (broadcast_id,) = broadcasts_of(campaign)
    messaging.cancel_broadcast(broadcast_id=broadcast_id)
    assert status_of(campaign) == "cancelled"


def test_a_pause_by_the_engine_pauses_it_and_says_why() -> None:
    campaign = make_sending()
    (broadcast_id,) = broadcasts_of(campaign)
    pause_for_operator(broadcast_id=broadcast_id, reason="The gateway refused our credentials")
    assert status_of(campaign) == "paused"
    assert campaign.failure == "The gateway refused our credentials"
    campaign = services.resume_campaign(campaign=campaign)
    assert (campaign.status, campaign.failure) == ("sending", "")


@pytest.mark.parametrize("ended", ["completed", "cancelled", "failed"])
@pytest.mark.parametrize("was", ["sending", "paused"])
def test_a_lost_signal_is_made_good(was: str, ended: str) -> None:
    campaign = make_sending()
    Campaign.objects.filter(pk=campaign.pk).update(status=was)
    Broadcast.objects.filter(pk__in=broadcasts_of(campaign)).update(
        status=ended, failure="No gateway" if ended == "failed" else ""
    )
    assert services.reconcile() == 1
    assert status_of(campaign) == ended
    assert campaign.failure == ("No gateway" if ended == "failed" else "")
    assert services.reconcile() == 0


def test_a_broadcast_without_campaign_ends_alone() -> None:
    campaign = make_sending()
    campaign.runs.all().delete()
    broadcast = Broadcast.objects.get()
    assert messaging.cancel_broadcast(broadcast_id=broadcast.pk)
    assert status_of(campaign) == "sending"


@pytest.mark.django_db(transaction=True)
def test_a_launch_that_comes_between_is_not_undone() -> None:
    """Reconciliation waits for the launch, and then reads its run, not the one before."""
    campaign = make_sending()
    Broadcast.objects.update(status="completed")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # Another run of the campaign, as a retry or the next of a series.
            Campaign.objects.filter(pk=campaign.pk).update(updated_at=Now())
            broadcast = messaging.start_broadcast(
                business=campaign.business,
                text="Hi!",
                sender="Bakery",
                audience=audience_spec(campaign),
            )
            CampaignRun.objects.create(campaign=campaign, broadcast=broadcast)
            following = pool.submit(closing, services.follow_broadcast, campaign_id=campaign.pk)
            wait_for(somebody_waits_for_a_lock)
        following.result(30)
    assert status_of(campaign) == "sending"
