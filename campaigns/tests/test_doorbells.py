"""What rings whom: nobody has to wait for the next tick."""

import pytest
from django.conf import settings
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services, tasks
from campaigns.models import Campaign, CampaignRun
from campaigns.tests.factories import make_campaign, make_due, make_sending
from messaging.models import Broadcast
from rediskit import connection
from rediskit.doorbell import waiting

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("action", ["send", "cancel"])
def test_after_the_commit(
    action: str, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    business = make_business()
    campaign = make_campaign(business, contacts=1) if action == "send" else make_sending(business)
    client = api_client(make_member(business))
    before = waiting("scheduler")
    with django_capture_on_commit_callbacks() as rings:
        client.post(f"/api/v1/campaigns/{campaign.pk}/{action}/")
    assert waiting("scheduler") == before
    for ring in rings:
        ring()
    assert waiting("scheduler") == before + 1


def test_a_cancelled_series_rings_for_the_run_under_way(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """A daily one that was sent for years has a thousand others."""
    campaign = make_due()
    for _ in range(3):
        earlier = Broadcast.objects.create(
            business=campaign.business, text="Hi!", sender="Store", status="completed"
        )
        CampaignRun.objects.create(campaign=campaign, broadcast=earlier)
    assert len(list(services.launch_due())) == 1
    client = api_client(make_member(campaign.business))
    before = waiting("scheduler")
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"/api/v1/campaigns/{campaign.pk}/cancel/").status_code == 200
    assert waiting("scheduler") == before + 1


def test_the_launch_rings_for_the_expansion() -> None:
    make_due()
    make_due()
    before = waiting("scheduler")
    tasks.launch_due()
    assert waiting("scheduler") == before + 2
    assert Broadcast.objects.count() == 2


def test_birthday_messages_ring_for_the_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.services.send_birthday_messages", lambda: iter([5]))
    broker = connection.client(connection.in_redis_words(settings.CELERY_BROKER_URL))
    broker.delete(f"{connection.BROKER_PREFIX}sms")  # other tests' rings: more are not needed
    tasks.send_birthday_messages()
    assert waiting("sms") == settings.SENDERS


def test_the_tick_reconciles() -> None:
    campaign = make_sending()
    Broadcast.objects.update(status="cancelled")
    tasks.reconcile()
    assert Campaign.objects.get(pk=campaign.pk).status == "cancelled"
