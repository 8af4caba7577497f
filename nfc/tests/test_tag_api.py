"""nfc/tags/, nfc/scans/: tags, their codes, and what came of them."""

import re
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.tests.factories import make_campaign
from contacts.models import ContactList
from contacts.services import ListInUse, delete_list
from contacts.tests.factories import make_list
from nfc.models import Tag, TagDay
from nfc.tests.factories import make_form, make_tag, sign_up, visitor

URL = "/api/v1/nfc/tags/"
SCANS = "/api/v1/nfc/scans/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def codes(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_one_is_made_changed_and_deleted(business: Business, client: APIClient) -> None:
    form, contact_list = make_form(business), make_list(business)
    campaign = make_campaign(business)
    made = client.post(
        URL, {"label": "Door", "form": form.pk, "list": contact_list.pk, "campaign": campaign.pk}
    )
    assert made.status_code == 201, made.content
    tag = made.json()
    assert made["Location"].endswith(f"{URL}{tag['id']}/")
    assert (tag["type"], tag["status"]) == ("opt_in", "active")
    assert (tag["form"], tag["list"], tag["campaign"]) == (form.pk, contact_list.pk, campaign.pk)
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", tag["public_id"])
    assert tag["url"].endswith(f"/nfc/{tag['public_id']}/")

    url = f"{URL}{tag['id']}/"
    changed = client.patch(url, {"label": "Window", "status": "test", "campaign": None})
    assert changed.status_code == 200, changed.content
    assert client.get(url).json() == changed.json()
    assert changed.json()["public_id"] == tag["public_id"]
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_no_two_ids_are_alike_and_none_can_be_guessed(business: Business) -> None:
    ids = {make_tag(business, type="visit").public_id for _ in range(50)}
    assert len(ids) == 50
    assert {len(each) * 6 for each in ids} == {96}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("/label", "REQUIRED")]),
        ({"label": "Door"}, [("/form", "FORM_REQUIRED")]),
        ({"label": "Door", "type": "visit", "form": 1}, [("/form", "DOES_NOT_EXIST")]),
        ({"label": "Door", "type": "visit", "form": 2**70}, [("/form", "DOES_NOT_EXIST")]),
        ({"label": "Door", "type": "x"}, [("/type", "INVALID_CHOICE")]),
        ({"label": "Door", "type": "visit", "status": "x"}, [("/status", "INVALID_CHOICE")]),
        ({"label": "Door", "type": "visit", "colour": "red"}, [("/colour", "UNKNOWN_FIELD")]),
        ({"label": "a" * 121, "type": "visit"}, [("/label", "MAX_LENGTH")]),
    ],
)
def test_bad_input(client: APIClient, body: dict[str, Any], expected: Any) -> None:
    assert codes(client.post(URL, body)) == expected


def test_a_tag_for_sign_ups_keeps_its_form(business: Business, client: APIClient) -> None:
    tag = make_tag(business)
    assert codes(client.patch(f"{URL}{tag.pk}/", {"form": None})) == [("/form", "FORM_REQUIRED")]
    turned = client.patch(f"{URL}{tag.pk}/", {"type": "visit", "form": None})
    assert turned.json()["form"] is None
    back = client.patch(f"{URL}{tag.pk}/", {"type": "opt_in"})
    assert codes(back) == [("/form", "FORM_REQUIRED")]


def test_another_business_s_rows_do_not_exist(client: APIClient) -> None:
    other = make_business()
    rows = {
        "form": make_form(other).pk,
        "list": make_list(other).pk,
        "campaign": make_campaign(other).pk,
    }
    answer = client.post(URL, {"label": "Door", "type": "visit", **rows})
    assert codes(answer) == [
        ("/form", "DOES_NOT_EXIST"),
        ("/campaign", "DOES_NOT_EXIST"),
        ("/list", "DOES_NOT_EXIST"),
    ]


def test_nobody_can_be_put_on_a_list_that_finds_its_contacts(
    business: Business, client: APIClient
) -> None:
    dynamic = ContactList.objects.create(business=business, name="All", filter={})
    answer = client.post(URL, {"label": "Door", "type": "visit", "list": dynamic.pk})
    assert codes(answer) == [("/list", "DOES_NOT_EXIST")]


def test_a_list_that_a_tag_fills_stays(business: Business) -> None:
    contact_list = make_list(business)
    make_tag(business, contact_list=contact_list)
    with pytest.raises(ListInUse):
        delete_list(contact_list=contact_list)


def test_a_tag_that_people_have_used_stays(business: Business, client: APIClient) -> None:
    tag = make_tag(business)
    visitor().get(tag.path)
    answer = client.delete(f"{URL}{tag.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "TAG_IN_USE")
    tested = make_tag(business, status="test")
    sign_up(tested)
    assert client.delete(f"{URL}{tested.pk}/").status_code == 204


def test_making_one_twice_with_the_same_key(client: APIClient) -> None:
    body = {"label": "Door", "type": "visit"}
    first, again = (client.post(URL, body, headers={"Idempotency-Key": "a"}) for _ in range(2))
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert Tag.objects.count() == 1


class TestList:
    def test_by_label_type_and_status(self, business: Business, client: APIClient) -> None:
        make_tag(business, label="Door")
        make_tag(business, label="Till", type="visit", status="inactive")
        for query, labels in {
            "": ["Door", "Till"],
            "?q=oo": ["Door"],
            "?type=visit": ["Till"],
            "?status=active&status=test": ["Door"],
        }.items():
            found = client.get(URL + query).json()
            assert [tag["label"] for tag in found["results"]] == labels
            assert found["count"] == len(labels)
        assert client.get(f"{URL}?colour=red").status_code == 400

    def test_asks_the_same_few_questions_for_many(
        self, business: Business, client: APIClient
    ) -> None:
        for _ in range(8):
            make_tag(business)
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(URL).json()["results"]) == 8
        assert len(queries) == 4  # user, membership, count, page


