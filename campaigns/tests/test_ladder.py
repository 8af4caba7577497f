"""The database refuses every step that is not on the ladder."""

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign, make_template

pytestmark = pytest.mark.django_db

STEPS = {
    ("draft", "scheduled"), ("scheduled", "draft"), ("scheduled", "sending"),
    ("scheduled", "cancelled"), ("scheduled", "failed"), ("scheduled", "missed"),
    ("missed", "scheduled"), ("missed", "cancelled"), ("sending", "completed"),
    ("sending", "paused"), ("paused", "sending"), ("sending", "cancelled"),
    ("paused", "cancelled"), ("sending", "failed"), ("paused", "failed"),
    ("sending", "scheduled"), ("completed", "sending"),
}  # fmt: skip


def set_status(campaign: Campaign, status: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_campaign SET status = %s WHERE id = %s", [status, campaign.pk]
        )


@pytest.mark.parametrize("before", Campaign.Status.values)
def test_raw_sql_cannot_leave_the_ladder(before: str) -> None:
    for after in Campaign.Status.values:
        campaign = make_campaign(status=before, scheduled_at="2027-01-01T10:00:00Z")
        if after == before or (before, after) in STEPS:
            set_status(campaign, after)
            continue
        with pytest.raises(IntegrityError, match=f"cannot go from {before} to {after}"):
            set_status(campaign, after)


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(IntegrityError):
        set_status(make_campaign(status="scheduled", scheduled_at="2027-01-01T10:00Z"), "sent")


def test_a_scheduled_campaign_has_a_time() -> None:
    with pytest.raises(IntegrityError):
        make_campaign(status="scheduled")


def test_a_campaign_has_a_text() -> None:
    campaign = make_campaign()
    with pytest.raises(IntegrityError):
        Campaign.objects.filter(pk=campaign.pk).update(text="")


def test_a_campaign_has_no_text_beside_its_template() -> None:
    campaign = make_campaign()
    template = make_template(campaign.business)
    with pytest.raises(IntegrityError):
        Campaign.objects.filter(pk=campaign.pk).update(template=template)
