"""How often links may be opened: strangers are held off, and readers are not."""

from collections.abc import Iterator

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Role
from accounts.tests.factories import api_client, make_business, make_member
from messaging.models import Message
from rediskit.connection import client as redis_client
from tracking.tests.factories import PHONE, make_message, make_sent

pytestmark = pytest.mark.django_db

NAT = "192.0.2.7"


@pytest.fixture(autouse=True)
def _one_window() -> Iterator[None]:
    """No window ends in the middle of a test."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


def at(address: str) -> Client:
    return Client(headers={"User-Agent": PHONE}, REMOTE_ADDR=address)


def keys(pattern: str) -> list[str]:
    found = redis_client(settings.LIMITS_REDIS_URL).scan_iter(pattern)
    return [key.decode() if isinstance(key, bytes) else key for key in found]


def test_readers_behind_one_address_are_never_refused_because_of_the_others() -> None:
    make_sent(contacts=80)
    for number in range(70):
        at(NAT).get(f"/o/nobody{number}")
    assert at(NAT).get("/o/nobody").status_code == 429

    for message in Message.objects.all():
        assert at(NAT).get(f"/o/{message.public_id}").status_code == 200
        assert at(NAT).get(f"/s/{message.public_id}1").status_code == 302


def test_one_link_is_not_opened_without_end() -> None:
    message = make_message()
    links = [f"/o/{message.public_id}", f"/s/{message.public_id}1"]

    answers = [at(f"198.51.100.{n}").get(links[n % 2]).status_code for n in range(11)]

    assert 429 not in answers[:10]
    assert answers[10] == 429
    refused = at(NAT).get(links[0] + "?lang=en")
    assert "Your offer is not lost" in refused.content.decode()
    assert int(refused["Retry-After"]) > 0
    assert refused["Cache-Control"] == "no-store"


def test_guessed_codes_are_counted_by_address() -> None:
    for number in range(60):
        path = f"/s/guess{number}" if number % 2 else f"/o/guess{number}"
        assert at(NAT).get(path).status_code == 404
    assert at(NAT).get("/s/guess").status_code == 429
    assert at("192.0.2.8").get("/s/guess").status_code == 404


def test_the_json_endpoints_count_all_by_address_and_by_id() -> None:
    message = make_message()
    for _ in range(10):
        assert at(NAT).get(f"/tracking/redeem/{message.public_id}/").status_code == 200

    by_id = at("192.0.2.8").get(f"/tracking/offer/{message.public_id}/")
    assert (by_id.status_code, by_id.json()["code"]) == (429, "RATE_LIMITED")
    for number in range(50):
        at(NAT).get(f"/tracking/offer/nobody{number}/")
    by_address = at(NAT).get("/tracking/redeem/nobody/")
    assert by_address.status_code == 429
    assert by_address["RateLimit-Policy"] == '"tracking:ip";q=60;w=60'


def test_the_till_is_limited_by_address() -> None:
    till = api_client(make_member(make_business(), Role.TILL))
    answers = [
        till.post("/api/v1/tracking/redeem/", {"tracking_id": "x"}, REMOTE_ADDR=NAT).status_code
        for _ in range(31)
    ]
    assert answers == [200] * 30 + [429]
    undo = till.post("/api/v1/tracking/redeem/undo/", {"tracking_id": "x"}, REMOTE_ADDR=NAT)
    assert undo.json()["code"] == "RATE_LIMITED"


def test_strangers_do_not_use_up_the_till_s_tries() -> None:
    for _ in range(40):
        answer = APIClient(REMOTE_ADDR=NAT).post("/api/v1/tracking/redeem/", {"tracking_id": "x"})
        assert answer.status_code == 401
    till = api_client(make_member(make_business(), Role.TILL))
    answer = till.post("/api/v1/tracking/redeem/", {"tracking_id": "x"}, REMOTE_ADDR=NAT)
    assert answer.status_code == 200


def test_the_keys_have_the_shapes_that_operators_know() -> None:
    message = make_message()
    at(NAT).get("/o/nobody")
    at(NAT).get(f"/o/{message.public_id}")
    api_client(make_member(make_business())).post(
        "/api/v1/tracking/redeem/", {"tracking_id": "x"}, REMOTE_ADDR=NAT
    )

    assert len(keys(f"rl:tracking:ip:{NAT}:*")) == 1
    assert len(keys(f"rl:tracking:id:{message.public_id}:*")) == 1
    assert len(keys("rl:tracking:id:nobody:*")) == 1
    assert len(keys(f"rl:tracking:redeem:ip:{NAT}:*")) == 1
