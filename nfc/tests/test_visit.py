"""Confirming a visit by a tag: a known number counts once a day; nobody learns which those are."""

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact
from contacts.tests.factories import make_contact
from messaging.models import Message
from nfc.models import Scan, Tag
from nfc.tests.factories import PHONE, figures, fill_in, make_form, make_tag, visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's")


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business, type="visit", form=None)


def visit(tag: Tag, phone: str = "694 123 4567", client: Client | None = None) -> Any:
    client = client or visitor()
    return fill_in(client.get(f"{tag.path}visit/"), client, phone=phone)


def test_a_visit_of_somebody_known(business: Business, tag: Tag) -> None:
    contact = make_contact(business, PHONE)
    answer = visit(tag)

    assert "Thank you for your visit" in answer.text
    scan = Scan.objects.get(kind="visit")
    assert (scan.contact, scan.tag) == (contact, tag)
    assert figures(tag) == {"taps": 1, "visits": 1}


def test_counts_once_a_day(business: Business, tag: Tag) -> None:
    make_contact(business, PHONE)
    with time_machine.travel("2027-03-01T20:00:00Z"):
        visit(tag)
        visit(tag, "+306941234567")
    with time_machine.travel("2027-03-01T23:00:00Z"):  # past midnight in Athens
        visit(tag)
    assert figures(tag)["visits"] == 2


def test_strangers_are_answered_the_same_and_are_not_taken_in(business: Business, tag: Tag) -> None:
    make_contact(business, PHONE)
    known, stranger = visit(tag), visit(tag, "+306940000009")

    assert known.content == stranger.content
    assert Contact.objects.count() == 1
    assert not Message.objects.exists()
    assert figures(tag)["visits"] == 1


def test_another_business_s_contact_is_a_stranger(tag: Tag) -> None:
    make_contact(make_business(), PHONE)
    visit(tag)
    assert "visits" not in figures(tag)


def test_mistakes_are_told_beside_the_field(tag: Tag) -> None:
    answer = visit(tag, "12")
    assert 'id="phone_error">This phone number is too short.</p>' in answer.text
    assert 'value="12"' in answer.text


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_counts_no_visit(business: Business, tag: Tag, method: str) -> None:
    make_contact(business, PHONE)
    for _ in range(3):
        assert getattr(visitor(), method)(f"{tag.path}visit/").status_code == 200
    assert "visits" not in figures(tag)


def test_the_chip_leads_there_whatever_its_type(business: Business, tag: Tag) -> None:
    moved = visitor().get(tag.path)
    assert (moved.status_code, moved["Location"]) == (302, f"{tag.path}visit/")
    other = make_tag(business)
    back = visitor().get(f"{other.path}visit/")
    assert (back.status_code, back["Location"]) == (302, other.path)
    assert visitor().post(f"{tag.path}submit/", {"phone": PHONE}).status_code == 302
    assert figures(tag) == figures(other) == {}


def test_a_tag_may_have_a_form_for_its_words(business: Business) -> None:
    form = make_form(business)
    tag = make_tag(business, type="visit", form=form)
    make_contact(business, PHONE)
    visit(tag)
    assert figures(tag) == {"taps": 1, "visits": 1}


def test_as_json(business: Business, tag: Tag) -> None:
    make_contact(business, PHONE)
    url = f"{tag.path}visit/"
    answers = [
        visitor().post(url, {"phone": phone}, content_type="application/json")
        for phone in ("6941234567", "6940000009")
    ]
    assert {answer.status_code for answer in answers} == {202}
    assert answers[0].content == answers[1].content
    assert figures(tag) == {"visits": 1}
    wrong = visitor().post(url, {"phone": "12"}, content_type="application/json")
    assert wrong.json()["errors"][0]["pointer"] == "/phone"


def test_too_many_of_one_number(tag: Tag) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        client = visitor()
        page = client.get(f"{tag.path}visit/")
        codes = [fill_in(page, client, phone=PHONE).status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
