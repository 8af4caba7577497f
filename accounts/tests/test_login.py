"""Logging in: the same answer whatever is wrong, and what a good one holds."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.contrib.auth.hashers import get_hasher
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import RefreshSession, User
from accounts.services import sessions
from accounts.tests.factories import api_client, make_business, make_member, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def log_in(email: str, password: str = PASSWORD, **fields: object) -> Any:
    body = {"email": email, "password": password, **fields}
    return APIClient().post("/api/v1/auth/login/", body)


def test_answers_access_user_and_business() -> None:
    business = make_business()
    user = make_member(business, email="ann@example.com", password=PASSWORD)

    answer = log_in("ANN@example.com")

    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "user", "business"}
    assert answer.json()["user"]["id"] == user.pk
    assert answer.json()["business"]["id"] == business.pk
    assert answer["Cache-Control"] == "no-store"


def test_access_token_opens_the_api() -> None:
    make_member(make_business(), email="ann@example.com", password=PASSWORD)
    access = log_in("ann@example.com").json()["access"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")

    assert client.get("/api/v1/me/").json()["email"] == "ann@example.com"


def test_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    make_user("ann@example.com", password=PASSWORD)

    cookie = log_in("ann@example.com").cookies["tapline_refresh"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/api/v1/auth/"
    assert not cookie["secure"]


def test_cookie_is_secure_where_the_site_is(settings: Settings) -> None:
    settings.SECURE = True
    make_user("ann@example.com", password=PASSWORD)

    assert log_in("ann@example.com").cookies["tapline_refresh"]["secure"]


def test_refresh_token_is_in_the_body_only_when_asked_for() -> None:
    make_user("ann@example.com", password=PASSWORD)

    assert "refresh" not in log_in("ann@example.com").json()
    refresh = log_in("ann@example.com", return_refresh=True).json()["refresh"]
    assert not RefreshSession.objects.filter(token_hash=refresh).exists()


@pytest.mark.parametrize("case", ["unknown", "wrong", "inactive", "without password"])
def test_refusals_are_alike_and_cost_the_same_hashing(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("ann@example.com", password=PASSWORD)
    make_user("off@example.com", password=PASSWORD, is_active=False)
    make_user("none@example.com")
    email, password = {
        "unknown": ("nobody@example.com", PASSWORD),
        "wrong": ("ann@example.com", "something else"),
        "inactive": ("off@example.com", PASSWORD),
        "without password": ("none@example.com", PASSWORD),
    }[case]
    hashings: list[Any] = []
    hasher = type(get_hasher())
    for name in ("encode", "verify"):
        original = getattr(hasher, name)

        def counted(self: Any, *args: Any, original: Any = original) -> Any:
            hashings.append(original)
            return original(self, *args)

        monkeypatch.setattr(hasher, name, counted)

    answer = log_in(email, password)

    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_CREDENTIALS")
    assert answer.json()["errors"] == []
    assert len(hashings) == 1


def test_passwords_are_hashed_with_argon2() -> None:
    user = make_user("ann@example.com", password=PASSWORD)

    assert user.password.startswith("argon2$argon2id$")


def test_a_login_that_races_a_change_of_password_gets_no_session() -> None:
    user = make_user("ann@example.com", password=PASSWORD)
    stale = User.objects.get(pk=user.pk)
    user.set_password("another long phrase")
    user.save(update_fields=["password"])

    with pytest.raises(sessions.InvalidCredentials):
        sessions.open_session(user=stale)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "NOT_AUTHENTICATED"),
        ("Bearer", "INVALID_TOKEN"),
        ("Bearer nonsense", "INVALID_TOKEN"),
        ("Bearer \xff\xff", "INVALID_TOKEN"),
        ("Basic YTpi", "INVALID_TOKEN"),
    ],
)
def test_without_a_good_token_the_answer_names_the_reason(header: str, code: str) -> None:
    answer = APIClient().get("/api/v1/me/", headers={"Authorization": header} if header else {})

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_an_access_token_lasts_ten_minutes() -> None:
    client = api_client(make_user())

    with time_machine.travel(timezone.now() + timedelta(minutes=9), tick=False):
        assert client.get("/api/v1/me/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        answer = client.get("/api/v1/me/")
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_EXPIRED")


def test_a_token_signed_with_the_secret_key_itself_is_refused(settings: Settings) -> None:
    user = make_user()
    claims = jwt.decode(
        tokens.sign_access(user_id=user.pk, family=RefreshSession().family, now=timezone.now()),
        options={"verify_signature": False},
    )
    forged = jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")

    answer = APIClient().get("/api/v1/me/", headers={"Authorization": f"Bearer {forged}"})

    assert answer.json()["code"] == "INVALID_TOKEN"


def test_an_unsigned_token_is_refused() -> None:
    user = make_user()
    access = tokens.sign_access(user_id=user.pk, family=RefreshSession().family, now=timezone.now())
    claims = jwt.decode(access, options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none")

    answer = APIClient().get("/api/v1/me/", headers={"Authorization": f"Bearer {unsigned}"})

    assert answer.json()["code"] == "INVALID_TOKEN"


def test_a_user_made_inactive_is_out_at_once() -> None:
    user = make_user()
    client = api_client(user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.get("/api/v1/me/").json()["code"] == "INVALID_TOKEN"
