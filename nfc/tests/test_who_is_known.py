"""A public form tells nobody who is known, and does nobody harm."""

import pytest

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact, OptInRequest, Suppression
from contacts.tests.factories import make_contact
from messaging.models import Message
from nfc.models import Tag
from nfc.tests.factories import (
    PHONE,
    figures,
    make_form,
    make_tag,
    sign_up,
    stop,
)

pytestmark = pytest.mark.django_db

ALL_FIELDS = {
    "phone": {"required": True},
    "first_name": {"required": True},
    "last_name": {"required": False},
    "email": {"required": False},
    "birthday": {"required": False},
    "gender": {"required": False},
}


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's", country="GR")


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


class TestWhoIsKnown:
    def test_everybody_gets_the_same_page(self, business: Business) -> None:
        tag = make_tag(business)
        make_contact(business, "+306940000002")
        make_contact(business, "+306940000003")
        stop(business, "+306940000003")
        stop(business, "+306940000004")
        pages = {
            name: sign_up(tag, phone).content
            for name, phone in {
                "new": "+306940000001",
                "known": "+306940000002",
                "stopped": "+306940000003",
                "stopped, no contact": "+306940000004",
                "asked already": "+306940000003",
            }.items()
        }
        assert len(set(pages.values())) == 1, pages.keys()

    def test_a_stranger_overwrites_nothing(self, business: Business) -> None:
        make_contact(business, PHONE, first_name="Maria")
        tag = make_tag(business, form=make_form(business, fields=ALL_FIELDS))
        sign_up(tag, first_name="Mallory", last_name="Maar", email="m@example.com")

        contact = Contact.objects.get()
        assert contact.first_name == "Maria"
        assert (contact.last_name, contact.email) == ("Maar", "m@example.com")
        assert figures(tag) == {"taps": 1, "forms": 1}

    def test_a_stranger_subscribes_nobody_who_stopped(self, business: Business) -> None:
        make_contact(business, PHONE)
        stop(business)
        tag = make_tag(business)
        for _ in range(3):
            sign_up(tag)

        assert Suppression.objects.exists()
        assert not Contact.objects.get().is_subscribed
        message = Message.objects.select_related("broadcast").get()
        assert message.phone == PHONE
        assert "/c/" in message.text
        assert not message.broadcast.is_marketing
        assert message.broadcast.reaches_suppressed
        assert figures(tag) == {"taps": 3, "forms": 1}


class TestCaps:
    def test_no_more_sign_ups_a_day_than_the_business_takes(self, business: Business) -> None:
        business.daily_signup_cap = 2
        business.save(update_fields=["daily_signup_cap"])
        tag = make_tag(business)
        pages = {sign_up(tag, f"694000000{number}").content for number in range(4)}

        assert Contact.objects.count() == 2
        assert len(pages) == 1
        assert figures(tag) == {"taps": 4, "forms": 2, "opt_ins": 2}

    def test_a_business_that_may_not_send_yet_takes_sign_ups_and_loses_nothing_half_way(
        self, business: Business
    ) -> None:
        stop(business, "+306940000009")
        business.daily_message_cap = 0
        business.save(update_fields=["daily_message_cap"])
        tag = make_tag(business)
        taken = sign_up(tag)
        not_asked = sign_up(tag, "6940000009")

        assert taken.content == not_asked.content
        assert Contact.objects.get().phone == PHONE
        assert not OptInRequest.objects.exists()
        assert not Message.objects.exists()
        business.daily_message_cap = 10
        business.save(update_fields=["daily_message_cap"])
        sign_up(tag, "6940000009")
        assert Message.objects.get().phone == "+306940000009"
