"""The list of campaigns: search, filter, order, statistics, and what it costs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign
from campaigns.tests.factories import make_campaign, make_due, make_sending, make_template
from contacts.tests.factories import make_list

URL = "/api/v1/campaigns/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [campaign["name"] for campaign in answer.json()["results"]]


def test_newest_first_in_pages(business: Business, client: APIClient) -> None:
    for number in range(12):
        make_campaign(business, name=f"{number}")
    answer = client.get(URL)
    assert answer.json()["count"] == 12
    assert names(answer) == [str(number) for number in range(11, 1, -1)]
    assert names(client.get(answer.json()["next"])) == ["1", "0"]
    assert names(client.get(URL, {"page": 3, "page_size": 5})) == ["1", "0"]
    assert client.get(URL, {"page": 9}).status_code == 404


@pytest.mark.parametrize("ordering", ["", ",", "name,", ",-name"])
def test_an_order_that_names_nothing_is_passed_over(
    business: Business, client: APIClient, ordering: str
) -> None:
    for name in ("b", "a"):
        make_campaign(business, name=name)
    expected = ["b", "a"] if ordering == ",-name" else ["a", "b"]
    assert names(client.get(URL, {"ordering": ordering})) == expected


def test_search_and_status(business: Business, client: APIClient) -> None:
    make_campaign(business, name="Spring sale")
    make_campaign(business, name="Winter sale", status="cancelled")
    make_due(business, contacts=0, name="Spring news")
    assert names(client.get(URL, {"q": "SALE"})) == ["Winter sale", "Spring sale"]
    assert names(client.get(URL, {"q": "sale", "status": "draft"})) == ["Spring sale"]
    both = client.get(URL + "?status=cancelled&status=scheduled")
    assert names(both) == ["Spring news", "Winter sale"]


def test_days_are_those_of_the_business(business: Business, client: APIClient) -> None:
    # In Athens 23:30 UTC of the 9th is the 10th already.
    for name, instant in [
        ("9th", datetime(2026, 7, 9, 20, 30, tzinfo=UTC)),
        ("10th", datetime(2026, 7, 9, 21, 30, tzinfo=UTC)),
        ("11th", datetime(2026, 7, 10, 21, 30, tzinfo=UTC)),
    ]:
        make_campaign(business, name=name, created_at=instant)
    assert names(client.get(URL, {"date_from": "2026-07-10"})) == ["11th", "10th"]
    assert names(client.get(URL, {"date_to": "2026-07-10"})) == ["10th", "9th"]
    day = {"date_from": "2026-07-10", "date_to": "2026-07-10"}
    assert names(client.get(URL, day)) == ["10th"]


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("name", ["a", "b", "c"]),
        ("-name", ["c", "b", "a"]),
        ("created_at", ["b", "a", "c"]),
        ("scheduled_at", ["c", "a", "b"]),
        ("status,name", ["a", "b", "c"]),
    ],
)
def test_ordering(
    business: Business, client: APIClient, ordering: str, expected: list[str]
) -> None:
    now = timezone.now()
    for name, days in [("b", 3), ("a", 2), ("c", 1)]:
        make_campaign(business, name=name, scheduled_at=now + timedelta(days=days))
    assert names(client.get(URL, {"ordering": ordering})) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"status": "sent"},
        {"ordering": "text"},
        {"date_from": "yesterday"},
        {"date_to": "9999-12-31"},
        {"date_from": "0001-01-01"},
        {"surprise": "1"},
        {"q": "a\x00b"},
    ],
)
def test_bad_queries(client: APIClient, query: dict[str, str]) -> None:
    answer = client.get(URL, query)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_statistics_are_asked_for(business: Business, client: APIClient) -> None:
    sending = make_sending(business, contacts=2)
    make_campaign(business, name="Draft")
    assert client.get(URL).json()["results"][0]["stats"] is None
    draft, launched = client.get(URL, {"with_stats": "true"}).json()["results"]
    assert launched["id"] == sending.pk
    assert (launched["stats"]["total"], launched["stats"]["queued"]) == (2, 2)
    assert (draft["stats"]["total"], draft["stats"]["delivery_rate"]) == (0, 0.0)


@pytest.mark.parametrize("with_stats", ["0", "1"])
def test_the_number_of_queries_does_not_grow(
    business: Business, client: APIClient, with_stats: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(URL, {"with_stats": with_stats})
        assert answer.status_code == 200
        own = [query for query in captured if "accounts_user" not in query["sql"]]
        return len([query for query in own if "accounts_membership" not in query["sql"]])

    make_sending(business)
    few = queries()
    contact_list, template = make_list(business), make_template(business)
    for number in range(5):
        make_due(
            business, contacts=0, template=template, contact_list=contact_list, name=f"{number}"
        )
    Campaign.objects.filter(contact_list=contact_list).update(contact_list=None)
    assert len(list(services.launch_due())) == 5
    assert queries() == few == {"0": 2, "1": 5}[with_stats]
