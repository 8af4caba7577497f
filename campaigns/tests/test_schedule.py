"""Wall times and the instants they mean, through the clock changes of Europe/Athens."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.tests.factories import api_client, make_business, make_member
from campaigns.models import Campaign
from campaigns.schedule import from_instant, from_wall_time
from campaigns.tests.factories import make_campaign, make_sending

ATHENS = ZoneInfo("Europe/Athens")
# Clocks go from 03:00 to 04:00 on 28 March 2027, and from 04:00 to 03:00 on 31 October 2027.
before_them = pytest.mark.time_machine("2027-01-15T12:00:00Z", tick=False)


@pytest.mark.parametrize(
    ("day", "at", "instant"),
    [
        (date(2027, 1, 15), time(10, 0), datetime(2027, 1, 15, 8, 0, tzinfo=UTC)),
        (date(2027, 7, 15), time(10, 0), datetime(2027, 7, 15, 7, 0, tzinfo=UTC)),
        # 03:30 does not exist: it is 04:30.
        (date(2027, 3, 28), time(3, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        (date(2027, 3, 28), time(4, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        # 03:30 comes twice: the first is meant, whatever the input's fold.
        (date(2027, 10, 31), time(3, 30), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        (date(2027, 10, 31), time(3, 30, fold=1), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_an_instant(day: date, at: time, instant: datetime) -> None:
    assert from_wall_time(day, at, ATHENS).instant == instant


def test_an_instant_has_a_wall_time() -> None:
    schedule = from_instant(datetime(2027, 7, 15, 7, 0, tzinfo=UTC), ATHENS)
    assert schedule == (
        date(2027, 7, 15),
        time(10, 0),
        "Europe/Athens",
        datetime(2027, 7, 15, 7, 0, tzinfo=UTC),
    )


@pytest.mark.django_db
class TestScheduling:
    @before_them
    def test_by_date_and_time_of_the_business(self) -> None:
        business = make_business()
        campaign = make_campaign(business)
        answer = api_client(make_member(business)).post(
            f"/api/v1/campaigns/{campaign.pk}/schedule/",
            {"date": "2027-03-28", "time": "03:30"},
        )
        assert answer.status_code == 200, answer.data
        assert answer.data["status"] == "scheduled"
        assert answer.data["scheduled_at"] == "2027-03-28T01:30:00Z"
        campaign.refresh_from_db()
        assert campaign.schedule_date == date(2027, 3, 28)
        assert campaign.schedule_time == time(3, 30)
        assert campaign.schedule_zone == "Europe/Athens"

    @before_them
    def test_by_instant_and_again(self) -> None:
        business = make_business()
        campaign = make_campaign(business)
        client = api_client(make_member(business))
        for hour in ("10", "11"):
            answer = client.post(
                f"/api/v1/campaigns/{campaign.pk}/schedule/",
                {"scheduled_at": f"2027-07-15T{hour}:00:00+03:00"},
            )
            assert answer.status_code == 200, answer.data
        assert answer.data["scheduled_at"] == "2027-07-15T08:00:00Z"
        campaign.refresh_from_db()
        assert campaign.schedule_time == time(11, 0)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"scheduled_at": "2020-01-01T10:00:00Z"}, "SCHEDULE_IN_PAST"),
            ({"date": "2020-01-01", "time": "10:00"}, "SCHEDULE_IN_PAST"),
            ({"scheduled_at": "2900-01-01T10:00:00Z"}, "SCHEDULE_TOO_FAR"),
            ({"scheduled_at": "9999-12-31T23:59:59Z"}, "VALIDATION_ERROR"),
            ({"scheduled_at": "0001-01-01T00:00:00Z"}, "VALIDATION_ERROR"),
            ({"scheduled_at": "2027-07-15T10:00:00"}, "VALIDATION_ERROR"),
            ({"date": "0001-01-01", "time": "10:00"}, "VALIDATION_ERROR"),
            ({"date": "9999-12-31", "time": "10:00"}, "VALIDATION_ERROR"),
            ({"date": "2027-02-30", "time": "10:00"}, "VALIDATION_ERROR"),
            ({"date": "2027-07-15"}, "VALIDATION_ERROR"),
            (
                {"date": "2027-07-15", "time": "10:00", "scheduled_at": "2027-07-15T10:00:00Z"},
                "VALIDATION_ERROR",
            ),
            ({"date": "2027-07-15", "time": "10:00", "zone": "UTC"}, "VALIDATION_ERROR"),
            ({"scheduled_at": None}, "VALIDATION_ERROR"),
            ({}, "VALIDATION_ERROR"),
            ([], "VALIDATION_ERROR"),
        ],
    )
    def test_bad_times_change_nothing(self, body: object, code: str) -> None:
        business = make_business()
        campaign = make_campaign(business)
        answer = api_client(make_member(business)).post(
            f"/api/v1/campaigns/{campaign.pk}/schedule/", body
        )
        assert answer.status_code == 400
        assert answer.data["code"] == code
        campaign.refresh_from_db()
        assert campaign.status == Campaign.Status.DRAFT
        assert campaign.scheduled_at is None

    def test_a_campaign_under_way_cannot_be_scheduled(self) -> None:
        business = make_business()
        campaign = make_sending(business)
        answer = api_client(make_member(business)).post(
            f"/api/v1/campaigns/{campaign.pk}/schedule/",
            {"scheduled_at": (timezone.now() + timedelta(days=1)).isoformat()},
        )
        assert answer.status_code == 409
        assert answer.data["code"] == "INVALID_STATUS"
