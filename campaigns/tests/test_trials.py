"""A campaign's text on its author's phone, before anybody else has it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.problems import Problem
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign, CampaignTest
from campaigns.services import trials
from campaigns.tests.factories import expand, make_campaign, make_due
from contacts.models import Contact, Suppression
from contacts.tests.factories import make_contact
from messaging.models import Broadcast, Message
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all
from tracking.models import ShortLink

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "+306941234567"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def send_test(client: APIClient, campaign: Campaign, *phones: object, **headers: str) -> Any:
    url = f"/api/v1/campaigns/{campaign.pk}/test/"
    return client.post(url, {"phones": list(phones)}, headers=headers)


def test_the_text_comes_as_everybody_will_get_it(business: Business, client: APIClient) -> None:
    make_contact(business, phone=PHONE, first_name="Maria")
    campaign = make_campaign(business, text="Hi {{first_name|you}}: https://shop.example/a")

    answer = send_test(client, campaign, "694 123 4567", "+306941234567", "6940000001")

    assert answer.status_code == 202
    sent = {each["phone"]: each for each in answer.json()["messages"]}
    assert set(sent) == {PHONE, "+306940000001"}
    assert sent[PHONE]["text"].startswith("Hi Maria: http://localhost:8000/s/")
    assert sent["+306940000001"]["text"].startswith("Hi you: ")
    assert "Stop: http" in sent[PHONE]["text"]
    assert ShortLink.objects.get().target == "https://shop.example/a"
    gateway = ScriptedGateway(accept_all)
    while send_next_batch(gateway):
        pass
    assert sorted(gateway.calls[0]) == sorted(sent)


def test_it_comes_as_often_as_it_is_asked_for(business: Business, client: APIClient) -> None:
    """No frequency cap is about it; nor does its author miss the campaign for it."""
    Business.objects.update(frequency_cap_messages=1, frequency_cap_days=7)
    campaign = make_due(business, contacts=1)
    phone = Contact.objects.get().phone
    for _ in range(2):
        send_test(client, campaign, phone)
    gateway = ScriptedGateway(accept_all)
    while send_next_batch(gateway):
        pass
    assert gateway.calls == [[phone], [phone]]

    for broadcast_id in services.launch_due():
        expand(broadcast_id)
    while send_next_batch(gateway):
        pass
    assert gateway.calls == [[phone]] * 3


def test_it_is_no_part_of_the_campaign_s_life_nor_of_its_results(
    business: Business, client: APIClient
) -> None:
    campaign = make_due(business, scheduled_at=timezone.now() + timedelta(days=1))
    send_test(client, campaign, PHONE)
    while send_next_batch(ScriptedGateway(accept_all)):
        pass

    assert Broadcast.objects.get().status == "completed"
    campaign.refresh_from_db()
    assert campaign.status == "scheduled"
    assert client.get(f"/api/v1/campaigns/{campaign.pk}/stats/").json()["total"] == 0
    assert client.get(f"/api/v1/campaigns/{campaign.pk}/messages/").json()["results"] == []
    assert services.reconcile() == 0


def test_a_draft_that_was_tested_can_be_deleted(business: Business, client: APIClient) -> None:
    campaign = make_campaign(business)
    send_test(client, campaign, PHONE)
    assert client.delete(f"/api/v1/campaigns/{campaign.pk}/").status_code == 204
    assert CampaignTest.objects.get().campaign is None


@pytest.mark.parametrize(
    "phones", [[], [f"+30694000000{n}" for n in range(6)], ["12"], [PHONE, "x"], [None]]
)
def test_from_one_to_five_phones(
    business: Business, client: APIClient, phones: list[object]
) -> None:
    answer = send_test(client, make_campaign(business), *phones)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert answer.json()["errors"][0]["pointer"].startswith("/phones")
    assert not Message.objects.exists()


def test_not_before_staff_have_approved_the_business(business: Business, client: APIClient) -> None:
    Business.objects.update(daily_message_cap=0)
    answer = send_test(client, make_campaign(business), PHONE)
    assert (answer.status_code, answer.json()["code"]) == (403, "SENDING_NOT_APPROVED")


def test_not_to_a_phone_that_has_unsubscribed(business: Business, client: APIClient) -> None:
    Suppression.objects.create(business=business, phone=PHONE, source="api")
    answer = send_test(client, make_campaign(business), PHONE, "+306940000001")
    assert (answer.status_code, answer.json()["code"]) == (409, "PHONE_UNSUBSCRIBED")
    assert PHONE in answer.json()["detail"]
    assert not Message.objects.exists()


def test_not_for_an_offer_that_has_ended(business: Business, client: APIClient) -> None:
    ended: dict[str, Any] = {"offer_title": "Two for one", "offer_valid_until": timezone.now()}
    answer = send_test(client, make_campaign(business, **ended), PHONE)
    assert (answer.status_code, answer.json()["code"]) == (409, "OFFER_ENDED")


def test_not_with_a_text_that_could_not_be_sent(business: Business, client: APIClient) -> None:
    answer = send_test(client, make_campaign(business, text="See {{offer_link}}"), PHONE)
    assert (answer.status_code, answer.json()["code"]) == (409, "TEXT_REFUSED")


def test_once_for_each_key(business: Business, client: APIClient) -> None:
    campaign = make_campaign(business)
    answers = [send_test(client, campaign, PHONE, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Message.objects.count() == 1


def test_the_day_s_allowance_is_the_business_s_whatever_is_deleted(
    business: Business, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "MAX_A_DAY", 3)
    campaign = make_campaign(business)
    assert send_test(client, campaign, PHONE, "+306940000001").status_code == 202
    services.delete_campaign(campaign=campaign)
    campaign = make_campaign(business)
    refused = send_test(client, campaign, PHONE, "+306940000001")
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_TESTS")
    assert send_test(client, campaign, PHONE).status_code == 202
    neighbour = api_client(make_member(other := make_business()))
    assert send_test(neighbour, make_campaign(other), PHONE).status_code == 202
    CampaignTest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert send_test(client, campaign, PHONE).status_code == 202


def test_at_once_they_share_the_allowance_exactly(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "MAX_A_DAY", 3)
    campaign = make_campaign(business)

    def try_it(_: int) -> str:
        try:
            services.send_test(campaign=campaign, phones=[PHONE])
        except Problem as problem:
            return problem.code
        finally:
            connection.close()
        return "sent"

    with ThreadPoolExecutor(6) as pool:
        results = sorted(pool.map(try_it, range(6)))
    assert results == ["TOO_MANY_TESTS"] * 3 + ["sent"] * 3