class TestCode:
    def test_is_a_picture_of_the_link(self, business: Business, client: APIClient) -> None:
        tag = make_tag(business)
        answer = client.get(f"{URL}{tag.pk}/qr.svg")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/svg+xml"
        assert answer["X-Content-Type-Options"] == "nosniff"
        svg = answer.content.decode()
        assert svg.startswith("<?xml")
        assert "<script" not in svg
        assert client.get(f"{URL}{tag.pk}/qr.svg", headers={"Accept": "image/svg+xml"}).content
        other = client.get(f"{URL}{make_tag(business).pk}/qr.svg")
        assert other.content != answer.content

    def test_follows_the_business_s_domain(self, business: Business, client: APIClient) -> None:
        tag = make_tag(business)
        before = client.get(f"{URL}{tag.pk}/qr.svg").content
        business.link_domain = "go.example.com"
        business.save(update_fields=["link_domain"])
        assert client.get(f"{URL}{tag.pk}/qr.svg").content != before
        assert client.get(f"{URL}{tag.pk}/").json()["url"].startswith("http://go.example.com/nfc/")


class TestStatistics:
    def test_of_a_tag_that_nobody_has_tapped(self, business: Business, client: APIClient) -> None:
        answer = client.get(f"{URL}{make_tag(business).pk}/stats/").json()
        assert answer == {
            "taps": 0, "forms": 0, "opt_ins": 0, "visits": 0, "redemptions": 0, "unsubscribes": 0,
            "days": [],
        }  # fmt: skip

    def test_by_day(self, business: Business, client: APIClient) -> None:
        tag = make_tag(business)
        for day, taps in ((1, 5), (2, 3), (9, 1)):
            TagDay.objects.create(tag=tag, day=date(2027, 3, day), taps=taps)
        period = {"date_from": "2027-03-01", "date_to": "2027-03-08"}
        answer = client.get(f"{URL}{tag.pk}/stats/", period).json()
        assert answer["taps"] == 8
        assert [(day["day"], day["taps"]) for day in answer["days"]] == [
            ("2027-03-02", 3),
            ("2027-03-01", 5),
        ]
        with time_machine.travel("2027-04-01T12:00:00Z"):
            later = api_client(make_member(business)).get(f"{URL}{tag.pk}/stats/?fresh=1")
        assert later.json()["taps"] == 1  # of the last 30 days

    @pytest.mark.parametrize(
        "query",
        [
            "date_from=2027-03-02&date_to=2027-03-01",
            "date_from=2020-01-01&date_to=2027-03-01",
            "date_from=x",
            "date_to=9999-99-99",
            "date_to=0001-01-01",
            "date_from=9999-12-31&date_to=9999-12-31",
            "days=3",
        ],
    )
    def test_of_a_period_that_is_none(
        self, business: Business, client: APIClient, query: str
    ) -> None:
        answer = client.get(f"{URL}{make_tag(business).pk}/stats/?{query}")
        assert answer.status_code == 400
        assert answer.json()["code"] == "VALIDATION_ERROR"


class TestScans:
    def test_newest_first_by_a_cursor(self, business: Business, client: APIClient) -> None:
        tag = make_tag(business)
        sign_up(tag)
        first = client.get(SCANS, {"page_size": 2}).json()
        second = client.get(first["next"]).json()
        kinds = [scan["kind"] for scan in first["results"] + second["results"]]
        assert kinds == ["form", "opt_in", "tap"]
        assert set(first["results"][0]) == {
            "id", "tag", "kind", "at", "day", "contact", "is_test",
        }  # fmt: skip
        assert second["next"] is None

    def test_by_tag_kind_and_contact(self, business: Business, client: APIClient) -> None:
        tag, other = make_tag(business), make_tag(business, status="test")
        sign_up(tag)
        visitor().get(other.path)
        for query, kinds in {
            f"tag={tag.pk}": ["form", "opt_in", "tap"],
            f"tag={tag.pk}&kind=tap&kind=form": ["form", "tap"],
            "is_test=true": ["tap"],
            f"contact={2**62}": [],
        }.items():
            results = client.get(f"{SCANS}?{query}").json()["results"]
            assert [scan["kind"] for scan in results] == kinds, query
        assert client.get(f"{SCANS}?tag={2**80}").status_code == 400
        assert client.get(f"{SCANS}?contact={2**80}").status_code == 400

    def test_are_read_only(self, business: Business, client: APIClient) -> None:
        assert client.post(SCANS, {}).status_code == 405

    def test_take_few_questions(self, business: Business, client: APIClient) -> None:
        sign_up(make_tag(business))
        with CaptureQueriesContext(connection) as queries:
            client.get(SCANS)
        assert len(queries) == 3  # user, membership, page
