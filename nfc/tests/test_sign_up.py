"""Signing up on the page behind a tag, from the tap to the thanks."""

import re

import pytest
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent, Contact
from contacts.tests.factories import make_list
from nfc import services
from nfc.models import Tag
from nfc.tests.factories import (
    CONSENT,
    CONSENT_EL,
    PHONE,
    action_of,
    figures,
    fill_in,
    make_form,
    make_tag,
    sign_up,
    visitor,
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


@pytest.fixture
def full_tag(business: Business) -> Tag:
    return make_tag(business, form=make_form(business, fields=ALL_FIELDS))


@pytest.fixture
def client() -> Client:
    return visitor()


def test_a_person_signs_up(tag: Tag) -> None:
    answer = sign_up(tag, "694 123 4567")

    assert answer.status_code == 200
    assert "Welcome to the club!" in answer.text
    assert "A coffee is on us." in answer.text
    contact = Contact.objects.get()
    assert (contact.phone, contact.business, contact.is_subscribed) == (PHONE, tag.business, True)
    assert figures(tag) == {"taps": 1, "forms": 1, "opt_ins": 1}


def test_what_was_agreed_to_is_kept_word_for_word(tag: Tag) -> None:
    sign_up(tag, client=visitor(REMOTE_ADDR="2001:db8:1:2:3:4:5:6"))

    consent = Consent.objects.select_related("text", "person").get()
    assert consent.text is not None
    assert (consent.text.text, consent.text.language) == (CONSENT, "en")
    assert (consent.kind, consent.source) == ("granted", "form")
    assert (consent.version, consent.tag, consent.page) == (1, tag.public_id, tag.path)
    assert consent.reference == f"form {tag.form_id}"
    assert (consent.person.ip, consent.person.phone) == ("2001:db8:1:2:3:4:5:6", PHONE)
    assert "Android" in consent.person.user_agent


def test_all_that_a_form_may_ask_for(full_tag: Tag) -> None:
    sign_up(
        full_tag,
        first_name=" Μαρία ",
        last_name="O’Hara",
        email="Maria@example.com",
        birthday="31/12/1990",
        gender="female",
    )

    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name) == ("Μαρία", "O’Hara")
    assert (contact.email, contact.gender) == ("Maria@example.com", "female")
    assert contact.birthday is not None
    assert contact.birthday.isoformat() == "1990-12-31"


def test_who_signs_up_is_put_on_the_tags_list(business: Business) -> None:
    contact_list = make_list(business)
    sign_up(make_tag(business, contact_list=contact_list))

    assert contact_list.members.get().contact.phone == PHONE


class TestMistakes:
    def test_are_told_beside_the_fields_and_nothing_typed_is_lost(
        self, full_tag: Tag, client: Client
    ) -> None:
        page = client.get(full_tag.path)
        again = fill_in(page, client, phone="694 12", email="ann@", last_name="O’Hara", gender="x")

        for name, words in {
            "phone": "This phone number is too short.",
            "first_name": "Please fill this in.",
            "email": "Please give an e-mail address such as name@example.com.",
            "gender": "Please choose one of these.",
            "consent": "Please tick this, or we may not text you.",
        }.items():
            assert f'<p class="error" id="{name}_error">{words}</p>' in again.text
            assert f'aria-invalid="true" aria-describedby="{name}_error" id="{name}"' in again.text
        for typed in ("694 12", "ann@", "O’Hara"):
            assert f'value="{typed}"' in again.text
        assert not Contact.objects.exists()

    def test_can_be_put_right_at_once(self, full_tag: Tag, client: Client) -> None:
        again = fill_in(client.get(full_tag.path), client, phone="6941234567", consent="on")
        done = fill_in(again, client, phone="6941234567", consent="on", first_name="Ann")

        assert "Welcome to the club!" in done.text
        assert Contact.objects.get().first_name == "Ann"

    def test_are_told_in_the_pages_language(self, tag: Tag, client: Client) -> None:
        page = client.get(tag.path, {"lang": "el"})
        again = fill_in(page, client, phone="")

        assert "lang=el" in action_of(again)
        error = re.search(r'id="phone_error">([^<]+)<', again.text)
        assert error is not None
        assert re.fullmatch(r"[Α-ωΆ-ώ .,]+", error[1])

    @pytest.mark.parametrize(
        ("phone", "words"),
        [
            ("", "Please give your mobile number."),
            ("call me", "This is not a phone number: please use digits only."),
            ("69412", "This phone number is too short."),
            ("6941234567890123", "This phone number is too long."),
            ("5941234567", "There is no such phone number: please check its digits."),
            ("+1 212 555 2368", "Numbers of this country cannot be signed up here."),
            ("+4915123456789", "Numbers of this country cannot be signed up here."),
        ],
    )
    def test_in_the_number(self, tag: Tag, phone: str, words: str) -> None:
        assert f'id="phone_error">{words}</p>' in sign_up(tag, phone).text
        assert not Contact.objects.exists()

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"birthday": "1890-01-01"}, "birthday"),
            ({"birthday": "2999-01-01"}, "birthday"),
            ({"birthday": "yesterday"}, "birthday"),
            ({"first_name": "a" * 101}, "first_name"),
            ({"first_name": "a\0b"}, "first_name"),
            ({"email": "a" * 250 + "@b.gr"}, "email"),
        ],
    )
    def test_in_other_fields(self, full_tag: Tag, typed: dict[str, str], field: str) -> None:
        answer = sign_up(full_tag, client=None, **{"first_name": "Ann", **typed})
        assert f'id="{field}_error"' in answer.text
        assert not Contact.objects.exists()


