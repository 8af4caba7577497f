"""Changing a password, and setting a forgotten one by e-mail."""

import re
from typing import Any

import pytest
from django.core.mail import EmailMessage
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import passwords, sessions
from accounts.tasks import send_password_reset
from accounts.tests.factories import make_user

pytestmark = pytest.mark.django_db
OLD = "correct horse battery"
NEW = "staple under the moon"


def mailed_token(mails: list[EmailMessage]) -> str:
    found = re.search(r"http://localhost:8000/accounts/reset/(\S+)/", str(mails[-1].body))
    assert found
    return found[1]


def ask_for(email: Any) -> Any:
    return APIClient().post("/api/v1/auth/password/reset/", {"email": email})


def confirm(token: str, password: str = NEW) -> Any:
    body = {"token": token, "password": password}
    return APIClient().post("/api/v1/auth/password/reset/confirm/", body)


def test_asking_answers_alike_for_known_and_unknown() -> None:
    make_user("ann@example.com", password=OLD)

    known, unknown = ask_for("ann@example.com"), ask_for("nobody@example.com")

    assert (known.status_code, known.content) == (202, b"")
    assert (unknown.status_code, unknown.content) == (202, b"")


def test_the_mailed_token_sets_the_password_once(mailoutbox: list[EmailMessage]) -> None:
    user = make_user("ann@example.com", password=OLD)
    before = sessions.open_session(user=user)
    send_password_reset("Ann@Example.com")
    token = mailed_token(mailoutbox)

    assert confirm(token).status_code == 204

    user.refresh_from_db()
    assert user.check_password(NEW)
    with pytest.raises(sessions.RefreshInvalid):
        sessions.refresh_session(refresh=before.refresh)
    again = confirm(token, "yet another phrase")
    assert (again.status_code, again.json()["code"]) == (400, "RESET_TOKEN_INVALID")


def test_nobody_unknown_or_inactive_gets_a_mail(mailoutbox: list[EmailMessage]) -> None:
    make_user("off@example.com", password=OLD, is_active=False)

    send_password_reset("off@example.com")
    send_password_reset("nobody@example.com")

    assert not mailoutbox


@pytest.mark.parametrize(
    "token", ["x", "MQ.x", "MQ.", ".", "é.x", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5.x"]
)
def test_a_forged_token_is_refused(token: str) -> None:
    make_user(password=OLD)

    answer = confirm(token)

    assert (answer.status_code, answer.json()["code"]) == (400, "RESET_TOKEN_INVALID")


def test_a_weak_password_is_refused_and_the_token_stays_good(
    mailoutbox: list[EmailMessage],
) -> None:
    make_user("ann@example.com", password=OLD)
    send_password_reset("ann@example.com")
    token = mailed_token(mailoutbox)

    answer = confirm(token, "short")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert confirm(token).status_code == 204


def change(client: APIClient, current: str, new: str = NEW) -> Any:
    return client.post("/api/v1/me/password/", {"current_password": current, "new_password": new})


@pytest.fixture
def user() -> User:
    return make_user("ann@example.com", password=OLD)


def client_of(pair: sessions.SessionTokens) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    return client


def test_a_change_ends_every_other_session(user: User) -> None:
    mine, other = (sessions.open_session(user=user) for _ in range(2))

    answer = change(client_of(mine), OLD)

    assert answer.status_code == 200
    new = sessions.SessionTokens(access=answer.json()["access"], refresh="")
    assert client_of(new).get("/api/v1/me/").status_code == 200
    assert client_of(other).get("/api/v1/me/").status_code == 401
    with pytest.raises(sessions.RefreshInvalid):
        sessions.refresh_session(refresh=other.refresh)
    assert sessions.log_in(email="ann@example.com", password=NEW)


def test_a_change_needs_the_current_password(user: User) -> None:
    pair = sessions.open_session(user=user)

    answer = change(client_of(pair), "wrong")

    assert (answer.status_code, answer.json()["code"]) == (400, "WRONG_PASSWORD")
    assert answer.json()["errors"][0]["pointer"] == "/current_password"
    assert sessions.refresh_session(refresh=pair.refresh)


def test_a_change_to_a_weak_password_is_refused(user: User) -> None:
    answer = change(client_of(sessions.open_session(user=user)), OLD, "ann@example.com")

    assert answer.json()["errors"][0]["pointer"] == "/new_password"
    assert sessions.log_in(email="ann@example.com", password=OLD)


def test_of_two_changes_at_once_the_later_is_refused(user: User) -> None:
    stale = User.objects.get(pk=user.pk)
    passwords.change_password(user=user, current=OLD, new=NEW)

    with pytest.raises(passwords.WrongPassword):
        passwords.change_password(user=stale, current=OLD, new="yet another phrase")
