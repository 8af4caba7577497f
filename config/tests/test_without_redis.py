"""REDIS_URL=disabled: one web process is the whole system."""

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns.models import Campaign
from config.embedded.fixtures import SimulatedGateway
from messaging.services.counting import wrong_counters

_CONTACTS = """
INSERT INTO contacts_contact (business_id, phone, email, first_name, last_name, gender, attributes,
    is_subscribed, updated_at)
SELECT %s, '+3069' || (40000000 + n)::text, '', '', '', '', '{}', true, now()
FROM generate_series(1, %s) n
"""


@pytest.fixture(autouse=True)
def _disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the processes that the test starts; they are told by the environment."""
    monkeypatch.setenv("REDIS_URL", "disabled")
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)


@pytest.fixture
def business(transactional_db: None) -> Business:
    return make_business()


def schedule(business: Business) -> Campaign:
    """As if a person had scheduled it, in a process that can ring nobody."""
    return Campaign.objects.create(
        business=business,
        name="By the clock",
        text="Hello",
        status="scheduled",
        scheduled_at=timezone.now() + timedelta(seconds=1),
    )


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("recipients", "seconds"),
    [(5_000, 180), pytest.param(150_000, 600, marks=pytest.mark.soak)],
)
def test_a_scheduled_campaign_goes_out_and_its_reports_come_in(
    business: Business,
    simulated_gateway: SimulatedGateway,
    live_web: str,
    recipients: int,
    seconds: float,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, [business.pk, recipients])
    campaign = schedule(business)

    def all_delivered() -> bool:
        run = campaign.runs.select_related("broadcast__counters").first()
        return run is not None and run.broadcast.counters.delivered == recipients

    wait_for(all_delivered, seconds=seconds)

    def is_completed() -> bool:
        campaign.refresh_from_db()
        return campaign.status == "completed"

    wait_for(is_completed, seconds=60)
    counts = simulated_gateway.counts()
    assert (counts["accepted"], counts["max_per_destination"]) == (recipients, 1)
    assert not list(wrong_counters())
