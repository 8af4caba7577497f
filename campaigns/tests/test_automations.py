"""Automations over HTTP: one of each kind, switched on and off, in figures."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Business, Role
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Automation
from campaigns.tests.factories import make_automation, make_birthday
from contacts.tests.factories import sign_up
from messaging.models import Message
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all
from tracking.services import record_view

pytestmark = pytest.mark.django_db

URL = "/api/v1/automations/"
OFFER = {"title": "10 % off", "text": "", "valid_until": None, "valid_days": 14}
BODY = {"kind": "welcome", "text": "Welcome! {{offer_link}}", "offer": OFFER}


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.data
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}


class TestWriting:
    def test_a_welcome_with_an_offer(self, client: APIClient) -> None:
        answer = client.post(URL, BODY)
        assert answer.status_code == 201, answer.data
        body = answer.json()
        assert body == {
            "id": body["id"],
            "kind": "welcome",
            "text": "Welcome! {{offer_link}}",
            "sender": "",
            "offer": OFFER,
            "track_links": True,
            "is_active": True,
            "send_time": None,
            "failure": "",
            "created_at": body["created_at"],
            "updated_at": body["updated_at"],
        }
        assert client.get(answer["Location"]).json() == body
        listed = client.get(URL).json()
        assert (listed["count"], listed["results"]) == (1, [body])

    def test_changes(self, business: Business, client: APIClient) -> None:
        url = f"{URL}{make_automation(business).pk}/"
        assert client.patch(url, {"is_active": False}).json()["is_active"] is False
        changed = client.patch(url, {"offer": OFFER, "text": "Hi! {{offer_link}}"}).json()
        assert (changed["offer"], changed["is_active"]) == (OFFER, False)
        put = client.put(url, {"kind": "welcome", "text": "Hi!", "offer": None})
        assert (put.status_code, put.json()["offer"]) == (200, None)

    def test_a_birthday_message(self, business: Business, client: APIClient) -> None:
        make_automation(business)
        body = BODY | {"kind": "birthday", "send_time": "09:30"}
        answer = client.post(URL, body)
        assert answer.status_code == 201, answer.data
        assert (answer.data["kind"], answer.data["send_time"]) == ("birthday", "09:30:00")
        url = answer["Location"]
        assert client.patch(url, {"send_time": "10:00"}).json()["send_time"] == "10:00:00"
        assert errors(client.patch(url, {"send_time": None})) == {
            "/send_time": "SEND_TIME_REQUIRED"
        }
        assert client.put(url, client.get(url).json()).status_code == 200

    def test_its_kind_stays(self, business: Business, client: APIClient) -> None:
        """Another kind would not remember who has had it."""
        url = f"{URL}{make_automation(business).pk}/"
        change = {"kind": "birthday", "send_time": "10:00"}
        assert errors(client.patch(url, change)) == {"/kind": "KIND_FIXED"}

    def test_why_the_latest_birthdays_did_not_go_out(
        self, business: Business, client: APIClient
    ) -> None:
        automation = make_birthday(business, text="Hi!")
        Automation.objects.update(text="{{")
        noon = datetime(2027, 3, 10, 10, tzinfo=UTC)
        assert list(services.send_birthday_messages(now=noon)) == []
        failure = client.get(f"{URL}{automation.pk}/").json()["failure"]
        assert failure.startswith("The birthday messages could not be sent: ")

    def test_there_is_one_of_each_kind(self, business: Business, client: APIClient) -> None:
        make_automation(make_business())
        assert client.post(URL, BODY).status_code == 201
        again = client.post(URL, BODY)
        assert (again.status_code, again.json()["code"]) == (409, "AUTOMATION_EXISTS")

    def test_a_repeated_request_is_answered_again(self, client: APIClient) -> None:
        first, second = (client.post(URL, BODY, headers={"Idempotency-Key": "a"}) for _ in "12")
        assert second.json() == first.json()
        assert second["Idempotency-Replayed"] == "true"
        assert Automation.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "pointer", "code"),
        [
            ({"kind": "wedding"}, "/kind", "INVALID_CHOICE"),
            ({"kind": "birthday"}, "/send_time", "SEND_TIME_REQUIRED"),
            ({"kind": "birthday", "send_time": None}, "/send_time", "SEND_TIME_REQUIRED"),
            ({"kind": "birthday", "send_time": "25:00"}, "/send_time", "INVALID"),
            ({"kind": "birthday", "send_time": "23:31"}, "/send_time", "MAX_VALUE"),
            ({"send_time": "10:00"}, "/send_time", "SEND_TIME_UNWANTED"),
            ({"text": ""}, "/text", "EMPTY_TEXT"),
            ({"text": "Hi {{surname}}"}, "/text", "UNKNOWN_PLACEHOLDER"),
            ({"sender": "a b"}, "/sender", "INVALID_SENDER"),
            ({"offer": None}, "/offer", "NO_OFFER"),
            ({"offer": {"title": "x", "valid_days": 0}}, "/offer/valid_days", "MIN_VALUE"),
            ({"offer": {"title": "x", "valid_days": 367}}, "/offer/valid_days", "MAX_VALUE"),
            ({"delay": 3}, "/delay", "UNKNOWN_FIELD"),
        ],
    )
    def test_mistakes_are_named(
        self, client: APIClient, fields: dict[str, Any], pointer: str, code: str
    ) -> None:
        assert errors(client.post(URL, BODY | fields)) == {pointer: code}
        assert not Automation.objects.exists()

    def test_one_that_has_sent_something_is_not_deleted(
        self, business: Business, client: APIClient
    ) -> None:
        url = f"{URL}{make_automation(business).pk}/"
        assert client.delete(url).status_code == 204
        url = f"{URL}{make_automation(business).pk}/"
        sign_up(business)
        answer = client.delete(url)
        assert (answer.status_code, answer.json()["code"]) == (409, "AUTOMATION_IN_USE")
        assert client.get(url).status_code == 200


class TestStatistics:
    @pytest.mark.django_db(transaction=True)
    def test_all_its_messages_together(self, business: Business, client: APIClient) -> None:
        automation = make_automation(business, text="Hi! {{offer_link}}", offer_title="x")
        url = f"{URL}{automation.pk}/stats/"
        assert set(client.get(url).json().values()) == {0, None}
        for number in range(3):
            sign_up(business, f"+30694000000{number}")
        sign_up(other := make_business(), "+306940000009")
        make_automation(other)
        while send_next_batch(ScriptedGateway(accept_all)):
            pass
        message = Message.objects.filter(business=business).latest("pk")
        record_view(message=message)
        stats = client.get(url).json()
        counted = {name: stats[name] for name in ("total", "sent", "segments", "views", "clicks")}
        assert counted == {"total": 3, "sent": 3, "segments": 3, "views": 1, "clicks": 0}
        assert stats["first_sent_at"] is not None

    def test_the_number_of_queries_is_that_of_one(
        self, business: Business, client: APIClient
    ) -> None:
        url = f"{URL}{make_automation(business).pk}/stats/"

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(url).status_code == 200
            return len(captured)

        sign_up(business)
        few = queries()
        for number in range(2, 6):
            sign_up(business, f"+30694000000{number}")
        assert queries() == few == 6  # user, membership, automation; three kinds of counters


ENDPOINTS = [("get", ""), ("put", ""), ("patch", ""), ("delete", ""), ("get", "stats/")]


class TestIsolation:
    @pytest.mark.parametrize(("method", "path"), ENDPOINTS)
    def test_another_business_s_do_not_exist(self, method: str, path: str) -> None:
        automation = make_automation(make_business())
        outsider = api_client(make_member(make_business()))
        answer = getattr(outsider, method)(f"{URL}{automation.pk}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert outsider.get(URL).json()["count"] == 0
        assert Automation.objects.filter(pk=automation.pk).exists()

    @pytest.mark.parametrize("path", ["automations/", "dashboard/"])
    def test_strangers_and_the_till_stay_out(self, business: Business, path: str) -> None:
        assert APIClient().get(f"/api/v1/{path}").status_code == 401
        till = api_client(make_member(business, role=Role.TILL))
        assert till.get(f"/api/v1/{path}").status_code == 403

    @pytest.mark.parametrize("pk", ["9" * 19, "9" * 30])
    def test_an_id_beyond_all_ids(self, client: APIClient, pk: str) -> None:
        assert client.get(f"{URL}{pk}/stats/").status_code == 404
