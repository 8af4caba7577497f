"""Signing up on the page behind a tag, from the tap to the thanks."""

import pytest
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent, Contact
from contacts.services import unsubscribe
from nfc.models import Tag
from nfc.tests.factories import (
    CONSENT,
    PHONE,
    figures,
    make_tag,
    sign_up,
    visitor,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's", country="GR")


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


@pytest.fixture
def client() -> Client:
    return visitor()


def stop(business: Business, phone: str = PHONE) -> None:
    unsubscribe(business_id=business.pk, phone=phone, source=Consent.Source.LINK)


def test_a_person_signs_up(tag: Tag) -> None:
    answer = sign_up(tag, "694 123 4567")

    assert answer.status_code == 200
    assert "Welcome to the club!" in answer.text
    assert "A coffee is on us." in answer.text
    contact = Contact.objects.get()
    assert (contact.phone, contact.business, contact.is_subscribed) == (PHONE, tag.business, True)
    assert figures(tag) == {"taps": 1, "forms": 1, "opt_ins": 1}


def test_what_was_agreed_to_is_kept_word_for_word(tag: Tag) -> None:
    sign_up(tag, client=visitor(REMOTE_ADDR="203.0.113.9"))

    consent = Consent.objects.select_related("text", "person").get()
    assert consent.text is not None
    assert (consent.text.text, consent.text.language) == (CONSENT, "en")
    assert (consent.kind, consent.source) == ("granted", "form")
    assert (consent.version, consent.tag, consent.page) == (1, tag.public_id, tag.path)
    assert (consent.person.ip, consent.person.phone) == ("203.0.113.9", PHONE)
    assert "Android" in consent.person.user_agent
