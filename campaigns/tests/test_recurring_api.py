"""Recurring campaigns over HTTP and in the admin: the rule, its mistakes, and each run."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign
from campaigns.schedule import from_instant
from campaigns.tests.factories import expand, make_campaign, make_due, make_series

pytestmark = pytest.mark.django_db

URL = "/api/v1/campaigns/"
ADD = "admin:campaigns_campaign_add"
CHANGE = "admin:campaigns_campaign_change"
DAILY = {"every": "day", "weekdays": None, "day": None, "until": None, "count": None}
MONDAYS = {"every": "week", "weekdays": ["mon"]}


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


@pytest.fixture
def staff(business: Business) -> Client:
    browser = Client()
    browser.force_login(make_member(business, is_staff=True))
    return browser


def draft(**fields: Any) -> dict[str, Any]:
    return {"name": "Spring", "text": "Hi!"} | fields


class TestRule:
    @pytest.mark.parametrize(
        "rule",
        [
            {"every": "day"},
            {"every": "week", "weekdays": ["mon", "fri"], "until": "2027-12-31"},
            {"every": "month", "day": 31, "count": 12},
        ],
    )
    def test_it_comes_back_as_it_was_given(self, client: APIClient, rule: dict[str, Any]) -> None:
        answer = client.post(URL, draft(recurrence=rule))
        assert answer.status_code == 201, answer.data
        assert answer.json()["recurrence"] == DAILY | rule
        again = client.put(answer["Location"], answer.json())
        assert (again.status_code, again.json()["recurrence"]) == (200, DAILY | rule)
        once = client.patch(answer["Location"], {"recurrence": None})
        assert once.json()["recurrence"] is None

    def test_weekdays_are_put_in_order(self, client: APIClient) -> None:
        rule = {"every": "week", "weekdays": ["sun", "mon", "sun"]}
        answer = client.post(URL, draft(recurrence=rule))
        assert answer.json()["recurrence"]["weekdays"] == ["mon", "sun"]

    @pytest.mark.parametrize(
        ("rule", "error"),
        [
            ({}, ("/every", "REQUIRED")),
            ({"every": "year"}, ("/every", "INVALID_CHOICE")),
            ({"every": "week"}, ("/weekdays", "REQUIRED")),
            ({"every": "week", "weekdays": []}, ("/weekdays", "EMPTY")),
            ({"every": "week", "weekdays": ["someday"]}, ("/weekdays/0", "INVALID_CHOICE")),
            ({"every": "month"}, ("/day", "REQUIRED")),
            ({"every": "month", "day": 32}, ("/day", "MAX_VALUE")),
            ({"every": "month", "day": 0}, ("/day", "MIN_VALUE")),
            ({"every": "day", "day": 1}, ("/day", "NOT_OF_THIS_RULE")),
            ({"every": "month", "day": 1, "weekdays": ["mon"]}, ("/weekdays", "NOT_OF_THIS_RULE")),
            ({"every": "day", "count": 0}, ("/count", "MIN_VALUE")),
            ({"every": "day", "until": "9999-12-31"}, ("/until", "MAX_VALUE")),
            ({"every": "day", "until": "soon"}, ("/until", "INVALID")),
            ({"every": "day", "interval": 2}, ("/interval", "UNKNOWN_FIELD")),
            ("daily", ("", "INVALID")),
        ],
    )
    @pytest.mark.parametrize("method", ["post", "patch"])
    def test_mistakes_are_named(
        self, client: APIClient, method: str, rule: object, error: tuple[str, str]
    ) -> None:
        if method == "post":
            answer = client.post(URL, draft(recurrence=rule))
        else:
            url = client.post(URL, draft())["Location"]
            answer = client.patch(url, {"recurrence": rule})
        assert answer.status_code == 400
        found = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
        assert found == [(f"/recurrence{error[0]}", error[1])]
        assert not Campaign.objects.filter(recurrence__isnull=False).exists()


class TestSchedule:
    """Within the year that tests may be run in, and beyond."""

    def day(self, ahead: int = 10) -> Any:
        return timezone.localdate() + timedelta(days=ahead)

    def test_the_first_run_is_on_the_first_day_of_the_rule(
        self, business: Business, client: APIClient
    ) -> None:
        campaign = make_campaign(business, recurrence=MONDAYS)
        body = {"date": self.day().isoformat(), "time": "10:00"}
        answer = client.post(f"{URL}{campaign.pk}/schedule/", body)
        assert answer.status_code == 200, answer.data
        campaign.refresh_from_db()
        assert campaign.schedule_date is not None
        assert campaign.schedule_date.weekday() == 0
        assert timedelta(0) <= campaign.schedule_date - self.day() < timedelta(days=7)
        assert campaign.schedule_time is not None
        assert campaign.schedule_time.hour == 10
        same = client.put(f"{URL}{campaign.pk}/", client.get(f"{URL}{campaign.pk}/").json())
        assert same.json()["scheduled_at"] == answer.data["scheduled_at"]

    def test_another_rule_moves_the_run_that_is_next(
        self, business: Business, client: APIClient
    ) -> None:
        instant = timezone.now() + timedelta(days=10)
        body = draft(scheduled_at=instant.isoformat(), recurrence={"every": "day"})
        url = client.post(URL, body)["Location"]
        moved = client.patch(url, {"recurrence": MONDAYS})
        assert moved.status_code == 200, moved.data
        campaign = Campaign.objects.get()
        assert campaign.schedule_date is not None
        assert campaign.schedule_date.weekday() == 0
        assert campaign.schedule_time == from_instant(instant, business.zone).time
        once = client.patch(url, {"recurrence": None})
        assert once.json()["scheduled_at"] == moved.json()["scheduled_at"]

    def test_a_series_that_ends_before_its_first_run(
        self, business: Business, client: APIClient
    ) -> None:
        rule = {"every": "day", "until": self.day(5).isoformat()}
        campaign = make_campaign(business, recurrence=rule)
        body = {"date": self.day(6).isoformat(), "time": "10:00"}
        answer = client.post(f"{URL}{campaign.pk}/schedule/", body)
        assert (answer.status_code, answer.data["code"]) == (400, "SERIES_OVER")
        campaign.refresh_from_db()
        assert campaign.status == "draft"

    def test_what_is_due_already_is_left_as_it_is(
        self, business: Business, client: APIClient
    ) -> None:
        url = f"{URL}{make_due(business).pk}/"
        body = client.get(url).json() | {"recurrence": {"every": "day"}}
        assert client.put(url, body).status_code == 200
        assert len(list(services.launch_due())) == 1

    def test_a_copy_comes_as_often(self, business: Business, client: APIClient) -> None:
        campaign = make_campaign(business, recurrence=MONDAYS)
        copy = client.post(f"{URL}{campaign.pk}/duplicate/").json()
        assert copy["recurrence"] == DAILY | MONDAYS


class TestRuns:
    def test_what_went_out_and_what_was_left_out(
        self, business: Business, client: APIClient
    ) -> None:
        campaign = make_series(business, ago=timedelta(days=3, hours=1), contacts=2)
        for broadcast_id in services.launch_due():
            expand(broadcast_id)
        answer = client.get(f"{URL}{campaign.pk}/runs/")
        assert answer.status_code == 200, answer.data
        body = answer.json()
        assert body["count"] == 2
        ran, skipped = body["results"]
        assert (ran["kind"], ran["status"], ran["times"]) == ("launch", "sending", 1)
        assert ran["stats"]["total"] == 2
        assert (skipped["kind"], skipped["status"], skipped["times"]) == ("skipped", "skipped", 3)
        assert skipped["reason"].startswith("The system was down")
        assert skipped["stats"] is None
        assert skipped["at"] < ran["at"]

    def test_a_draft_has_none(self, business: Business, client: APIClient) -> None:
        answer = client.get(f"{URL}{make_campaign(business).pk}/runs/")
        assert (answer.json()["count"], answer.json()["results"]) == (0, [])

    def test_one_that_has_sent_something_is_not_deleted(
        self, business: Business, client: APIClient
    ) -> None:
        campaign = make_series(business)
        assert len(list(services.launch_due())) == 1
        Campaign.objects.update(status="scheduled")
        answer = client.delete(f"{URL}{campaign.pk}/")
        assert (answer.status_code, answer.json()["code"]) == (409, "CAMPAIGN_IN_USE")


class TestAdmin:
    def form(self, business: Business, **fields: Any) -> dict[str, Any]:
        day = (timezone.localdate() + timedelta(days=10)).isoformat()
        when = {"send_date": day, "send_time": "10:00"}
        return {"business": business.pk, "name": "Spring", "text": "Hi!"} | when | fields

    def test_every_week(self, business: Business, staff: Client) -> None:
        fields = {"repeat": "week", "repeat_weekdays": ["mon", "fri"], "repeat_count": "5"}
        answer = staff.post(reverse(ADD), self.form(business, **fields))
        assert answer.status_code == 302
        campaign = Campaign.objects.get()
        assert campaign.recurrence == {"every": "week", "weekdays": ["mon", "fri"], "count": 5}
        assert campaign.schedule_date is not None
        assert campaign.schedule_date.weekday() in {0, 4}
        url = reverse(CHANGE, args=[campaign.pk])
        page = staff.get(url).text
        assert '<option value="week" selected>' in page
        monthly = {"repeat": "month", "repeat_weekdays": ["mon"], "repeat_day": "31"}
        assert staff.post(url, self.form(business, **monthly)).status_code == 302
        campaign.refresh_from_db()
        assert campaign.recurrence == {"every": "month", "day": 31}
        assert staff.post(url, self.form(business)).status_code == 302
        campaign.refresh_from_db()
        assert campaign.recurrence is None

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"repeat": "week"}, "This field is required."),
            ({"repeat": "month"}, "This field is required."),
            ({"repeat": "month", "repeat_day": "32"}, "less than or equal to 31"),
            ({"repeat": "day", "repeat_until": "9999-12-31"}, "less than or equal to"),
        ],
    )
    def test_mistakes_are_named(
        self, business: Business, staff: Client, fields: dict[str, str], complaint: str
    ) -> None:
        answer = staff.post(reverse(ADD), self.form(business, **fields))
        assert answer.status_code == 200
        assert complaint in answer.text
        assert not Campaign.objects.exists()

    def test_a_series_that_is_over_is_said(self, business: Business, staff: Client) -> None:
        body = self.form(business, repeat="day", repeat_until="2026-01-01")
        assert (
            "The series ends before its first run"
            in staff.post(reverse(ADD), body, follow=True).text
        )
        assert not Campaign.objects.exists()

    def test_the_page_lists_the_runs(
        self,
        business: Business,
        staff: Client,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        campaign = make_series(business, ago=timedelta(days=3, hours=1))
        (broadcast_id,) = services.launch_due()
        with django_assert_max_num_queries(13):
            page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
        assert "every day" in page
        assert "left out, 3 times: The system was down" in page
        assert f"?broadcast__id__exact={broadcast_id}" in page

    def test_between_two_runs_it_shows_results_and_can_be_changed(
        self, business: Business, staff: Client
    ) -> None:
        campaign = make_series(business, ago=timedelta(hours=7))
        list(services.launch_due())
        Campaign.objects.update(launched_at=timezone.now())
        page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
        assert "Left out on" in page
        assert "More than six hours late." in page
        assert 'name="_save"' in page
