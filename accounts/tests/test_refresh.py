"""Refresh tokens: rotation, races, reuse, log-out."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import RefreshSession, User
from accounts.services import sessions
from accounts.services.cleanup import forget_expired
from accounts.tests.factories import make_user

URL = "/api/v1/auth/refresh/"


def open_session() -> sessions.SessionTokens:
    return sessions.open_session(user=make_user())


def refresh(token: str) -> Any:
    return APIClient().post(URL, {"refresh": token, "return_refresh": True})


def works(access: str) -> bool:
    answer = APIClient().get("/api/v1/me/", headers={"Authorization": f"Bearer {access}"})
    return answer.status_code == 200


def after(**span: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**span), tick=False)


@pytest.mark.django_db
def test_exchanges_the_token_for_a_new_pair() -> None:
    old = open_session()

    new = refresh(old.refresh).json()

    assert works(new["access"])
    assert new["refresh"] != old.refresh
    assert refresh(new["refresh"]).status_code == 200


@pytest.mark.django_db
def test_works_by_cookie_alone_and_sets_the_next_one() -> None:
    client = APIClient()
    client.cookies["tapline_refresh"] = open_session().refresh

    for _ in range(2):
        answer = client.post(URL)
        assert answer.status_code == 200
        assert set(answer.json()) == {"access"}


@pytest.mark.django_db
def test_a_form_of_another_site_cannot_use_the_cookie() -> None:
    client = APIClient()
    client.cookies["tapline_refresh"] = open_session().refresh

    for content_type in ("application/x-www-form-urlencoded", "text/plain"):
        answer = client.post(URL, "", content_type=content_type)
        assert answer.status_code == 415
    assert client.post(URL).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_at_once_one_wins_and_its_answer_is_good() -> None:
    old = open_session()
    barrier = Barrier(16)

    def use(_: int) -> Any:
        barrier.wait()
        try:
            answer = refresh(old.refresh)
            return answer.status_code, answer.json()
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(use, range(16)))

    won = [body for status, body in answers if status == 200]
    lost = [body["code"] for status, body in answers if status == 409]
    assert len(won) == 1
    assert lost == ["REFRESH_CONFLICT"] * 15
    assert works(won[0]["access"])
    assert refresh(won[0]["refresh"]).status_code == 200


@pytest.mark.django_db
def test_a_later_reuse_closes_the_whole_session() -> None:
    old = open_session()
    new = refresh(old.refresh).json()

    with after(seconds=11):
        answer = refresh(old.refresh)
        assert (answer.status_code, answer.json()["code"]) == (401, "REFRESH_REUSED")
        assert not works(new["access"])
        assert refresh(new["refresh"]).json()["code"] == "REFRESH_INVALID"


@pytest.mark.django_db
def test_a_reuse_harms_no_other_session_of_the_user() -> None:
    user = make_user()
    stolen, other = (sessions.open_session(user=user) for _ in range(2))
    refresh(stolen.refresh)

    with after(seconds=11):
        refresh(stolen.refresh)

        assert refresh(other.refresh).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"refresh": "unknown"}, {"refresh": "x" * 100}])
def test_without_a_known_token_it_asks_to_log_in(body: dict[str, Any]) -> None:
    answer = APIClient().post(URL, body)

    assert (answer.status_code, answer.json()["code"]) == (401, "REFRESH_INVALID")


@pytest.mark.django_db
@pytest.mark.parametrize("token", [None, [], "", "x" * 101, "\x00", "\ud800"])
def test_a_malformed_token_is_a_bad_request(token: Any) -> None:
    body = json.dumps({"refresh": token})
    answer = APIClient().post(URL, body, content_type="application/json")

    assert answer.json()["errors"][0]["pointer"] == "/refresh"


@pytest.mark.django_db
def test_a_token_expires() -> None:
    token = open_session().refresh

    with after(days=31):
        assert refresh(token).json()["code"] == "REFRESH_INVALID"


@pytest.mark.django_db
def test_an_inactive_user_gets_no_new_pair() -> None:
    token = open_session().refresh
    User.objects.update(is_active=False)

    assert refresh(token).json()["code"] == "REFRESH_INVALID"


@pytest.mark.django_db
def test_log_out_ends_refresh_and_access() -> None:
    client = APIClient()
    pair = open_session()
    client.cookies["tapline_refresh"] = pair.refresh

    answer = client.post("/api/v1/auth/logout/")

    assert answer.status_code == 204
    assert answer.cookies["tapline_refresh"].value == ""
    assert not works(pair.access)
    assert refresh(pair.refresh).json()["code"] == "REFRESH_INVALID"


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"refresh": "unknown"}])
def test_log_out_without_a_session_is_no_error(body: dict[str, Any]) -> None:
    assert APIClient().post("/api/v1/auth/logout/", body).status_code == 204


@pytest.mark.django_db
def test_a_rotation_that_commits_after_the_log_out_is_of_no_use() -> None:
    old = open_session()
    new = sessions.refresh_session(refresh=old.refresh)
    # The log-out saw only the first row: the second one was not committed yet.
    RefreshSession.objects.exclude(used_at=None).update(revoked_at=timezone.now())

    assert not works(new.access)
    assert refresh(new.refresh).json()["code"] == "REFRESH_INVALID"


@pytest.mark.django_db
def test_expired_sessions_are_forgotten() -> None:
    open_session()

    forget_expired()
    assert RefreshSession.objects.count() == 1
    with after(days=31):
        forget_expired()
    assert not RefreshSession.objects.exists()
