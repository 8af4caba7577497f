"""Registration: who may, what comes out, and what is refused."""

from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Business, User
from accounts.services.businesses import derive_sender_name
from accounts.tests.factories import make_user

pytestmark = pytest.mark.django_db
GOOD = {
    "email": "Ann@Example.com",
    "password": "correct horse battery",
    "business_name": "Καφέ Central",
    "time_zone": "Europe/Athens",
    "country": "GR",
}


@pytest.fixture(autouse=True)
def _open(settings: Settings) -> None:
    settings.REGISTRATION = "open"


def register(**changes: object) -> Any:
    return APIClient().post("/api/v1/auth/register/", GOOD | changes)


def test_opens_an_account_and_a_business() -> None:
    answer = register()

    assert answer.status_code == 201
    body = answer.json()
    assert body["user"]["email"] == "ann@example.com"
    assert body["user"]["businesses"][0]["role"] == "owner"
    assert body["business"]["sender_name"] == "Central"
    assert body["business"]["time_zone"] == "Europe/Athens"
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    assert client.get("/api/v1/business/").json() == body["business"]


@pytest.mark.parametrize("cap", [0, 1_000_000])
def test_the_cap_is_the_operators_choice(settings: Settings, cap: int) -> None:
    settings.DEFAULT_DAILY_CAP = cap

    assert register().json()["business"]["daily_message_cap"] == cap


@pytest.mark.parametrize("mode", ["closed", "invite"])
def test_is_refused_where_it_is_not_open(settings: Settings, mode: str) -> None:
    settings.REGISTRATION = mode

    answer = register()

    assert (answer.status_code, answer.json()["code"]) == (403, "REGISTRATION_CLOSED")
    assert not User.objects.exists()


def test_a_known_address_is_refused_and_nothing_is_made() -> None:
    make_user("ann@example.com")

    answer = register()

    assert (answer.status_code, answer.json()["code"]) == (409, "EMAIL_TAKEN")
    assert not Business.objects.exists()


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"email": "ann"}, "/email", "INVALID"),
        ({"email": None}, "/email", "NULL"),
        ({"password": "short"}, "/password", "PASSWORD_TOO_SHORT"),
        ({"password": "12345678901"}, "/password", "PASSWORD_ENTIRELY_NUMERIC"),
        ({"password": "ann@example.com"}, "/password", "PASSWORD_TOO_SIMILAR"),
        ({"password": "password123"}, "/password", "PASSWORD_TOO_COMMON"),
        ({"password": "a\x00bcdefghijkl"}, "/password", "NULL_CHARACTERS_NOT_ALLOWED"),
        ({"business_name": " "}, "/business_name", "BLANK"),
        ({"business_name": "x" * 121}, "/business_name", "MAX_LENGTH"),
        ({"sender_name": "ab"}, "/sender_name", "INVALID_SENDER"),
        ({"sender_name": "Καφέ"}, "/sender_name", "INVALID_SENDER"),
        ({"time_zone": "Athens"}, "/time_zone", "INVALID_TIME_ZONE"),
        ({"time_zone": "../etc/passwd"}, "/time_zone", "INVALID_TIME_ZONE"),
        ({"time_zone": "EET"}, "/time_zone", "INVALID_TIME_ZONE"),  # the database's has no summer
        ({"country": "gr"}, "/country", "INVALID_COUNTRY"),
        ({"is_superuser": True}, "/is_superuser", "UNKNOWN_FIELD"),
        ({"daily_message_cap": 5}, "/daily_message_cap", "UNKNOWN_FIELD"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], pointer: str, code: str) -> None:
    answer = register(**changes)

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    errors = {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert (pointer, code) in errors
    assert not User.objects.exists()


def test_asks_for_a_sender_name_that_it_cannot_derive() -> None:
    answer = register(business_name="Καφέ")

    assert (answer.status_code, answer.json()["code"]) == (400, "SENDER_NAME_REQUIRED")
    assert answer.json()["errors"][0]["pointer"] == "/sender_name"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ("Demo Store", "DemoStore"),
        ("Café du Marché & Cie", "CafeduMarch"),
        ("2020", "2020"),
        ("A1", ""),
        ("Φούρνος", ""),
    ],
)
def test_sender_names_are_derived(name: str, sender: str) -> None:
    assert derive_sender_name(name) == sender
