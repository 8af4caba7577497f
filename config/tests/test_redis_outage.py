"""What users of the web server notice when its Redis, cache and broker in one, is hurt.

An outage lasts until the requests of its time are answered: one that waited for its end would fail.
How long they take is measured by `run.py bench outage`.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import tokens
from accounts.tests.factories import make_business, make_member
from campaigns.models import Campaign
from config.tests import running
from contacts.tests.factories import make_contact
from rediskit.failover import PROBE_INTERVAL
from rediskit.tests.servers import RedisServer, forget_broker

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 4
READS = 50  # during an outage


@dataclass(frozen=True)
class Answer:
    status: int
    cache: str | None


@dataclass
class Site:
    """A client of the real web server, as a manager of a business with a campaign."""

    url: str
    campaign: Campaign
    authorization: str
    answers: list[Answer] = field(default_factory=list)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return Answer(response.status, response.headers["X-Cache"])

    def read_list(self) -> Answer:
        return self.request("GET", "/api/v1/campaigns/")

    def rename(self) -> Answer:
        """Drops what is cached of the list."""
        path = f"/api/v1/campaigns/{self.campaign.pk}/"
        return self.request("PATCH", path, {"name": f"at {time.monotonic()}"})

    def wait_for_hit(self) -> None:
        running.wait_for(lambda: self.read_list().cache == "hit", seconds=60)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Clients read, one of them writes, until the end."""
        done = threading.Event()

        def run(ask: Callable[[], Answer], pause: float) -> None:
            while not done.is_set():
                self.answers.append(ask())
                time.sleep(pause)

        with ThreadPoolExecutor(CLIENTS + 1) as executor:
            clients = [executor.submit(run, self.read_list, 0.03) for _ in range(CLIENTS)]
            clients.append(executor.submit(run, self.rename, 0.2))
            try:
                yield
            finally:
                done.set()
        for client in clients:
            client.result()


@pytest.fixture
def server(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """What the programs of this test use as cache and broker."""
    redis_server.start("--databases", "2", "--maxmemory-policy", "volatile-lru")
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("CACHE_TTL_CAMPAIGN_LIST", "60")  # no misses of their own meanwhile
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url.removesuffix("0") + "1")
    forget_broker()
    return redis_server


@pytest.fixture
def site(
    server: RedisServer,
    request: pytest.FixtureRequest,
) -> Site:
    url: str = request.getfixturevalue("live_web")
    business = make_business()
    make_contact(business)
    manager = make_member(business)
    campaign = Campaign.objects.create(business=business, name="Sale", text="Hello")
    access = tokens.sign_access(user_id=manager.pk, family=uuid.uuid4(), now=timezone.now())
    return Site(url, campaign, f"Bearer {access}")


def stop(server: RedisServer) -> None:
    server.stop()


def pause(server: RedisServer) -> None:
    server.pause()


def make_replica(server: RedisServer) -> None:
    server.admin().replicaof("127.0.0.1", "9")


def start(server: RedisServer) -> None:
    server.start()


def resume(server: RedisServer) -> None:
    server.resume()


def make_master(server: RedisServer) -> None:
    server.admin().replicaof("NO", "ONE")


outages = pytest.mark.parametrize(
    ("hurt", "heal"), [(stop, start), (pause, resume), (make_replica, make_master)]
)


@outages
def test_users_hardly_notice_an_outage(
    site: Site,
    server: RedisServer,
    hurt: Callable[[RedisServer], None],
    heal: Callable[[RedisServer], None],
) -> None:
    with site.busy():
        site.wait_for_hit()
        hurt(server)
        during = [site.read_list() for _ in range(READS)]
        heal(server)
        site.wait_for_hit()

    assert {each.status for each in [*site.answers, *during]} == {200}


@outages
def test_nothing_comes_from_a_server_that_fails(
    site: Site,
    server: RedisServer,
    hurt: Callable[[RedisServer], None],
    heal: Callable[[RedisServer], None],
) -> None:
    site.wait_for_hit()
    hurt(server)
    site.rename()
    first = site.read_list()
    time.sleep(PROBE_INTERVAL)
    probe = site.read_list()
    assert first == probe == Answer(200, "miss")

    heal(server)
    site.wait_for_hit()


def test_hardly_any_request_waits_for_a_server_that_hangs(site: Site, server: RedisServer) -> None:
    site.wait_for_hit()
    before = server.connections_received()
    server.pause()
    during = [site.read_list() for _ in range(READS)]
    server.resume()

    assert {(each.status, each.cache) for each in during} == {(200, "miss")}
    # Whoever waits in vain gives up the connection, and the next one opens another.
    assert server.connections_received() - before < READS / 2


def test_killed_connections_are_not_noticed(site: Site, server: RedisServer) -> None:
    with site.busy():
        for _ in range(10):
            time.sleep(0.2)
            server.kill_connections()
    assert {each.status for each in site.answers} == {200}

    site.wait_for_hit()
    for _ in range(10):
        server.kill_connections()
        assert site.read_list() == Answer(200, "hit")


def test_connections_stay_within_the_pool_and_go_with_the_process(
    site: Site, server: RedisServer, request: pytest.FixtureRequest
) -> None:
    with site.busy():
        site.wait_for_hit()
        of_cache = [each for each in server.connections() if each["db"] == "0"]
    assert 1 <= len(of_cache) <= settings.REDIS_POOL_SIZE

    request.getfixturevalue("supervisor").stop()
    running.wait_for(lambda: not server.connections(), seconds=60)


def test_a_site_starts_without_redis_and_uses_it_once_it_is_there(
    server: RedisServer, request: pytest.FixtureRequest
) -> None:
    server.stop()
    site: Site = request.getfixturevalue("site")
    for _ in range(3):
        answer = site.read_list()
        assert (answer.status, answer.cache) == (200, "miss")

    server.start("--databases", "2")
    site.wait_for_hit()


def test_ringing_a_broker_that_hangs_costs_little(site: Site, server: RedisServer) -> None:
    """Launching rings the scheduler: the answer comes all the same, a sweep will launch it."""
    path = f"/api/v1/campaigns/{site.campaign.pk}/send/"
    server.pause()

    assert site.request("POST", path).status < 300
    assert site.request("GET", f"/api/v1/campaigns/{site.campaign.pk}/").status == 200
    server.resume()
