"""Every limit of the contract, at its endpoint: exactly n pass, and n + 1 is refused."""

import json
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import tokens
from accounts.models import User
from accounts.tests.factories import api_client, make_business, make_member
from config.embedded import programs
from config.embedded.supervisor import Supervisor
from messaging import optout
from messaging.models import Message
from messaging.tests.factories import make_expanded
from nfc.models import Tag
from nfc.tests.factories import make_tag
from rediskit import ratelimits

CONTRACT = {
    "login:ip": (20, 600),
    "login:email": (10, 600),
    "register:ip": (30, 600),
    "register:email": (10, 600),
    "reset:ip": (20, 600),
    "reset:email": (5, 3600),
    "refresh:ip": (300, 600),
    "logout:ip": (120, 600),
    "contacts:write:ip": (60, 60),
    "admin:login:ip": (20, 600),
    "unsubscribe:ip": (20, 60),
    "unsubscribe:token": (5, 86_400),
    "nfc:config:ip": (60, 60),
    "nfc:submit:ip": (30, 60),
    "nfc:submit:phone": (5, 3600),
    "nfc:submit:prefix": (100, 3600),
    "tracking:ip": (60, 60),
    "tracking:id": (10, 60),
    "tracking:redeem:ip": (30, 60),
}
HERE = "192.0.2.7"
_numbers = count(1)


def elsewhere() -> str:
    return f"198.51.100.{next(_numbers) % 250 + 1}"


def somebody() -> str:
    return f"{next(_numbers)}@example.com"


def post(path: str, ip: str, **body: str) -> Any:
    return APIClient(REMOTE_ADDR=ip).post(f"/api/v1/{path}", body)


def admin_log_in(ip: str) -> Any:
    body = {"username": somebody(), "password": "wrong"}
    return Client(REMOTE_ADDR=ip).post("/admin/login/", body)


def opt_out(token: str, ip: str) -> Any:
    return Client(REMOTE_ADDR=ip).post(f"/u/{token}")


def look(path: str, ip: str) -> Any:
    return Client(REMOTE_ADDR=ip).get(path)


def redeem(ip: str) -> Any:
    client = api_client(make_member(make_business()))
    return client.post("/api/v1/tracking/redeem/", {"tracking_id": "x"}, REMOTE_ADDR=ip)


def sign_up(phone: str, ip: str, *, path: str = "") -> Any:
    body = {"phone": phone, "consent": True}
    url = f"{path or make_tag().path}submit/"
    return Client(REMOTE_ADDR=ip).post(url, body, content_type="application/json")


# One request that counts by the rule, and by no other that would refuse it earlier.
ASK: dict[str, Callable[[], Any]] = {
    "login:ip": lambda: post("auth/login/", HERE, email=somebody(), password="x"),
    "login:email": lambda: post("auth/login/", elsewhere(), email="a@b.com", password="x"),
    "register:ip": lambda: post("auth/register/", HERE, email=somebody()),
    "register:email": lambda: post("auth/register/", elsewhere(), email="a@b.com"),
    "reset:ip": lambda: post("auth/password/reset/", HERE, email=somebody()),
    "reset:email": lambda: post("auth/password/reset/", elsewhere(), email="a@b.com"),
    "refresh:ip": lambda: post("auth/refresh/", HERE),
    "logout:ip": lambda: post("auth/logout/", HERE),
    "admin:login:ip": lambda: admin_log_in(HERE),
    "unsubscribe:ip": lambda: opt_out(f"token{next(_numbers)}", HERE),
    "unsubscribe:token": lambda: opt_out("token", elsewhere()),
    "nfc:config:ip": lambda: look(f"/nfc/nobody{next(_numbers)}/config/", HERE),
    "nfc:submit:ip": lambda: sign_up("", HERE, path="/nfc/nobody/"),
    "nfc:submit:phone": lambda: sign_up("694 123 4567", elsewhere()),
    "nfc:submit:prefix": lambda: sign_up(f"69412{next(_numbers):05}", elsewhere()),
    "tracking:ip": lambda: look(f"/o/nobody{next(_numbers)}", HERE),
    "tracking:id": lambda: look("/tracking/offer/nobody/", elsewhere()),
    "tracking:redeem:ip": lambda: redeem(HERE),
}


