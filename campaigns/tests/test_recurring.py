"""Recurring campaigns: run after run, each a broadcast of its own, whatever comes between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.models import Campaign
from campaigns.selectors import broadcasts_of, out_of_step
from campaigns.services.recurring import UNATTENDED
from campaigns.statistics import campaign_statistics
from campaigns.tests.factories import expand, finish, make_campaign, make_due, make_series
from contacts.models import Contact
from contacts.tests.factories import make_contact
from messaging import services as messaging
from messaging.models import Broadcast
from messaging.services.broadcasts import pause_for_operator

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def launch() -> list[int]:
    launched = list(services.launch_due())
    for broadcast_id in launched:
        expand(broadcast_id)
    return launched


def make_due_again(campaign: Campaign) -> datetime:
    """As if a day had passed."""
    campaign.refresh_from_db()
    assert campaign.scheduled_at is not None
    Campaign.objects.filter(pk=campaign.pk).update(
        scheduled_at=campaign.scheduled_at - DAY, schedule_date=day_of(campaign) - DAY
    )
    return campaign.scheduled_at


def ending(campaign: Campaign, *, after: int = 0) -> Campaign:
    """So many days after the planned run there is the last one."""
    last = day_of(campaign) + after * DAY
    campaign.recurrence = {"every": "day", "until": last.isoformat()}
    campaign.save(update_fields=["recurrence"])
    return campaign


def day_of(campaign: Campaign) -> date:
    assert campaign.schedule_date is not None
    return campaign.schedule_date


def told(campaign: Campaign) -> list[tuple[int, str]]:
    """What was left out, and why."""
    return list(campaign.skipped.order_by("pk").values_list("times", "reason"))


@pytest.mark.django_db(transaction=True)
class TestSeries:
    def test_each_run_is_a_broadcast_of_its_own_and_the_statistics_add_up(self) -> None:
        campaign = make_series(contacts=2)
        first_time = campaign.scheduled_at
        for number in (1, 2, 3):
            assert len(launch()) == 1
            campaign.refresh_from_db()
            assert campaign.status == "sending"
            finish(campaign)
            assert (campaign.status, campaign.failure) == ("scheduled", "")
            assert campaign.finished_at is None
            assert launch() == []
            broadcasts = broadcasts_of(campaign)
            assert len(broadcasts) == number
            counted = campaign_statistics({campaign.pk: broadcasts})[campaign.pk]
            assert (counted.total, counted.sent) == (2 * number, 2 * number)
            make_due_again(campaign)
        kinds = campaign.runs.order_by("pk").values_list("kind", flat=True)
        assert list(kinds) == ["launch", "recurrence", "recurrence"]
        assert first_time == Campaign.objects.get().scheduled_at
        assert told(campaign) == []

    def test_the_next_run_is_tomorrow_at_the_same_wall_time(self) -> None:
        campaign = make_series()
        day, at = day_of(campaign), campaign.schedule_time
        launch()
        finish(campaign)
        assert (campaign.schedule_date, campaign.schedule_time) == (day + DAY, at)
        assert campaign.schedule_zone == campaign.business.time_zone

    def test_new_contacts_get_the_next_run(self, business: Business) -> None:
        campaign = make_series(business)
        launch()
        finish(campaign)
        make_contact(business, "+306949999999")
        make_due_again(campaign)
        launch()
        totals = [run.broadcast.counters.total for run in campaign.runs.order_by("pk")]
        assert totals == [1, 2]

    def test_it_ends_after_its_last_day(self) -> None:
        campaign = ending(make_series())
        launch()
        finish(campaign)
        assert campaign.status == "completed"
        assert campaign.finished_at is not None

    def test_it_ends_after_so_many_runs(self) -> None:
        campaign = make_series(recurrence={"every": "day", "count": 2})
        launch()
        finish(campaign)
        assert campaign.status == "scheduled"
        make_due_again(campaign)
        launch()
        finish(campaign)
        assert campaign.status == "completed"
        assert out_of_step() == []

    def test_a_lost_signal_is_made_good_once(self) -> None:
        campaign = make_series()
        (broadcast_id,) = launch()
        Broadcast.objects.filter(pk=broadcast_id).update(status="completed")
        assert services.reconcile() == 1
        campaign.refresh_from_db()
        assert campaign.status == "scheduled"
        following = campaign.scheduled_at
        services.follow_broadcast(campaign_id=campaign.pk)
        assert services.reconcile() == 0
        campaign.refresh_from_db()
        assert (campaign.status, campaign.scheduled_at) == ("scheduled", following)

    def test_a_run_that_takes_longer_than_a_day_says_what_it_held_up(self) -> None:
        campaign = make_series(ago=timedelta(minutes=1))
        launch()
        # As if it had begun three days ago.
        assert campaign.scheduled_at is not None
        Campaign.objects.update(
            scheduled_at=campaign.scheduled_at - 3 * DAY,
            schedule_date=day_of(campaign) - 3 * DAY,
        )
        finish(campaign)
        assert campaign.status == "scheduled"
        assert campaign.scheduled_at is not None
        assert timezone.now() < campaign.scheduled_at < timezone.now() + DAY
        assert told(campaign) == [(3, "The run before was still under way.")]


@pytest.fixture
def business() -> Business:
    return make_business(time_zone="UTC")


class TestOutage:
    """Nobody launched for a while: one run goes out, or none, and the others are told."""

    def test_the_run_of_five_hours_ago_goes_out_once(self) -> None:
        campaign = make_series(ago=timedelta(hours=5))
        assert len(launch()) == 1
        assert launch() == []
        assert told(campaign) == []

    def test_of_many_days_only_the_last_goes_out(self) -> None:
        campaign = make_series(ago=10 * DAY + timedelta(hours=5))
        for _ in range(5):
            launch()
        assert campaign.runs.count() == 1
        assert told(campaign) == [(10, UNATTENDED)]
        first = campaign.skipped.get().scheduled_at
        assert first == campaign.scheduled_at
        campaign.refresh_from_db()
        assert campaign.status == "sending"
        assert campaign.schedule_date == timezone.localdate(
            timezone.now() - timedelta(hours=5), timezone=campaign.business.zone
        )

    def test_seven_hours_late_it_waits_for_the_next(self) -> None:
        campaign = make_series(ago=2 * DAY + timedelta(hours=7))
        for _ in range(5):
            assert launch() == []
        assert told(campaign) == [(2, UNATTENDED), (1, "More than six hours late.")]
        campaign.refresh_from_db()
        assert campaign.status == "scheduled"
        assert "More than six hours late." in campaign.failure
        assert campaign.scheduled_at is not None
        assert timezone.now() < campaign.scheduled_at < timezone.now() + DAY

    def test_of_the_last_run_a_person_decides(self) -> None:
        campaign = ending(make_series(ago=2 * DAY), after=1)
        assert launch() == []
        campaign.refresh_from_db()
        assert campaign.status == "missed"
        assert told(campaign) == [(1, UNATTENDED)]
        services.send_campaign(campaign=campaign)
        assert len(launch()) == 1

    def test_the_reason_stays_until_a_run_goes_out(self) -> None:
        campaign = make_series(ago=timedelta(hours=7))
        launch()
        make_due_again(campaign)
        Campaign.objects.update(scheduled_at=timezone.now())
        assert len(launch()) == 1
        campaign.refresh_from_db()
        assert (campaign.status, campaign.failure) == ("sending", "")


class TestObstacles:
    """What one run lacks, the next may have: the series goes on, and says what was left out."""

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"contacts": 0}, "No subscribed contact was in the audience."),
            (
                {"offer_title": "x", "offer_valid_until": timezone.now() - DAY},
                "The offer has ended.",
            ),
            ({"text": "Hi {{surname}}"}, "The text cannot be sent: "),
        ],
    )
    def test_a_run_is_left_out(self, fields: dict[str, Any], reason: str) -> None:
        campaign = make_series(**fields)
        assert launch() == []
        campaign.refresh_from_db()
        assert campaign.status == "scheduled"
        assert campaign.scheduled_at is not None
        assert campaign.scheduled_at > timezone.now()
        ((times, told_reason),) = told(campaign)
        assert times == 1
        assert told_reason.startswith(reason)
        assert f": {reason}" in campaign.failure
        assert campaign.runs.count() == 0

    def test_a_business_that_is_not_approved(self) -> None:
        campaign = make_series(make_business(daily_message_cap=0))
        assert launch() == []
        assert told(campaign) == [(1, "The business is not approved to send.")]

    def test_what_was_left_out_does_not_count(self, business: Business) -> None:
        campaign = make_series(business, contacts=0, recurrence={"every": "day", "count": 1})
        launch()
        make_contact(business)
        make_due_again(campaign)
        assert len(launch()) == 1

    def test_the_last_run_fails_with_its_reason(self) -> None:
        campaign = ending(make_series(contacts=0))
        launch()
        campaign.refresh_from_db()
        assert campaign.status == "failed"
        assert campaign.failure == "No subscribed contact was in the audience."

    def test_a_pause_by_the_engine_holds_the_run_and_not_the_series(self) -> None:
        campaign = make_series()
        (broadcast_id,) = launch()
        pause_for_operator(broadcast_id=broadcast_id, reason="The key was refused")
        campaign.refresh_from_db()
        assert (campaign.status, campaign.failure) == ("paused", "The key was refused")
        assert services.resume_campaign(campaign=campaign).status == "sending"


@pytest.mark.django_db(transaction=True)
class TestActions:
    def test_cancelling_between_two_runs_ends_the_series(self) -> None:
        campaign = make_series()
        launch()
        finish(campaign)
        services.cancel_campaign(campaign=campaign)
        make_due_again(campaign)
        assert launch() == []
        assert campaign.status == "cancelled"
        assert campaign.finished_at is not None

    def test_cancelling_a_run_ends_the_series(self) -> None:
        campaign = make_series(contacts=3)
        launch()
        assert services.cancel_campaign(campaign=campaign).status == "cancelled"
        assert set(Broadcast.objects.values_list("status", flat=True)) == {"cancelled"}
        assert services.reconcile() == 0

    def test_cancelling_while_the_run_ends_is_no_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign = make_series()
        launch()

        def end() -> None:
            Broadcast.objects.update(status="completed")
            services.follow_broadcast(campaign_id=campaign.pk)
            connection.close()

        def end_meanwhile(**_: object) -> bool:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(end).result(30)
            return False

        monkeypatch.setattr(messaging, "cancel_broadcast", end_meanwhile)
        assert services.cancel_campaign(campaign=campaign).status == "cancelled"

    def test_pausing_holds_the_run_under_way(self) -> None:
        campaign = make_series()
        launch()
        assert services.pause_campaign(campaign=campaign).status == "paused"
        assert services.resume_campaign(campaign=campaign).status == "sending"

    def test_between_two_runs_there_is_nothing_to_pause(self) -> None:
        campaign = make_series()
        launch()
        finish(campaign)
        with pytest.raises(services.InvalidStatus):
            services.pause_campaign(campaign=campaign)
        assert services.unschedule_campaign(campaign=campaign).status == "draft"
        assert campaign.recurrence == {"every": "day"}

    def test_sending_now_brings_the_next_run_forward(self) -> None:
        campaign = make_series(ago=-timedelta(hours=3))
        day, at = day_of(campaign), campaign.schedule_time
        services.send_campaign(campaign=campaign)
        assert len(launch()) == 1
        finish(campaign)
        assert campaign.status == "scheduled"
        assert (campaign.schedule_date, campaign.schedule_time) == (day + DAY, at)

    def test_a_draft_that_is_sent_comes_again_at_this_time_of_the_day(self) -> None:
        campaign = make_campaign(contacts=1, recurrence={"every": "day"})
        services.send_campaign(campaign=campaign)
        launch()
        finish(campaign)
        assert campaign.scheduled_at is not None
        assert campaign.launched_at is not None
        wait = campaign.scheduled_at - campaign.launched_at
        assert DAY - timedelta(minutes=62) < wait < DAY + timedelta(minutes=61)

    def test_one_that_has_sent_something_is_not_deleted(self) -> None:
        campaign = make_series()
        launch()
        finish(campaign)
        with pytest.raises(services.CampaignInUse):
            services.delete_campaign(campaign=campaign)
        services.unschedule_campaign(campaign=campaign)
        with pytest.raises(services.CampaignInUse):
            services.delete_campaign(campaign=campaign)
        services.delete_campaign(campaign=make_series())

    def test_once_only_is_as_before(self) -> None:
        campaign = make_due()
        launch()
        finish(campaign)
        assert campaign.status == "completed"
        assert Contact.objects.count() == 1
