"""Whatever is marketing ends with the way out of its own message, which is paid for as the rest."""

from collections.abc import Callable, Sequence

import pytest

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns import services
from campaigns.tests.factories import (
    expand,
    finish,
    make_automation,
    make_birthday,
    make_campaign,
    make_sending,
    make_series,
)
from campaigns.tests.test_birthdays import BORN, ON_THE_DAY
from contacts.tests.factories import make_contact, sign_up
from messaging.gateways.base import FailureReason, OutgoingSms, SendResult
from messaging.models import BroadcastCounters, Message
from messaging.optout import read_token
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all
from messaging.tests.test_segments_encoded import written

pytestmark = pytest.mark.django_db(transaction=True)

# Alone each fills its segment to the end.
TEXTS = {"GSM-7": "x" * 160, "UCS-2": "ω" * 70}


def by_campaign(business: Business, text: str) -> None:
    make_sending(business, text=text)


def by_series(business: Business, text: str) -> None:
    make_series(business, text=text)
    for broadcast_id in services.launch_due():
        expand(broadcast_id)


def by_retry(business: Business, text: str) -> None:
    campaign = make_sending(business, text=text)

    def refuse(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        return [SendResult.refused(FailureReason.REFUSED)] * len(messages)

    send_next_batch(ScriptedGateway(refuse))
    finish(campaign)
    services.retry_failed(campaign=campaign)
    expand(campaign.runs.latest("pk").broadcast_id)


def by_test(business: Business, text: str) -> None:
    services.send_test(campaign=make_campaign(business, text=text), phones=["+306940000001"])


def by_welcome(business: Business, text: str) -> None:
    make_automation(business, text=text)
    sign_up(business)


def by_birthday(business: Business, text: str) -> None:
    make_birthday(business, text=text)
    make_contact(business, birthday=BORN)
    assert sum(services.send_birthday_messages(now=ON_THE_DAY)) == 1


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize(
    "way", [by_campaign, by_series, by_retry, by_test, by_welcome, by_birthday]
)
def test_it_is_there_and_counted(way: Callable[[Business, str], None], encoding: str) -> None:
    text = TEXTS[encoding]
    assert written(text) == (encoding, 1)

    way(make_business(), text)

    message = Message.objects.latest("pk")
    beginning, link = message.text.split("\nStop: ")
    assert beginning == text
    assert read_token(link.rsplit("/u/")[1]) == message.public_id
    assert written(message.text) == (encoding, message.segments)
    assert message.segments == 2
    handed_over: list[str] = []

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        handed_over.extend(one.text for one in messages)
        return accept_all(messages)

    if way is not by_birthday:  # whose day is another one
        send_next_batch(ScriptedGateway(answer))
        assert handed_over == [message.text]
        assert BroadcastCounters.objects.get(broadcast=message.broadcast_id).segments == 2