@pytest.fixture
def quick(settings: Settings) -> Iterator[None]:
    """Cheap passwords, and no window that ends in the middle of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with time_machine.travel(timezone.now(), tick=False):
        yield


def test_the_limits_are_those_of_the_contract() -> None:
    assert django_settings.RATE_LIMITS == CONTRACT
    assert set(ASK) | {"contacts:write:ip"} == set(CONTRACT)


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("scope", ASK)
def test_exactly_so_many_pass(scope: str) -> None:
    limit, period = CONTRACT[scope]
    passed = {ASK[scope]().status_code for _ in range(limit)}
    refused = ASK[scope]()

    assert 429 not in passed
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= period
    assert refused["RateLimit-Policy"] == f'"{scope}";q={limit};w={period}'


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_every_write_of_contacts_counts_and_reads_do_not() -> None:
    client = api_client(make_member(make_business()))
    contact = client.post("/api/v1/contacts/", {"phone": "6944123456"}).json()
    changes: list[Callable[[], Any]] = [
        lambda: client.patch(f"/api/v1/contacts/{contact['id']}/", {"first_name": "Maria"}),
        lambda: client.post(f"/api/v1/contacts/{contact['id']}/unsubscribe/"),
        lambda: client.post("/api/v1/contacts/imports/"),
        lambda: client.post("/api/v1/lists/", {"name": f"List {next(_numbers)}"}),
    ]
    for number in range(59):
        assert changes[number % 4]().status_code != 429
    for change in changes:
        assert change().json()["code"] == "RATE_LIMITED"
    assert client.get("/api/v1/contacts/").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_strangers_do_not_use_up_the_writes_of_a_neighbour() -> None:
    for _ in range(70):
        assert APIClient().post("/api/v1/contacts/", {}).status_code == 401
    client = api_client(make_member(make_business()))
    assert client.post("/api/v1/contacts/", {"phone": "6944123456"}).status_code == 201


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_the_admin_refuses_with_a_page_and_lets_the_good_ones_be() -> None:
    User.objects.create_superuser("root@example.com", "correct horse battery")
    good = {"username": "root@example.com", "password": "correct horse battery"}
    for _ in range(25):
        assert Client(REMOTE_ADDR=HERE).post("/admin/login/", good).status_code == 302
    for _ in range(20):
        admin_log_in(HERE)

    page = Client(REMOTE_ADDR=HERE).post("/admin/login/", good)
    assert page.status_code == 429
    assert "<h1>" in page.text
    assert "Try again in" in page.text
    assert Client(REMOTE_ADDR=HERE).get("/admin/login/").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("quick")
def test_a_valid_opt_out_is_never_refused() -> None:
    make_expanded(contacts=1)
    token = optout.make_token(Message.objects.get().public_id)
    for _ in range(30):
        opt_out("nonsense", HERE)

    page = opt_out("nonsense", HERE)
    assert page.status_code == 429
    assert "still works" in page.text
    assert page["Cache-Control"] == "no-store"
    for _ in range(30):
        assert opt_out(token, HERE).status_code == 200


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def two_webs(
    request: pytest.FixtureRequest, program_environment: dict[str, str], supervisor: Supervisor
) -> list[str]:
    """Two web servers, as different machines would be; their addresses."""
    environment = program_environment | {"WEB_PROCESSES": "2"} | request.param
    urls = []
    for name in ("web one", "web two"):
        port = free_port()
        web = programs.web("127.0.0.1", port, environment, probe="/livez")
        service = replace(web, name=name)
        supervisor.start([service])
        supervisor.wait_until_answering([service])
        urls.append(programs.local_url("127.0.0.1", port))
    return urls


JSON = {"Content-Type": "application/json"}
GET = {"method": "GET"}
CSRF = "0123456789abcdefghijklmnopqrstuv"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={CSRF}"}
LOG_IN = "/api/v1/auth/login/"
REGISTER = "/api/v1/auth/register/"
RESET = "/api/v1/auth/password/reset/"
TAG = "a" * 16
# Path, body and headers of a request that counts by the rule, and for whom it counts.
REQUESTS = {
    "login:ip": (LOG_IN, '{"email": "SOMEBODY@b.com", "password": "x"}', JSON, "127.0.0.1"),
    "login:email": (LOG_IN, '{"email": "a@b.com", "password": "x"}', JSON, "a@b.com"),
    "register:ip": (REGISTER, '{"email": "SOMEBODY@b.com"}', JSON, "127.0.0.1"),
    "register:email": (REGISTER, '{"email": "a@b.com"}', JSON, "a@b.com"),
    "reset:ip": (RESET, '{"email": "SOMEBODY@b.com"}', JSON, "127.0.0.1"),
    "reset:email": (RESET, '{"email": "a@b.com"}', JSON, "a@b.com"),
    "refresh:ip": ("/api/v1/auth/refresh/", "{}", JSON, "127.0.0.1"),
    "logout:ip": ("/api/v1/auth/logout/", "{}", JSON, "127.0.0.1"),
    "contacts:write:ip": ("/api/v1/contacts/", "{}", JSON, "127.0.0.1"),
    "admin:login:ip": (
        "/admin/login/",
        f"csrfmiddlewaretoken={CSRF}&username=SOMEBODY&password=x",
        FORM,
        "127.0.0.1",
    ),
    "unsubscribe:ip": ("/u/SOMEBODY", "", {}, "127.0.0.1"),
    "unsubscribe:token": ("/u/token", "", {}, "token"),
    "nfc:config:ip": ("/nfc/SOMEBODY/config/", "", GET, "127.0.0.1"),
    "nfc:submit:ip": ("/nfc/nobody/submit/", "{}", JSON, "127.0.0.1"),
    "nfc:submit:phone": (
        f"/nfc/{TAG}/submit/",
        '{"phone": "6941234567", "consent": true}',
        JSON,
        "+306941234567",
    ),
    "tracking:ip": ("/o/SOMEBODY", "", GET, "127.0.0.1"),
    "tracking:id": ("/tracking/offer/nobody/", "", GET, "nobody"),
    "tracking:redeem:ip": ("/api/v1/tracking/redeem/", "{}", JSON, "127.0.0.1"),
}


def hammer(urls: list[str], scope: str, *, access: str, times: int) -> Counter[int]:
    """The statuses that eight processes got, each asking so many times, all at once."""
    path, body, headers, _ = REQUESTS[scope]
    headers = headers | {"Authorization": f"Bearer {access}"}
    script = Path(__file__).with_name("hammer.py")
    clients = [
        subprocess.Popen(
            [sys.executable, script, str(times), f"{url}{path}", body, json.dumps(headers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for url in (urls * 8)[:8]
    ]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
    wait_for_a_long_window(scope)
    statuses: Counter[int] = Counter()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("go\n")
        client.stdin.flush()
    for client in clients:
        output, _ = client.communicate(timeout=120)
        assert client.returncode == 0
        statuses.update(json.loads(output))
    return statuses


@pytest.fixture
def access(transactional_db: None) -> str:
    user = make_member(make_business())
    Tag.objects.filter(pk=make_tag().pk).update(public_id=TAG)
    return tokens.sign_access(user_id=user.pk, family=uuid.uuid4(), now=timezone.now())


def wait_for_a_long_window(scope: str) -> None:
    """Lest a window ends in the middle of the test."""
    left = ratelimits.look_up(scope, REQUESTS[scope][3]).resets_in
    if left < 20:
        time.sleep(left)


@pytest.mark.parametrize("two_webs", [{}], indirect=True)
def test_eight_processes_against_two_servers_share_a_limit_exactly(
    two_webs: list[str], access: str
) -> None:
    # So many numbers of one range cannot come from one address: another limit refuses them first.
    assert set(REQUESTS) == set(CONTRACT) - {"nfc:submit:prefix"}
    # By address last: else it would refuse what is to be counted by something else.
    for scope in sorted(REQUESTS, key=lambda scope: scope.endswith(":ip")):
        limit, _ = CONTRACT[scope]
        if scope.endswith(":ip"):
            ratelimits.reset(scope, "127.0.0.1")
        times = limit // 8 + 1
        statuses = hammer(two_webs, scope, access=access, times=times)
        assert statuses[429] == 8 * times - limit, (scope, statuses)


@pytest.mark.parametrize(
    "two_webs", [{"RATELIMIT_REDIS_URL": "redis://127.0.0.1:9/0"}], indirect=True
)
def test_without_redis_two_servers_admit_about_the_limit(two_webs: list[str], access: str) -> None:
    statuses = hammer(two_webs, "logout:ip", access=access, times=25)
    assert set(statuses) == {204, 429}
    assert 60 <= statuses[204] <= 180
