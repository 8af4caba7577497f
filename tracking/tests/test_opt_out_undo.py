"""An opt-out by link, taken back by the same link: its own, within a day, and nothing else."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent, Contact, Suppression
from contacts.services import resubscribe, unsubscribe, update_contact
from messaging import optout
from messaging.models import Message
from tracking.models import OptOut
from tracking.tests.factories import (
    counted,
    engagement,
    engagement_of_list,
    make_list,
    make_message,
    make_sent,
    message_of,
    phone,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def message(business: Business) -> Message:
    return make_message(business=business)


def link(message: Message) -> str:
    return f"/u/{optout.make_token(message.public_id)}?lang=en"


def stop(message: Message) -> str:
    return phone().post(link(message)).content.decode()


def undo(message: Message) -> str:
    return phone().post(link(message), {"action": "undo"}).content.decode()


def is_subscribed(message: Message) -> bool:
    suppressed = Suppression.objects.filter(phone=message.phone).exists()
    contact = Contact.objects.filter(phone=message.phone).first()
    assert contact is None or contact.is_subscribed is not suppressed
    return not suppressed


def test_it_counts_once_however_often_it_is_pressed(business: Business) -> None:
    regulars = make_list(business)
    message = message_of(make_sent(business=business, contact_list=regulars))

    for _ in range(3):
        stop(message)

    assert engagement(message.broadcast) == counted(unsubscribes=1)
    assert engagement_of_list(regulars) == counted(unsubscribes=1)
    assert OptOut.objects.count() == 1


def test_the_page_offers_an_undo_that_works(message: Message) -> None:
    assert 'value="undo"' in stop(message)
    assert 'value="undo"' in phone().get(link(message)).content.decode()

    page = undo(message)

    assert "Welcome back" in page
    assert is_subscribed(message)
    assert engagement(message.broadcast) == counted(unsubscribes=0)
    consent = Consent.objects.order_by("id").last()
    assert consent is not None
    assert (consent.kind, consent.source) == ("granted", "opt_out_undo")
    assert consent.reference == message.public_id
    asked_again = phone().get(link(message)).content.decode()
    assert "Stop the messages" in asked_again


def test_undo_by_a_look_is_no_undo(message: Message, client: Client) -> None:
    stop(message)
    for _ in range(3):
        client.get(link(message) + "&action=undo")
        client.head(link(message) + "&action=undo")
    assert not is_subscribed(message)


def test_after_an_undo_the_link_works_again(message: Message) -> None:
    for _ in range(2):
        stop(message)
        assert not is_subscribed(message)
        undo(message)
        assert is_subscribed(message)
    stop(message)
    assert engagement(message.broadcast) == counted(unsubscribes=1)


def test_an_undo_after_a_day_changes_nothing(message: Message) -> None:
    with time_machine.travel(timezone.now()):
        stop(message)
    OptOut.objects.update(at=timezone.now() - timedelta(hours=24, seconds=1))

    assert "Welcome back" not in undo(message)

    assert not is_subscribed(message)
    assert engagement(message.broadcast) == counted(unsubscribes=1)


def test_an_undo_without_an_opt_out_changes_nothing(business: Business, message: Message) -> None:
    assert "Stop the messages" in undo(message)
    unsubscribe(business_id=business.pk, phone=message.phone, source=Consent.Source.API)
    page = undo(message)
    assert "will not text this phone any more" in page
    assert 'value="undo"' not in page
    assert not is_subscribed(message)


def test_who_was_out_already_is_out_still_after_the_undo(
    business: Business, message: Message
) -> None:
    unsubscribe(business_id=business.pk, phone=message.phone, source=Consent.Source.API)

    stop(message)
    undo(message)

    assert not is_subscribed(message)
    assert engagement(message.broadcast) == counted(unsubscribes=0)


def test_the_link_of_another_message_that_came_after_stands(business: Business) -> None:
    one = make_message(business=business)
    two = make_message(business=business, contacts=0)
    assert two.phone == one.phone

    stop(one)
    stop(two)

    assert "Welcome back" not in undo(one)
    assert "Welcome back" not in undo(two)
    assert not is_subscribed(one)
    assert engagement(one.broadcast) == counted(unsubscribes=1)
    assert engagement(two.broadcast) == counted(unsubscribes=0)


def test_a_stop_that_came_after_the_way_back_stands(business: Business, message: Message) -> None:
    stop(message)
    resubscribe(business_id=business.pk, phone=message.phone, source=Consent.Source.CONFIRMATION)
    Suppression.objects.create(
        business=business,
        phone=message.phone,
        source=Consent.Source.LINK,
        created_at=timezone.now() + timedelta(minutes=1),
    )
    Contact.objects.update(is_subscribed=False, unsubscribed_at=timezone.now())

    assert "Welcome back" not in undo(message)

    assert not is_subscribed(message)


def test_the_number_that_a_person_has_moved_to_comes_back_too(message: Message) -> None:
    contact = Contact.objects.get()
    update_contact(contact=contact, phone="+306949999999", source=Consent.Source.API)
    stop(message)
    assert Suppression.objects.count() == 2

    undo(message)

    contact.refresh_from_db()
    assert contact.is_subscribed
    assert not Suppression.objects.exists()


def test_a_link_of_another_business_gives_nothing_back(message: Message) -> None:
    stop(message)
    foreign = make_message(business=make_business())
    Message.objects.filter(pk=foreign.pk).update(phone=message.phone)

    undo(foreign)

    assert not is_subscribed(message)


def test_the_proof_names_the_person(message: Message) -> None:
    stop(message)
    consent = Consent.objects.get(kind="withdrawn")
    assert consent.person.ip == "127.0.0.1"
    assert consent.person.user_agent.startswith("Mozilla")
