"""A person gets so many marketing messages in so many days, if the business says so."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact
from messaging import services
from messaging.gateways.base import FailureReason, OutgoingSms, SendResult
from messaging.models import Batch, Broadcast, CountedMessage, DailyUsage, MessageProblem
from messaging.services.counting import wrong_counters
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    expand_all,
    make_contacts,
    make_expanded,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> object:
    yield
    assert list(wrong_counters()) == []


@pytest.fixture
def business() -> Business:
    """One message a week, to each of two contacts."""
    business = make_business(frequency_cap_messages=1, frequency_cap_days=7)
    make_contacts(business, 2)
    return business


def launch(business: Business, *, is_marketing: bool = True) -> Broadcast:
    broadcast = services.start_broadcast(
        business=business,
        text="Hello",
        sender="Store",
        audience={"list": None, "filter": None, "on": "2027-01-01"},
    )
    Broadcast.objects.filter(pk=broadcast.pk).update(is_marketing=is_marketing)
    expand_all(broadcast)
    return broadcast


def send_all(gateway: ScriptedGateway | None = None) -> None:
    while services.send_next_batch(gateway or ScriptedGateway(accept_all)):
        pass


def test_who_has_had_enough_is_left_out_with_a_reason(business: Business) -> None:
    first, second = launch(business), launch(business)

    send_all()

    assert statuses(first) == {"sent": 2}
    assert statuses(second) == {"suppressed": 2}
    assert set(MessageProblem.objects.values_list("broadcast_id", "status", "reason")) == {
        (second.pk, "suppressed", "frequency_cap")
    }
    assert DailyUsage.objects.get().messages == 2
    second.refresh_from_db()
    assert second.status == "completed"


def test_without_a_cap_nothing_is_counted() -> None:
    make_expanded(contacts=1)
    send_all()
    assert not CountedMessage.objects.exists()


def test_days_later_the_next_one_goes(business: Business) -> None:
    launch(business)
    send_all()
    CountedMessage.objects.update(released_at=timezone.now() - timedelta(days=7, minutes=1))

    later = launch(business)
    send_all()

    assert statuses(later) == {"sent": 2}


def test_another_business_and_what_people_asked_for_do_not_count(business: Business) -> None:
    other = make_business(frequency_cap_messages=1, frequency_cap_days=7)
    Contact.objects.bulk_create(
        Contact(business=other, phone=contact.phone) for contact in Contact.objects.all()
    )
    launch(other)
    asked_for = launch(business, is_marketing=False)
    send_all()

    campaign = launch(business)
    asked_for_again = launch(business, is_marketing=False)
    send_all()

    for broadcast in (asked_for, campaign, asked_for_again):
        assert statuses(broadcast) == {"sent": 2}


def test_what_the_gateway_refused_does_not_count(business: Business) -> None:
    def refuse(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        return [SendResult.refused(FailureReason.REFUSED)] * len(messages)

    launch(business)
    send_all(ScriptedGateway(refuse))

    again = launch(business)
    send_all()

    assert statuses(again) == {"sent": 2}


def test_a_message_that_is_tried_again_does_not_stand_in_its_own_way(business: Business) -> None:
    def throttle(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        return [SendResult.not_accepted(FailureReason.THROTTLED)] * len(messages)

    broadcast = launch(business)
    send_all(ScriptedGateway(throttle))
    Batch.objects.update(not_before=timezone.now())
    Broadcast.objects.update(not_before=timezone.now())

    send_all()

    assert statuses(broadcast) == {"sent": 2}
    assert CountedMessage.objects.count() == 2


def test_what_waits_for_tomorrow_is_counted_tomorrow(business: Business) -> None:
    Business.objects.update(daily_message_cap=1)
    launch(business)

    send_all()

    assert CountedMessage.objects.count() == 1


def test_of_two_campaigns_at_the_same_time_a_person_gets_one(business: Business) -> None:
    make_contacts(business, 20)
    Business.objects.update(frequency_cap_messages=2)
    for _ in range(5):
        launch(business)
    gateway = ScriptedGateway(accept_all)

    at_once(lambda: send_all(gateway), threads=5)

    phones = [phone for call in gateway.calls for phone in call]
    assert len(phones) == 2 * 22
    assert max(phones.count(phone) for phone in phones) == 2


def test_what_is_counted_no_longer_is_forgotten(business: Business) -> None:
    launch(business)
    send_all()
    oldest = CountedMessage.objects.earliest("message_id")
    CountedMessage.objects.filter(pk=oldest.pk).update(
        released_at=timezone.now() - timedelta(days=91)
    )

    services.sweep_messaging()

    assert not CountedMessage.objects.filter(pk=oldest.pk).exists()
    assert CountedMessage.objects.count() == 1
