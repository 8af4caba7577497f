"""Limits on getting in: what counts, what does not, and who cannot be locked out."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.http import SimpleCookie
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.tests.factories import make_business, make_member, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> Iterator[None]:
    """Cheap passwords, and no window that ends in the middle of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with time_machine.travel(timezone.now(), tick=False):
        yield


def log_in(
    email: Any = "ann@example.com",
    password: str = "wrong",  # noqa: S107
    *,
    client: APIClient | None = None,
    ip: str = "192.0.2.7",
    headers: dict[str, str] | None = None,
) -> Any:
    body = {"email": email, "password": password}
    client = client or APIClient()
    return client.post("/api/v1/auth/login/", body, REMOTE_ADDR=ip, headers=headers)


def statuses(number: int, **options: Any) -> list[int]:
    return [log_in(**options).status_code for _ in range(number)]


def fail_everywhere(email: str, number: int) -> list[int]:
    """Each try from another address."""
    return [log_in(email, ip=f"198.51.100.{n}").status_code for n in range(1, number + 1)]


def test_a_refusal_is_a_problem_that_names_its_end() -> None:
    statuses(10)
    answer = log_in()

    problem = answer.json()
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (429, "RATE_LIMITED")
    seconds = int(answer["Retry-After"])
    assert 0 < seconds <= 600
    assert f"{seconds} seconds" in problem["detail"]
    assert answer["RateLimit"] == f'"login:email";r=0;t={seconds}'
    assert answer["RateLimit-Policy"] == '"login:email";q=10;w=600'


def test_each_email_in_a_json_body_has_its_own_count() -> None:
    assert fail_everywhere("ann@example.com", 11) == [401] * 10 + [429]
    assert fail_everywhere("bob@example.com", 11) == [401] * 10 + [429]


@pytest.mark.parametrize("spelling", ["ANN@example.com", " ann@example.com ", "Ann@Example.COM"])
def test_spelling_does_not_help(spelling: str) -> None:
    fail_everywhere("ann@example.com", 10)
    assert log_in(spelling).status_code == 429


@pytest.mark.parametrize(
    "header", ["203.0.113.9", "203.0.113.9, 198.51.100.1", "", "\x00", "garbage", "::1", "," * 500]
)
def test_a_made_up_forwarding_changes_nothing(header: str) -> None:
    headers = {"X-Forwarded-For": header, "Forwarded": f"for={header}", "X-Real-IP": header}
    seen = [log_in(f"{n}@example.com", headers=headers).status_code for n in range(21)]
    assert seen == [401] * 20 + [429]


def test_an_address_in_ipv6_clothes_is_the_same() -> None:
    seen = [log_in(f"{n}@example.com").status_code for n in range(20)]
    assert 429 not in seen
    assert log_in("x@example.com", ip="::ffff:192.0.2.7").status_code == 429
    assert log_in("x@example.com", ip="192.0.2.8").status_code == 401


def test_neighbours_in_a_64_are_one() -> None:
    seen = [log_in(f"{n}@example.com", ip=f"2001:db8:1:2::{n:x}").status_code for n in range(21)]
    assert seen == [401] * 20 + [429]
    assert log_in("x@example.com", ip="2001:db8:1:3::1").status_code == 401


