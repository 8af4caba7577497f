"""Many numbers from many addresses: never more than the caps, and nobody's harm."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact, Suppression
from contacts.tests.factories import make_contact
from messaging.models import Message
from nfc.form_token import EARLIEST
from nfc.models import Tag
from nfc.tests.factories import BROWSER, action_of, fields_of, make_tag, stop
from rediskit.connection import client as redis

NOON = 1_800_014_400.0  # no window of an hour or a minute ends before the test does
ADDRESSES = 50
STOPPED, KNOWN = "+306940000007", "+306950000007"

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    business = make_business(daily_signup_cap=700)
    stop(business, STOPPED)
    make_contact(business, KNOWN, first_name="Maria")
    return business


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


def numbers(count: int) -> Iterator[str]:
    """Side by side, as whoever sells numbers owns them, from a hundred ranges in turn."""
    yield from (STOPPED, KNOWN)
    ranges = [f"69{first}{second}" for first, second in product("45678", range(20, 40))]
    for number in range(count - 2):
        yield f"+30{ranges[number % len(ranges)]}{number // len(ranges):06}"[:13]


def flood(tag: Tag, count: int, *, as_json: bool) -> tuple[Counter[int], set[str]]:
    """Each number once, from fifty addresses in turn; a minute passes when all are used up."""
    statuses: Counter[int] = Counter()
    answers = set()
    per_minute = ADDRESSES * settings.RATE_LIMITS["nfc:submit:ip"][0]
    with time_machine.travel(NOON, tick=False) as clock:
        clients = [
            Client(REMOTE_ADDR=f"198.51.100.{number}", headers=BROWSER)
            for number in range(1, ADDRESSES + 1)
        ]
        page = clients[0].get(tag.path)
        clock.shift(EARLIEST + 1)
        for place, phone in enumerate(numbers(count)):
            if place and place % (per_minute + ADDRESSES) == 0:
                clock.shift(60)
            client = clients[place % ADDRESSES]
            if as_json:
                body = json.dumps({"phone": phone, "consent": True})
                answer = client.post(f"{tag.path}submit/", body, content_type="application/json")
            else:
                fields = {**fields_of(page), "phone": phone, "consent": "on"}
                answer = client.post(action_of(page), fields)
            statuses[answer.status_code] += 1
            if answer.status_code in {200, 202}:
                answers.add(answer.text)
    return statuses, answers


def check(business: Business, taken: int) -> None:
    assert Suppression.objects.filter(phone=STOPPED).exists()
    assert not Contact.objects.filter(phone=STOPPED, is_subscribed=True).exists()
    assert Contact.objects.get(phone=KNOWN).first_name == "Maria"
    assert 0 < Contact.objects.filter(business=business).count() <= taken
    assert Message.objects.count() == 1  # to the one who had stopped


@pytest.mark.parametrize("as_json", [True, False])
def test_a_small_flood(business: Business, tag: Tag, settings: Settings, as_json: bool) -> None:
    business.daily_signup_cap = 60
    business.save(update_fields=["daily_signup_cap"])
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "nfc:submit:ip": (3, 60)}
    statuses, answers = flood(tag, 250, as_json=as_json)

    assert len(answers) == 1
    assert statuses[202 if as_json else 200] == 200  # 3 of 4 in the first minute, then 50
    assert statuses[429] == 50
    check(business, taken=60)
    assert Contact.objects.count() == 60 - 1  # one of the sign-ups asked the one who had stopped
    assert Contact.objects.filter(phone=KNOWN).exists()


def test_numbers_that_lie_side_by_side(tag: Tag, settings: Settings) -> None:
    settings.RATE_LIMITS = {
        **settings.RATE_LIMITS,
        "nfc:submit:ip": (1000, 60),
        "nfc:submit:prefix": (20, 3600),
    }
    with time_machine.travel(NOON, tick=False):
        codes = [
            Client().post(
                f"{tag.path}submit/",
                {"phone": f"+3069412{number:05}", "consent": True},
                content_type="application/json",
            )
            for number in range(30)
        ]
    assert [answer.status_code for answer in codes] == [202] * 20 + [429] * 10
    assert codes[-1].json()["code"] == "RATE_LIMITED"
    assert redis().keys("rl:nfc:submit:prefix:+3069412:*")


def test_one_number_in_all_its_spellings(tag: Tag) -> None:
    spellings = [
        "6941234567",
        "694 123 4567",
        "+30 694-1234567",
        "0030 6941234567",
        "+306941234567",
    ]
    with time_machine.travel(NOON, tick=False):
        codes = [
            Client(REMOTE_ADDR=f"198.51.100.{number}")
            .post(
                f"{tag.path}submit/",
                {"phone": phone, "consent": True},
                content_type="application/json",
            )
            .status_code
            for number, phone in enumerate([*spellings, "6941234567"], 1)
        ]
    assert codes == [202] * 5 + [429]
    keys: Any = redis().keys("rl:nfc:submit:phone:*")
    assert len(keys) == 1
    assert re.fullmatch(rb"rl:nfc:submit:phone:\+306941234567:\d+", keys[0])


def test_who_is_refused_loses_nothing_that_was_typed(tag: Tag, settings: Settings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "nfc:submit:ip": (0, 60)}
    client = Client(headers=BROWSER)
    with time_machine.travel(NOON, tick=False) as clock:
        page = client.get(tag.path)
        clock.shift(EARLIEST + 1)
        fields = {**fields_of(page), "phone": "6941234567", "consent": "on"}
        answer = client.post(action_of(page), fields)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert answer["RateLimit-Policy"] == '"nfc:submit:ip";q=0;w=60'
    assert 'value="6941234567"' in answer.text
    assert "checked" in answer.text
    assert "Too many tries." in answer.text


@pytest.mark.soak
@pytest.mark.parametrize("as_json", [True, False])
def test_ten_thousand_numbers_from_fifty_addresses(
    business: Business, tag: Tag, as_json: bool
) -> None:
    statuses, answers = flood(tag, 10_000, as_json=as_json)

    assert len(answers) == 1
    assert sum(statuses.values()) == 10_000
    assert set(statuses) == {202 if as_json else 200, 429}
    check(business, taken=700)
