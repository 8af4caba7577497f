"""Redeeming at the till: exactly once, undone within minutes, and the evidence stays."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business, Role, User
from accounts.tests.factories import api_client, make_business, make_member
from messaging.models import Message
from tracking.models import Redemption
from tracking.services import OfferFields
from tracking.signals import engagement_changed, offer_redeemed, redemption_undone
from tracking.tests.factories import (
    counted,
    engagement,
    make_message,
)

pytestmark = pytest.mark.django_db

REDEEM = "/api/v1/tracking/redeem/"
UNDO = "/api/v1/tracking/redeem/undo/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def till(business: Business) -> APIClient:
    return api_client(make_member(business, Role.TILL))


@pytest.fixture
def message(business: Business) -> Message:
    return make_message(business=business)


@pytest.mark.parametrize("role", list(Role))
def test_every_member_redeems(business: Business, message: Message, role: str) -> None:
    user = make_member(business, role, email="ann@example.com")

    answer = api_client(user).post(
        REDEEM,
        {"tracking_id": message.public_id},
        headers={"User-Agent": "Till/1.0"},
        REMOTE_ADDR="2001:db8::7",
    )

    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["title"]) == ("redeemed", "Two for one")
    assert told["redeemed_at"].endswith("Z")
    row = Redemption.objects.get()
    assert (row.redeemed_by, row.ip, row.user_agent) == (user, "2001:db8::7", "Till/1.0")
    assert (row.channel, row.contact_id) == ("api", message.contact_id)


@pytest.mark.parametrize(
    "written", ["{}", " {} ", "https://go.example.com/o/{}", "http://x/o/{}?lang=el", "/o/{}/"]
)
def test_the_code_is_read_as_scanners_and_people_give_it(
    till: APIClient, message: Message, written: str
) -> None:
    answer = till.post(REDEEM, {"tracking_id": written.format(message.public_id)})
    assert answer.json()["status"] == "redeemed"


@pytest.mark.parametrize("code", ["x", "a" * 12, "https://x/s/{}1", "{}1", "{0}{0}", "\x00", "%"])
def test_what_is_no_code_of_an_offer_is_not_found(
    till: APIClient, message: Message, code: str
) -> None:
    answer = till.post(REDEEM, {"tracking_id": code.format(message.public_id)})
    assert answer.status_code in {200, 400}
    assert answer.json()["status"] in {"not_found", 400}
    assert not Redemption.objects.exists()


def test_the_second_time_says_when_it_was(till: APIClient, message: Message) -> None:
    first = till.post(REDEEM, {"tracking_id": message.public_id}).json()
    second = till.post(REDEEM, {"tracking_id": message.public_id}).json()
    assert second == first | {"status": "already_redeemed"}
    assert engagement(message.broadcast) == counted(redemptions=1)


def test_another_business_s_code_is_not_found(message: Message) -> None:
    stranger = api_client(make_member(make_business(), Role.OWNER))

    for address in (REDEEM, UNDO):
        answer = stranger.post(address, {"tracking_id": message.public_id})
        assert answer.json()["status"] == "not_found"
        assert answer.json()["title"] == ""
    assert not Redemption.objects.exists()


def test_nobody_redeems_without_logging_in(message: Message) -> None:
    for address in (REDEEM, UNDO):
        answer = APIClient().post(address, {"tracking_id": message.public_id})
        assert answer.status_code == 401
        assert api_client(make_member(make_business())).get(address).status_code == 405
    assert not Redemption.objects.exists()


def test_an_outsider_names_the_business_in_vain(message: Message) -> None:
    stranger = api_client(make_member(make_business()))
    headers = {"X-Business": str(message.business_id)}
    answer = stranger.post(REDEEM, {"tracking_id": message.public_id}, headers=headers)
    assert answer.status_code == 404


def test_an_offer_that_has_ended_is_not_redeemed(business: Business, till: APIClient) -> None:
    until = timezone.now() + timedelta(hours=1)
    message = make_message(business=business, offer=OfferFields(title="Late", valid_until=until))

    # Within the life of the till's access token.
    with time_machine.travel(until - timedelta(minutes=1)):
        fresh = api_client(make_member(business, Role.TILL))
        undo = fresh.post(REDEEM, {"tracking_id": message.public_id}).json()["status"]
        assert undo == "redeemed"
    with time_machine.travel(until):
        fresh = api_client(make_member(business, Role.TILL))
        assert (
            fresh.post(REDEEM, {"tracking_id": message.public_id}).json()["status"]
            == "already_redeemed"
        )
        Redemption.objects.all().delete()
        late = fresh.post(REDEEM, {"tracking_id": message.public_id}).json()
    assert (late["status"], late["redeemed_at"]) == ("expired", None)
    assert not Redemption.objects.exists()


def test_a_message_without_an_offer_has_nothing_to_redeem(
    business: Business, till: APIClient
) -> None:
    message = make_message(business=business, text="Hi", offer=None)
    answer = till.post(REDEEM, {"tracking_id": message.public_id})
    assert answer.json()["status"] == "not_found"


@pytest.mark.parametrize("body", [{}, {"tracking_id": ""}, {"tracking_id": 5, "x": 1}])
def test_a_strange_body_is_refused(till: APIClient, body: dict[str, Any]) -> None:
    answer = till.post(REDEEM, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_undo_gives_the_offer_back_and_keeps_the_evidence(
    business: Business, till: APIClient, message: Message
) -> None:
    till.post(REDEEM, {"tracking_id": message.public_id})
    other = make_member(business, Role.TILL)

    undone = api_client(other).post(UNDO, {"tracking_id": message.public_id}).json()
    again = till.post(UNDO, {"tracking_id": message.public_id}).json()

    assert undone == {"status": "undone", "title": "Two for one"}
    assert again["status"] == "not_redeemed"
    row = Redemption.objects.get()
    assert row.undone_by == other
    assert row.undone_at is not None
    assert row.redeemed_by is not None
    assert engagement(message.broadcast) == counted(redemptions=0)

    assert till.post(REDEEM, {"tracking_id": message.public_id}).json()["status"] == "redeemed"
    assert Redemption.objects.count() == 2
    assert engagement(message.broadcast) == counted(redemptions=1)


def test_undo_is_for_the_first_minutes_only(business: Business, message: Message) -> None:
    now = timezone.now()
    api_client(make_member(business)).post(REDEEM, {"tracking_id": message.public_id})

    with time_machine.travel(now + timedelta(minutes=15, seconds=1)):
        late = api_client(make_member(business)).post(UNDO, {"tracking_id": message.public_id})

    assert late.json()["status"] == "too_late"
    assert Redemption.objects.get().undone_at is None


def test_a_repeated_request_is_answered_as_before(till: APIClient, message: Message) -> None:
    headers = {"Idempotency-Key": "till-7-0001"}
    body = {"tracking_id": message.public_id}

    first = till.post(REDEEM, body, headers=headers)
    repeated = till.post(REDEEM, body, headers=headers)

    assert repeated.json() == first.json()
    assert repeated["Idempotency-Replayed"] == "true"


def test_the_database_itself_holds_one_standing_redemption(
    business: Business, message: Message
) -> None:
    row = {"business": business, "broadcast": message.broadcast, "message": message}
    Redemption.objects.create(**row, channel="api")
    with pytest.raises(IntegrityError), transaction.atomic():
        Redemption.objects.create(**row, channel="api")


def test_the_apps_above_hear_of_it_in_the_transaction(
    till: APIClient, business: Business, message: Message
) -> None:
    heard: list[Any] = []

    def hear(signal: Any, **told: Any) -> None:
        assert connection.in_atomic_block
        heard.append(told.get("business_ids") or told["redemption"].message_id)

    signals = (engagement_changed, offer_redeemed, redemption_undone)
    for signal in signals:
        signal.connect(hear)
    try:
        till.post(REDEEM, {"tracking_id": message.public_id})
        till.post(REDEEM, {"tracking_id": message.public_id})
        till.post(UNDO, {"tracking_id": message.public_id})
    finally:
        for signal in signals:
            signal.disconnect(hear)
    assert heard == [{business.pk}, message.pk] * 2


def test_evidence_of_a_user_who_is_gone_stays(business: Business, message: Message) -> None:
    user: User = make_member(business, Role.TILL)
    api_client(user).post(REDEEM, {"tracking_id": message.public_id})
    user.delete()
    assert Redemption.objects.get().redeemed_by is None
