"""Programs on the page behind a tag, and people who are as fast or as slow as none."""

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact
from nfc.models import Tag
from nfc.tests.factories import (
    PHONE,
    action_of,
    fields_of,
    fill_in,
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


class TestPrograms:
    def test_that_fill_in_what_nobody_sees_are_thanked_for_nothing(
        self, tag: Tag, client: Client
    ) -> None:
        human = sign_up(tag, "6941234567")
        trapped = fill_in(
            client.get(tag.path), client, phone="6949999999", consent="on", website="http://x"
        )
        assert trapped.content == human.content
        assert Contact.objects.get().phone == PHONE

    def test_that_are_faster_than_anybody_must_press_again(self, tag: Tag, client: Client) -> None:
        page = client.get(tag.path)
        with time_machine.travel(timezone.now(), tick=False):
            fast = fill_in_at_once(page, client)
        assert "That was very fast." in fast.text
        assert 'value="6941234567"' in fast.text
        assert "checked" in fast.text
        assert not Contact.objects.exists()
        assert "Welcome" in fill_in(fast, client, phone="6941234567", consent="on").text

    @pytest.mark.parametrize("token", ["", "x", "WyJhIl0:abc", "€"])
    def test_that_never_saw_the_page_must_look_at_it(
        self, tag: Tag, client: Client, token: str
    ) -> None:
        page = client.get(tag.path)
        again = fill_in(page, client, phone="6941234567", consent="on", token=token)
        assert "Please press the button once more." in again.text
        assert not Contact.objects.exists()
        assert "Welcome" in fill_in(again, client, phone="6941234567", consent="on").text

    def test_the_form_of_one_tag_is_none_of_another(self, tag: Tag, client: Client) -> None:
        other = client.get(make_tag(tag.business).path)
        typed = {"phone": "6941234567", "consent": "on"}
        with time_machine.travel(timezone.now(), tick=False) as clock:
            clock.shift(10)
            fields = {**fields_of(other), **typed}
            client.post(f"{tag.path}submit/", fields)
        assert not Contact.objects.exists()


def test_a_page_that_was_open_for_hours_asks_once_more_and_keeps_what_was_typed(
    tag: Tag, client: Client
) -> None:
    page = client.get(tag.path)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(3 * 3600)
        late = fill_in_at_once(page, client)
        assert "This page was open for a long time." in late.text
        assert 'value="6941234567"' in late.text
        clock.shift(5)
        assert "Welcome" in fill_in_at_once(late, client).text


def fill_in_at_once(page: Any, client: Client) -> Any:
    typed = {"phone": "6941234567", "consent": "on"}
    return client.post(action_of(page), {**fields_of(page), **typed})