def test_countries_that_the_business_takes(business: Business) -> None:
    business.signup_countries = ["GR", "CY"]
    business.save(update_fields=["signup_countries"])
    tag = make_tag(business)
    sign_up(tag, "+357 96 123456")
    sign_up(tag, "+44 7400 123456")

    assert Contact.objects.get().phone == "+35796123456"


class TestWhatTheFormShows:
    def test_the_consent_in_the_readers_language(self, tag: Tag) -> None:
        greek = Client(headers={"User-Agent": "Mozilla/5.0", "Accept-Language": "el"})
        page = greek.get(tag.path)
        assert f'lang="el" class="words">{CONSENT_EL}</label>' in page.text
        thanks = fill_in(page, greek, phone="6941234567", consent="on")

        text = Consent.objects.select_related("text").get().text
        assert text is not None
        assert (text.text, text.language) == (CONSENT_EL, "el")
        assert "Καλώς ήρθατε!" in thanks.text

    def test_the_consent_in_its_own_language_if_there_is_no_other(self, business: Business) -> None:
        form = make_form(business, language="el", consent_text=CONSENT_EL, translations={})
        page = visitor().get(make_tag(business, form=form).path)
        assert '<html lang="en">' in page.text
        assert f'lang="el" class="words">{CONSENT_EL}</label>' in page.text

    def test_a_consent_that_has_changed_since_has_to_be_read_again(
        self, tag: Tag, client: Client
    ) -> None:
        assert tag.form is not None
        page = client.get(tag.path)
        services.update_form(form=tag.form, consent_text="Now we text you twice a day.")
        again = fill_in(page, client, phone="6941234567", consent="on")

        assert "The text that you agree to has changed." in again.text
        assert "Now we text you twice a day." in again.text
        assert 'value="6941234567"' in again.text
        assert "checked" not in again.text
        assert not Contact.objects.exists()
        fill_in(again, client, phone="6941234567", consent="on")
        text = Consent.objects.select_related("text").get().text
        assert text is not None
        assert text.text == "Now we text you twice a day."

    def test_nothing_that_anybody_wrote_is_markup(self, business: Business) -> None:
        evil = '"><script>alert(1)</script>'
        business.name = evil
        business.save(update_fields=["name"])
        form = make_form(
            business, consent_text=evil, thank_you_text=evil, offer_text=evil, fields=ALL_FIELDS
        )
        tag = make_tag(business, form=form)
        client = visitor()
        page = client.get(tag.path, {"lang": "en", "x": evil})
        again = fill_in(page, client, phone=evil, first_name=evil, gender=evil)
        thanks = sign_up(tag, first_name=evil)
        for answer in (page, again, thanks):
            assert "<script" not in answer.text
            assert "&lt;script" in answer.text

    def test_it_is_light_private_and_without_scripts(self, full_tag: Tag, client: Client) -> None:
        page = client.get(full_tag.path)
        assert len(page.content) < 10_000
        assert "<script" not in page.text
        assert page["Cache-Control"] == "no-store"
        assert "noindex" in page["X-Robots-Tag"]
        assert "unsafe-inline" not in page["Content-Security-Policy"]
        assert not page.cookies
        for attribute in (
            'autocomplete="tel"', 'inputmode="tel"', 'autocomplete="given-name"',
            'autocomplete="family-name"', 'autocomplete="email"', 'autocomplete="bday"',
            'autocomplete="sex"',
        ):  # fmt: skip
            assert attribute in page.text
