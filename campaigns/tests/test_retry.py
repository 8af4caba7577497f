"""What failed is sent again: as new messages, once, and only to whoever still wants it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.problems import Problem
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign, CampaignRun
from campaigns.selectors import broadcasts_of
from campaigns.tests.factories import expand, finish, make_sending
from contacts.models import Contact, Suppression
from contacts.services import unsubscribe
from messaging.gateways.base import FailureReason, OutgoingSms, SendResult
from messaging.models import Broadcast, Message, MessageProblem, WaitingReport
from messaging.selectors import next_failures
from messaging.services import apply_stored_events, close_unknown, send_next_batch
from messaging.services.counting import wrong_counters
from messaging.tests.factories import ScriptedGateway, accept_all
from messaging.tests.unknown import unknown_for
from tracking.models import Offer, ShortLink

pytestmark = pytest.mark.django_db(transaction=True)

Answer = Callable[[Sequence[OutgoingSms]], list[SendResult]]


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def refuse(*reasons: FailureReason) -> Answer:
    """The first messages of each call, in order of phone; the others are accepted."""

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        refused = [SendResult.refused(reason) for reason in reasons[: len(messages)]]
        return refused + accept_all(messages)[len(refused) :]

    return answer


def make_failed(business: Business, answer: Answer, **fields: Any) -> Campaign:
    """Completed, with what the gateway made of it."""
    campaign = make_sending(business, **fields)
    send_all(answer)
    campaign.refresh_from_db()
    assert campaign.status == "completed"
    return campaign


def send_all(answer: Answer = accept_all) -> list[str]:
    gateway = ScriptedGateway(answer)
    while send_next_batch(gateway):
        pass
    return sorted(phone for call in gateway.calls for phone in call)


def retry(client: APIClient, campaign: Campaign, **body: Any) -> tuple[int, str]:
    answer = client.post(f"/api/v1/campaigns/{campaign.pk}/retry-failed/", body)
    return answer.status_code, answer.data.get("code") or answer.data["status"]


def expand_latest(campaign: Campaign) -> Broadcast:
    broadcast_id = broadcasts_of(campaign)[-1]
    expand(broadcast_id)
    return Broadcast.objects.get(pk=broadcast_id)


BUSY, GONE = FailureReason.REFUSED, FailureReason.INVALID_NUMBER


def test_failures_that_may_pass_are_sent_again_as_new_messages(
    business: Business, client: APIClient
) -> None:
    campaign = make_failed(business, refuse(BUSY, GONE, BUSY), contacts=5)
    failed = list(Message.objects.filter(reason=BUSY).order_by("phone"))

    assert retry(client, campaign) == (202, "sending")
    retried = expand_latest(campaign)
    assert send_all() == [message.phone for message in failed]

    new = Message.objects.filter(broadcast=retried).order_by("phone")
    assert [message.contact_id for message in new] == [message.contact_id for message in failed]
    assert not {message.public_id for message in new} & {message.public_id for message in failed}
    assert Message.objects.filter(pk__in=[each.pk for each in failed], status="failed").count() == 2
    campaign.refresh_from_db()
    assert campaign.status == "completed"
    assert campaign.finished_at is not None
    stats = client.get(f"/api/v1/campaigns/{campaign.pk}/stats/").json()
    assert [stats[name] for name in ("total", "sent", "failed")] == [7, 4, 3]


def test_what_the_network_did_not_deliver_is_sent_again(business: Business) -> None:
    campaign = make_failed(business, accept_all, contacts=3)
    for status, reason in [("undelivered", "absent"), ("undelivered", "blocked")]:
        report(Message.objects.filter(status="sent").earliest("phone"), status, reason)

    services.retry_failed(campaign=campaign)
    expand_latest(campaign)

    assert send_all() == [Message.objects.get(reason="absent").phone]


def report(message: Message, status: str, reason: str) -> None:
    """As the applier takes it from the waiting room."""
    WaitingReport.objects.create(
        gateway_message_id=f"id-{message.public_id}", status=status, reason=reason
    )
    apply_stored_events()


def test_who_left_is_not_sent_anything_again(business: Business) -> None:
    campaign = make_failed(business, refuse(*[BUSY] * 5), contacts=5)
    deleted, moved, unsubscribed, late, faithful = Contact.objects.order_by("phone")
    phones = [each.phone for each in (late, faithful)]
    deleted.delete()
    Contact.objects.filter(pk=moved.pk).update(phone="+306999999999")
    unsubscribe(business_id=business.pk, phone=unsubscribed.phone, source="api")

    services.retry_failed(campaign=campaign)
    retried = expand_latest(campaign)
    assert (
        list(
            Message.objects.filter(broadcast=retried)
            .order_by("phone")
            .values_list("phone", flat=True)
        )
        == phones
    )
    Suppression.objects.create(business=business, phone=late.phone, source="api")

    assert send_all() == [faithful.phone]


def test_the_second_retry_sends_what_the_first_one_did_not_get_through(
    business: Business, client: APIClient
) -> None:
    campaign = make_failed(business, refuse(BUSY, BUSY), contacts=3)
    first, second = Contact.objects.order_by("phone")[:2]

    services.retry_failed(campaign=campaign)
    expand_latest(campaign)
    assert send_all(refuse(BUSY)) == [first.phone, second.phone]
    services.retry_failed(campaign=campaign)
    expand_latest(campaign)
    assert send_all() == [first.phone]

    assert retry(client, campaign) == (409, "NOTHING_TO_RETRY")
    campaign.refresh_from_db()
    assert campaign.status == "completed"


def test_what_may_have_arrived_is_sent_again_only_by_name(
    business: Business, client: APIClient
) -> None:
    lost = SendResult.uncertain(FailureReason.TIMEOUT)
    campaign = make_failed(business, lambda messages: [lost] * len(messages), contacts=2)
    assert retry(client, campaign, include=["unconfirmed"]) == (409, "NOTHING_TO_RETRY")
    unknown_for(hours=80)
    assert close_unknown() == 2

    assert retry(client, campaign) == (409, "NOTHING_TO_RETRY")
    assert retry(client, campaign, include=["unconfirmed"]) == (202, "sending")
    expand_latest(campaign)
    assert len(send_all()) == 2


@pytest.mark.parametrize("include", [["unknown"], ["invalid_number"], "unconfirmed", [None]])
def test_nothing_else_can_be_named(business: Business, client: APIClient, include: object) -> None:
    campaign = make_failed(business, refuse(BUSY))
    assert retry(client, campaign, include=include) == (400, "VALIDATION_ERROR")
    assert retry(client, campaign, reasons=[]) == (400, "VALIDATION_ERROR")


def test_the_offer_and_the_links_of_the_launch_go_with_it(business: Business) -> None:
    campaign = make_failed(
        business,
        refuse(BUSY),
        text="See https://shop.example/a and {{offer_link}}",
        offer_title="Two for one",
        offer_valid_until=timezone.now() + timedelta(days=3),
    )
    services.retry_failed(campaign=campaign)
    retried = expand_latest(campaign)

    message = Message.objects.get(broadcast=retried)
    assert f"/s/{message.public_id}1" in message.text
    assert f"/o/{message.public_id}" in message.text
    assert ShortLink.objects.get(broadcast=retried).target == "https://shop.example/a"
    first, second = Offer.objects.order_by("pk")
    assert (second.title, second.valid_until) == (first.title, first.valid_until)
    assert retried.expires_at == first.valid_until


def test_an_offer_that_ended_is_not_sent_again(business: Business, client: APIClient) -> None:
    campaign = make_failed(business, refuse(BUSY), offer_title="Two for one")
    Campaign.objects.update(offer_valid_until=timezone.now())
    assert retry(client, campaign) == (409, "OFFER_ENDED")


def test_a_business_that_lost_its_approval(business: Business, client: APIClient) -> None:
    campaign = make_failed(business, refuse(BUSY))
    Business.objects.update(daily_message_cap=0)
    assert retry(client, campaign) == (403, "SENDING_NOT_APPROVED")
    campaign.refresh_from_db()
    assert campaign.status == "completed"


def test_only_a_completed_campaign(business: Business, client: APIClient) -> None:
    campaign = make_sending(business)
    assert retry(client, campaign) == (409, "INVALID_STATUS")
    services.cancel_campaign(campaign=campaign)
    assert retry(client, campaign) == (409, "INVALID_STATUS")


def test_of_eight_at_once_one_wins(business: Business) -> None:
    campaign = make_failed(business, refuse(BUSY, BUSY), contacts=2)

    def try_it(_: int) -> str:
        try:
            return services.retry_failed(campaign=Campaign.objects.get(pk=campaign.pk)).status
        except Problem as problem:
            return problem.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(try_it, range(8)))
    assert sorted(results) == ["INVALID_STATUS"] * 7 + ["sending"]
    assert CampaignRun.objects.filter(kind="retry").count() == 1
    expand_latest(campaign)
    assert len(send_all()) == 2


def test_many_failures_are_expanded_in_chunks_whoever_is_left_out(
    business: Business, settings: Settings
) -> None:
    settings.SEND_BATCH_SIZE, settings.EXPANSION_CHUNK_SIZE = 2, 3
    campaign = make_failed(
        business, lambda messages: [SendResult.refused(BUSY) for _ in messages], contacts=9
    )
    gone = Contact.objects.order_by("id")[:3]  # a whole chunk, and one of the next
    Contact.objects.filter(pk__in=[each.pk for each in gone]).delete()

    services.retry_failed(campaign=campaign)
    expand_latest(campaign)

    assert len(send_all()) == 6
    campaign.refresh_from_db()
    assert campaign.status == "completed"


def test_a_retry_is_paused_and_cancelled_as_a_launch_is(business: Business) -> None:
    campaign = make_failed(business, refuse(BUSY), contacts=1)
    campaign = services.retry_failed(campaign=campaign)
    expand_latest(campaign)
    assert services.pause_campaign(campaign=campaign).status == "paused"
    assert send_all() == []
    assert services.resume_campaign(campaign=campaign).status == "sending"
    assert services.cancel_campaign(campaign=campaign).status == "cancelled"
    finish(campaign)
    assert campaign.status == "cancelled"


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_failures_come_in_order_and_each_once(limit: int) -> None:
    """Of several broadcasts and statuses; a message that was closed and then reported has two."""
    found = [(1, 11, "failed"), (1, 13, "undelivered"), (1, 13, "failed"), (1, 16, "failed")]
    found += [(2, 12, "undelivered"), (2, 15, "failed"), (2, 14, "failed"), (2, 14, "failed")]
    ignored = [(1, 17, "unknown"), (3, 18, "failed"), (2, 10, "failed")]
    MessageProblem.objects.bulk_create(
        MessageProblem(broadcast_id=broadcast, message_id=message, status=status)
        for broadcast, message, status in found + ignored
    )
    after = 10
    ids: list[int] = []
    while some := next_failures({"broadcasts": [1, 2], "reasons": []}, after=after, limit=limit):
        ids += [message_id for message_id, _ in some]
        after = ids[-1]
    assert ids == [11, 12, 13, 14, 15, 16]