def test_a_refused_try_costs_no_hashing(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    hashed = []

    def encode(self: Argon2PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return "no hash"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)
    statuses(12)
    assert len(hashed) == 10


def test_logging_in_takes_its_counts_back() -> None:
    make_user("ann@example.com", password=PASSWORD)
    assert [log_in(password=PASSWORD).status_code for _ in range(25)] == [200] * 25
    assert statuses(11) == [401] * 10 + [429]


def test_a_good_password_is_refused_too_while_the_limit_is_used_up() -> None:
    make_user("ann@example.com", password=PASSWORD)
    fail_everywhere("ann@example.com", 10)
    assert log_in(password=PASSWORD).status_code == 429


def test_a_browser_that_has_logged_in_before_cannot_be_locked_out() -> None:
    make_user("ann@example.com", password=PASSWORD)
    browser = APIClient()
    log_in(password=PASSWORD, client=browser)
    cookie = browser.cookies["tapline_device"]
    fail_everywhere("ann@example.com", 12)

    assert log_in(password=PASSWORD).status_code == 429
    assert log_in(password=PASSWORD, client=browser).status_code == 200
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    assert cookie["path"] == "/api/v1/auth/"
    assert "ann" not in cookie.value


def test_that_browser_is_limited_by_its_address_like_any_other() -> None:
    make_user("ann@example.com", password=PASSWORD)
    browser = APIClient()
    log_in(password=PASSWORD, client=browser)
    assert statuses(21, client=browser) == [401] * 20 + [429]


def test_that_browser_has_no_privilege_at_other_accounts() -> None:
    make_user("eve@example.com", password=PASSWORD)
    make_user("ann@example.com", password=PASSWORD)
    browser = APIClient()
    log_in("eve@example.com", PASSWORD, client=browser)
    fail_everywhere("ann@example.com", 10)
    assert log_in("ann@example.com", PASSWORD, client=browser).status_code == 429


def test_people_may_share_a_browser() -> None:
    browser = APIClient()
    emails = [f"{number}@example.com" for number in range(5)]
    for email in emails:
        make_user(email, password=PASSWORD)
        log_in(email, PASSWORD, client=browser)
    for email in emails:
        fail_everywhere(email, 10)
        assert log_in(email, PASSWORD, client=browser, ip="203.0.113.1").status_code == 200


@pytest.mark.parametrize("forged", ["x", "W10:1:x", '["5f"]', "\x00", "a" * 5000])
def test_a_forged_cookie_is_worth_nothing(forged: str) -> None:
    make_user("ann@example.com", password=PASSWORD)
    fail_everywhere("ann@example.com", 10)
    client = APIClient()
    client.cookies = SimpleCookie({"tapline_device": forged})
    assert log_in(password=PASSWORD, client=client).status_code == 429


@pytest.mark.parametrize("email", [None, 7, ["ann@example.com"], {}, "", "x" * 100_000])
def test_bodies_that_are_no_log_in_are_refused_as_such(email: Any) -> None:
    assert log_in(email).status_code == 400


@pytest.mark.parametrize("body", ["[]", '"x"', "{", "null", r'{"email": "\ud800@x"}'])
def test_bodies_that_are_no_object_are_refused_as_such(body: str) -> None:
    answer = APIClient().post("/api/v1/auth/login/", body, content_type="application/json")
    assert answer.status_code == 400


def test_registering_counts_even_if_it_succeeds(settings: Settings) -> None:
    settings.REGISTRATION = "open"
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "register:ip": (2, 600)}
    seen = []
    for number in range(3):
        body = {
            "email": f"{number}@example.com", "password": PASSWORD, "business_name": "Bakery",
        }  # fmt: skip
        answer = APIClient().post("/api/v1/auth/register/", body)
        seen.append(answer.status_code)
    assert seen == [201, 201, 429]


def test_who_registers_is_known_to_the_log_in(settings: Settings) -> None:
    settings.REGISTRATION = "open"
    browser = APIClient()
    body = {"email": "ann@example.com", "password": PASSWORD, "business_name": "Bakery"}
    assert browser.post("/api/v1/auth/register/", body).status_code == 201
    fail_everywhere("ann@example.com", 10)
    assert log_in(password=PASSWORD, client=browser).status_code == 200


def test_other_endpoints_go_on(settings: Settings) -> None:
    member = make_member(make_business(), password=PASSWORD, email="ann@example.com")
    access = log_in(password=PASSWORD).json()["access"]
    statuses(20)
    client = APIClient(REMOTE_ADDR="192.0.2.7")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert client.get("/api/v1/me/").json()["id"] == member.pk
