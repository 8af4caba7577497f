"""Due campaigns become broadcasts: each once, whoever ticks, and none stops another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.models import Campaign, CampaignRun, SkippedRun
from campaigns.tests.factories import (
    expand,
    finish,
    make_due,
    make_sending,
    make_series,
    make_template,
)
from contacts.tests.factories import make_contacts, make_list
from messaging.models import Broadcast, Message
from messaging.services import start_broadcast


def launch_in_thread(_: int) -> list[int]:
    try:
        return list(services.launch_due())
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_launch_each_of_twenty_campaigns_once() -> None:
    business = make_business()
    make_due(business, contacts=3)
    for _ in range(19):
        make_due(business, contacts=0)
    with ThreadPoolExecutor(8) as pool:
        launched = [pk for found in pool.map(launch_in_thread, range(8)) for pk in found]
    assert len(launched) == len(set(launched)) == 20
    assert Broadcast.objects.count() == CampaignRun.objects.count() == 20
    assert CampaignRun.objects.values("campaign").distinct().count() == 20
    assert set(Campaign.objects.values_list("status", flat=True)) == {"sending"}


@pytest.mark.django_db(transaction=True)
def test_fifty_that_were_due_while_everything_was_down_start_once_each() -> None:
    """Half of them come again, and some should have gone out on several days."""
    business = make_business(time_zone="UTC")
    make_contacts(business, 2)
    for number in range(25):
        ago = timedelta(minutes=14 * number + 1)
        make_due(business, contacts=0, scheduled_at=timezone.now() - ago)
        make_series(business, contacts=0, ago=timedelta(days=number % 5) + ago)
    with ThreadPoolExecutor(8) as pool:
        launched = [pk for found in pool.map(launch_in_thread, range(24)) for pk in found]
    assert len(launched) == len(set(launched)) == 50
    assert CampaignRun.objects.values("campaign").distinct().count() == 50
    assert Broadcast.objects.count() == CampaignRun.objects.count() == 50
    assert set(Campaign.objects.values_list("status", flat=True)) == {"sending"}
    skipped = SkippedRun.objects.aggregate(times=Sum("times"))["times"]
    assert skipped == 5 * (0 + 1 + 2 + 3 + 4)


@pytest.mark.django_db
class TestLaunch:
    def test_the_broadcast_is_what_the_campaign_says(self) -> None:
        business = make_business(sender_name="Bakery")
        template = make_template(business, text="Hello {{first_name|you}}")
        campaign = make_due(business, template=template, filter={"age_min": 0}, contacts=0)
        services.update_template(template=template, text="Hey {{first_name|you}}")
        list(services.launch_due())
        campaign.refresh_from_db()
        assert campaign.status == "failed"  # nobody has a birthday
        campaign = make_due(business, template=template, contacts=2, sender="Cafe")
        (broadcast_id,) = services.launch_due()
        broadcast = Broadcast.objects.get(pk=broadcast_id)
        assert broadcast.text == "Hey {{first_name|you}}"
        assert broadcast.sender == "Cafe"
        assert broadcast.business == business
        campaign.refresh_from_db()
        assert campaign.status == "sending"
        assert campaign.launched_at is not None

    def test_the_business_is_the_sender_by_default(self) -> None:
        make_due(make_business(sender_name="Bakery"))
        (broadcast_id,) = services.launch_due()
        assert Broadcast.objects.get(pk=broadcast_id).sender == "Bakery"

    def test_only_the_list_gets_it(self) -> None:
        business = make_business()
        campaign = make_sending(business, contacts=2)
        finish(campaign)
        (member, _) = business.contacts.order_by("pk")
        make_due(business, contacts=0, contact_list=make_list(business, member))
        (broadcast_id,) = services.launch_due()
        expand(broadcast_id)
        phones = Message.objects.filter(broadcast=broadcast_id).values_list("phone", flat=True)
        assert list(phones) == [member.phone]

    def test_what_is_not_due_stays(self) -> None:
        later = timezone.now() + timedelta(minutes=1)
        campaign = make_due(scheduled_at=later)
        assert list(services.launch_due()) == []
        campaign.refresh_from_db()
        assert campaign.status == "scheduled"

    def test_six_hours_late_is_missed_and_a_person_decides(self) -> None:
        in_time = make_due(scheduled_at=timezone.now() - timedelta(hours=5, minutes=59))
        late = make_due(scheduled_at=timezone.now() - timedelta(hours=6, minutes=1))
        assert len(list(services.launch_due())) == 1
        in_time.refresh_from_db()
        late.refresh_from_db()
        assert in_time.status == "sending"
        assert late.status == "missed"
        assert "six hours late" in late.failure
        late = services.send_campaign(campaign=late)
        assert late.status == "scheduled"
        assert late.failure == ""
        assert len(list(services.launch_due())) == 1

    def test_a_missed_campaign_can_be_cancelled(self) -> None:
        campaign = make_due(scheduled_at=timezone.now() - timedelta(days=1))
        list(services.launch_due())
        assert services.cancel_campaign(campaign=campaign).status == "cancelled"

    def test_one_that_cannot_be_sent_fails_with_a_reason_and_stops_no_other(self) -> None:
        vanished = make_due(contacts=0)
        unapproved = make_due(make_business(daily_message_cap=0))
        broken = make_due(text="Hi {{surname}}")
        good = make_due()
        assert len(list(services.launch_due())) == 1
        failures = {}
        for campaign in (vanished, unapproved, broken, good):
            campaign.refresh_from_db()
            failures[campaign] = (campaign.status, campaign.failure)
        assert failures[vanished] == ("failed", "No subscribed contact was in the audience.")
        assert failures[unapproved] == ("failed", "The business is not approved to send.")
        assert failures[broken][0] == "failed"
        assert 'Unknown placeholder "surname"' in failures[broken][1]
        assert failures[good] == ("sending", "")
        assert vanished.finished_at is not None

    def test_an_unforeseen_error_leaves_the_campaign_for_the_next_tick(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = make_due(), make_due()

        def start_unless_first(*, business: Business, **fields: Any) -> Broadcast:
            if business == first.business:
                raise OSError("The disk is full.")
            return start_broadcast(business=business, **fields)

        with monkeypatch.context() as patch:
            patch.setattr("messaging.services.start_broadcast", start_unless_first)
            assert len(list(services.launch_due())) == 1
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.status, second.status) == ("scheduled", "sending")
        assert len(list(services.launch_due())) == 1
