"""The JSON twin of the page: the same rules, the same answer for everybody."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent, Contact
from contacts.tests.factories import make_contact
from messaging.models import Message
from nfc import services
from nfc.models import Tag
from nfc.tests.factories import (
    CONSENT,
    CONSENT_EL,
    PHONE,
    figures,
    make_form,
    make_tag,
    stop,
    visitor,
)
from tracking.pages import MAX_BODY

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's")


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


def submit(tag: Tag, body: Any, client: Client | None = None, query: str = "") -> Any:
    url = f"/nfc/{tag.public_id}/submit/{query}"
    return (client or visitor()).post(url, json.dumps(body), content_type="application/json")


def codes(answer: Any) -> dict[str, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}


class TestConfig:
    def test_says_what_to_ask_and_to_show(self, tag: Tag) -> None:
        answer = visitor().get(f"{tag.path}config/")
        assert answer.json() == {
            "public_id": tag.public_id,
            "type": "opt_in",
            "is_test": False,
            "business": {"name": "Ann's", "country": "GR", "colour": "#1a4f8a"},
            "form": {
                "version": 1,
                "fields": {"phone": {"required": True}},
                "language": "en",
                "consent_text": CONSENT,
                "double_opt_in": False,
            },
        }
        assert answer["Cache-Control"] == "no-store"
        assert "Accept-Language" in answer["Vary"]

    def test_in_the_language_that_is_asked_for(self, tag: Tag) -> None:
        form = visitor().get(f"{tag.path}config/", {"lang": "el"}).json()["form"]
        assert (form["language"], form["consent_text"]) == ("el", CONSENT_EL)

    def test_of_a_tag_for_visits(self, business: Business) -> None:
        tag = make_tag(business, type="visit", form=None, status="test")
        config = visitor().get(f"{tag.path}config/").json()
        assert (config["type"], config["is_test"], config["form"]) == ("visit", True, None)


def test_a_person_signs_up(tag: Tag) -> None:
    answer = submit(tag, {"phone": "694 123 4567", "consent": True})

    assert answer.status_code == 202
    assert answer.json() == {
        "status": "accepted",
        "language": "en",
        "thank_you_text": "Welcome to the club!",
        "offer_text": "A coffee is on us.",
    }
    assert answer["Cache-Control"] == "no-store"
    assert Contact.objects.get().phone == PHONE
    consent = Consent.objects.select_related("text").get()
    assert consent.text is not None
    assert (consent.text.text, consent.tag) == (CONSENT, tag.public_id)
    assert consent.page == f"{tag.path}submit/"
    assert figures(tag) == {"forms": 1, "opt_ins": 1}


def test_everybody_is_answered_the_same(business: Business, tag: Tag) -> None:
    make_contact(business, "+306940000002")
    stop(business, "+306940000003")
    numbers = ("+306940000001", "+306940000002", "+306940000003", "+306940000003")
    answers = [submit(tag, {"phone": each, "consent": True}) for each in numbers]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(answer.headers) for answer in answers}) == 1
    assert Message.objects.get().phone == "+306940000003"


def test_the_words_that_were_shown_are_those_that_are_kept(tag: Tag) -> None:
    submit(tag, {"phone": PHONE, "consent": True, "language": "el", "version": 1})
    text = Consent.objects.select_related("text").get().text
    assert text is not None
    assert (text.text, text.language) == (CONSENT_EL, "el")


@pytest.mark.parametrize("version", [0, 1, "2", [], {}])
def test_words_that_have_changed_since_are_to_be_shown_again(tag: Tag, version: Any) -> None:
    assert tag.form is not None
    services.update_form(form=tag.form, consent_text="New words.")
    answer = submit(tag, {"phone": PHONE, "consent": True, "version": version})
    assert (answer.status_code, answer.json()["code"]) == (409, "FORM_CHANGED")
    assert not Contact.objects.exists()


def test_visitors_may_send_what_they_like_besides(tag: Tag) -> None:
    body = {"phone": 6941234567, "consent": True, "utm": {"x": 1}, "first_name": "Not asked"}
    assert submit(tag, body).status_code == 202
    assert Contact.objects.get().first_name == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"/phone": "REQUIRED", "/consent": "REQUIRED"}),
        ({"phone": "12", "consent": True}, {"/phone": "INVALID_PHONE"}),
        ({"phone": "+12125552368", "consent": True}, {"/phone": "COUNTRY_NOT_ALLOWED"}),
        ({"phone": PHONE, "consent": "true"}, {"/consent": "REQUIRED"}),
        ({"phone": PHONE, "consent": 1}, {"/consent": "REQUIRED"}),
        ({"phone": [PHONE], "consent": True}, {"/phone": "INVALID"}),
        ({"phone": {"x": 1}, "consent": True}, {"/phone": "INVALID"}),
        ({"phone": True, "consent": True}, {"/phone": "INVALID"}),
        ({"phone": "\ud800", "consent": True}, {"/phone": "INVALID_PHONE"}),
        ({"phone": "\0", "consent": True}, {"/phone": "NULL_CHARACTERS_NOT_ALLOWED"}),
    ],
)
def test_mistakes_name_their_fields(tag: Tag, body: Any, expected: dict[str, str]) -> None:
    answer = submit(tag, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert codes(answer) == expected
    assert not Contact.objects.exists()


def test_half_a_character_is_no_name(business: Business) -> None:
    fields = {"phone": {"required": True}, "first_name": {"required": False}}
    tag = make_tag(business, form=make_form(business, fields=fields))
    answer = submit(tag, {"phone": PHONE, "consent": True, "first_name": "\ud83d"})
    assert codes(answer) == {"/first_name": "INVALID"}


class TestNames:
    """They go into the shop's messages, to whatever phone a stranger has typed."""

    @pytest.mark.parametrize(
        "name",
        [
            "https://evil.example/x",
            "HTTP://x",
            "evil.example",
            "You won: evil.example/x",
            "πλούτος.ελ",
            "evil．com",
            "evil。com",
            "me@evil",
            "Call 694 123 4567",
            "٠١٢٣٤",
        ],
    )
    def test_that_phones_would_make_links_of(self, asking: Tag, name: str) -> None:
        answer = submit(asking, {"phone": PHONE, "consent": True, "first_name": name})
        assert codes(answer) == {"/first_name": "INVALID"}
        assert not Contact.objects.exists()

    @pytest.mark.parametrize(
        "name",
        [
            "Μαρία-Ελένη",
            "J. R. R.",
            "J.R.",
            "O'Brien",
            "d’Arc",
            "Elon 2nd",
            "X Æ A-12",
            "李小龍",
            "…",
        ],
    )
    def test_of_people(self, asking: Tag, name: str) -> None:
        submit(asking, {"phone": PHONE, "consent": True, "first_name": name})
        assert Contact.objects.get().first_name == name

    @pytest.fixture
    def asking(self, business: Business) -> Tag:
        fields = {"phone": {"required": True}, "first_name": {"required": False}}
        return make_tag(business, form=make_form(business, fields=fields))


