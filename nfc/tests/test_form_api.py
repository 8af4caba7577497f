"""nfc/forms/: what people are asked and told."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from nfc.form_rules import InvalidForm, check_translations
from nfc.models import OptInForm
from nfc.tests.factories import make_form, make_tag

URL = "/api/v1/nfc/forms/"
WORDS = {"name": "Door", "consent_text": "I agree.", "thank_you_text": "Thanks!"}
GREEK = {"consent_text": "Συμφωνώ.", "thank_you_text": "Ευχαριστούμε!"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def codes(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_one_is_made_with_little(client: APIClient) -> None:
    made = client.post(URL, WORDS)
    assert made.status_code == 201, made.content
    form = made.json()
    assert made["Location"].endswith(f"{URL}{form['id']}/")
    assert (form["version"], form["language"]) == (1, "en")
    assert (form["fields"], form["translations"]) == ({"phone": {"required": True}}, {})
    assert (form["offer_text"], form["double_opt_in"]) == ("", False)
    assert client.get(f"{URL}{form['id']}/").json() == form


def test_one_is_made_with_all(client: APIClient) -> None:
    body = {
        **WORDS,
        "fields": {"email": {"required": True}, "phone": {"required": True}},
        "language": "en",
        "offer_text": "A coffee",
        "translations": {"el": GREEK},
        "double_opt_in": True,
    }
    form = client.post(URL, body).json()
    assert {name: form[name] for name in body} == body


def test_a_change_of_what_people_agree_to_makes_another_version(
    business: Business, client: APIClient
) -> None:
    url = f"{URL}{make_form(business, translations={}).pk}/"
    fields = {"phone": {"required": True}, "email": {"required": False}}
    for change, version in (
        ({"name": "Renamed"}, 1),
        ({"thank_you_text": "Thank you"}, 1),
        ({"offer_text": "None"}, 1),
        ({"double_opt_in": True}, 1),
        ({"consent_text": "I agree again."}, 2),
        ({"consent_text": "I agree again."}, 2),
        ({"fields": fields}, 3),
        ({"translations": {"el": GREEK}}, 4),
        ({"translations": {"el": {**GREEK, "thank_you_text": "!"}}}, 4),
        ({"translations": {}}, 5),
        ({"language": "el"}, 6),
    ):
        assert client.patch(url, change).json()["version"] == version, change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fields": {}}, "PHONE_REQUIRED"),
        ({"fields": {"phone": {"required": False}}}, "PHONE_REQUIRED"),
        ({"fields": {"phone": {"required": True}, "iban": {"required": True}}}, "UNKNOWN_FIELD"),
        ({"fields": {"phone": {"required": "yes"}}}, "INVALID_FIELDS"),
        ({"fields": {"phone": True}}, "INVALID_FIELDS"),
        ({"fields": {"phone": {"required": True, "x": 1}}}, "INVALID_FIELDS"),
        ({"fields": ["phone"]}, "INVALID_FIELDS"),
        ({"fields": None}, "NULL"),
        ({"translations": {"xx": GREEK}}, "UNKNOWN_LANGUAGE"),
        ({"translations": {"el": {"consent_text": "Συμφωνώ."}}}, "INVALID_TRANSLATIONS"),
        ({"translations": {"el": {**GREEK, "consent_text": " "}}}, "INVALID_TRANSLATIONS"),
        ({"translations": {"el": {**GREEK, "x": "y"}}}, "INVALID_TRANSLATIONS"),
        ({"translations": {"el": {**GREEK, "offer_text": 3}}}, "INVALID_TRANSLATIONS"),
        ({"translations": {"el": {**GREEK, "offer_text": "\0"}}}, "INVALID_TRANSLATIONS"),
        ({"translations": {"el": "x"}}, "INVALID_TRANSLATIONS"),
        ({"translations": []}, "INVALID_TRANSLATIONS"),
        ({"language": "de"}, "INVALID_CHOICE"),
        ({"consent_text": ""}, "BLANK"),
        ({"consent_text": "a" * 4001}, "MAX_LENGTH"),
        ({"colour": "red"}, "UNKNOWN_FIELD"),
    ],
)
def test_bad_input(client: APIClient, change: dict[str, Any], code: str) -> None:
    assert codes(client.post(URL, {**WORDS, **change})) == [(f"/{next(iter(change))}", code)]


def test_a_name_is_taken_once(business: Business, client: APIClient) -> None:
    make_form(business, name="Door")
    make_form(make_business(), name="Window")
    answer = client.post(URL, WORDS)
    assert (answer.status_code, answer.json()["code"]) == (409, "FORM_EXISTS")
    assert client.post(URL, {**WORDS, "name": "Window"}).status_code == 201


def test_a_form_that_tags_use_stays(business: Business, client: APIClient) -> None:
    tag = make_tag(business)
    answer = client.delete(f"{URL}{tag.form_id}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "FORM_IN_USE")
    assert client.delete(f"{URL}{make_form(business).pk}/").status_code == 204
    assert OptInForm.objects.count() == 1


def test_the_list_asks_few_questions(business: Business, client: APIClient) -> None:
    for _ in range(5):
        make_form(business)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(URL).json()["count"] == 5
    assert len(queries) == 4  # user, membership, count, page


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(InvalidForm):
        check_translations({"el": {**GREEK, "offer_text": "\ud800"}})