@pytest.mark.parametrize("name", ["first_name", "last_name", "email", "birthday", "gender"])
@pytest.mark.parametrize("value", [19900101, "\0", "\ud800", [], {}, False, 1.5])
def test_no_value_of_a_field_breaks_the_form(business: Business, name: str, value: Any) -> None:
    asked = {"phone": {"required": True}, name: {"required": True}}
    tag = make_tag(business, form=make_form(business, fields=asked))
    answer = submit(tag, {"phone": PHONE, "consent": True, name: value})
    assert codes(answer).keys() == {f"/{name}"}


def test_mistakes_are_told_in_the_visitors_language(tag: Tag) -> None:
    answer = submit(tag, {"phone": "12", "consent": True}, query="?lang=el")
    assert "αριθμός" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(tag: Tag, body: bytes) -> None:
    answer = visitor().post(f"{tag.path}submit/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["submit/", "visit/"])
def test_more_than_any_form_comes_to_is_not_read(business: Business, path: str) -> None:
    tag = make_tag(business, type="opt_in" if path == "submit/" else "visit")
    answer = visitor().post(
        f"{tag.path}{path}", b" " * (MAX_BODY + 1), content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
    file = SimpleUploadedFile("a.bin", b" " * MAX_BODY)
    page = visitor().post(f"{tag.path}{path}", {"phone": PHONE, "file": file})
    assert page.status_code == 400


class TestTagsThatAreNotThere:
    @pytest.mark.parametrize("public_id", ["x", "a" * 16, "Ω" * 16, "%00", "a" * 3000])
    def test_unknown(self, public_id: str) -> None:
        url = f"/nfc/{public_id}/"
        page = visitor().get(url)
        assert page.status_code == 404
        assert "not known" in page.text
        for answer in (
            visitor().get(f"{url}config/"),
            visitor().post(f"{url}submit/", {}, content_type="application/json"),
            visitor().post(f"{url}visit/", {}, content_type="application/json"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "TAG_NOT_FOUND")
            assert answer["Content-Type"] == "application/problem+json"

    def test_inactive(self, business: Business) -> None:
        tag = make_tag(business, status="inactive")
        page = visitor().get(tag.path)
        assert page.status_code == 404
        assert "not in use" in page.text
        assert "Ann&#x27;s" in page.text
        assert visitor().post(f"{tag.path}submit/", {"phone": PHONE}).status_code == 404
        for answer in (visitor().get(f"{tag.path}config/"), submit(tag, {"phone": PHONE})):
            assert (answer.status_code, answer.json()["code"]) == (404, "TAG_INACTIVE")
        assert figures(tag) == {}

    def test_of_the_other_type(self, business: Business) -> None:
        tag = make_tag(business, type="visit", form=None)
        answer = submit(tag, {"phone": PHONE, "consent": True})
        assert (answer.status_code, answer.json()["code"]) == (404, "TAG_NOT_FOUND")


def test_the_address_of_a_page_with_errors_can_be_opened_again(tag: Tag) -> None:
    back = visitor().get(f"{tag.path}submit/")
    assert (back.status_code, back["Location"]) == (302, tag.path)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_else_can_be_done(tag: Tag, method: str) -> None:
    for path in ("", "config/", "submit/", "visit/"):
        assert getattr(visitor(), method)(f"{tag.path}{path}").status_code == 405
