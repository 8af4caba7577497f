"""What users of the web server notice when its Redis, cache and broker in one, is hurt."""

import http.client
import json
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
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
from contacts.tests.factories import make_contact
from rediskit.tests.servers import RedisServer, forget_broker

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 4
WORST = 1.5  # seconds
MEDIAN = 0.02  # seconds above the normal one
RECOVERY = 3.5  # seconds: a probe every two, which may take half a second


@dataclass(frozen=True)
class Answer:
    at: float
    took: float
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
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        began = time.monotonic()
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        response.read()
        took = time.monotonic() - began
        connection.close()
        return Answer(began, took, response.status, response.headers["X-Cache"])

    def read_list(self) -> Answer:
        return self.request("GET", "/api/v1/campaigns/")

    def rename(self) -> Answer:
        """Drops what is cached of the list."""
        path = f"/api/v1/campaigns/{self.campaign.pk}/"
        return self.request("PATCH", path, {"name": f"at {time.monotonic()}"})

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Clients read, one of them writes, until the end."""
        done = threading.Event()

        def run(ask: Callable[[], Answer], pause: float) -> None:
            while not done.is_set():
                self.answers.append(ask())
                time.sleep(pause)

        readers = [(self.read_list, 0.03)] * CLIENTS
        threads = [
            threading.Thread(target=run, args=each) for each in [*readers, (self.rename, 0.2)]
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def median(self, since: float, until: float) -> float:
        """Of the calmest half second: what else this machine does is not asked."""
        slots: dict[int, list[float]] = {}
        for each in self.answers:
            if since < each.at < until:
                slots.setdefault(int((each.at - since) * 2), []).append(each.took)
        return min(statistics.median(took) for took in slots.values())

    def seconds_until_hit(self, since: float) -> float:
        return (
            min(
                each.at + each.took
                for each in self.answers
                if each.at > since and each.cache == "hit"
            )
            - since
        )


@pytest.fixture
def server(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """What the programs of this test use as cache and broker."""
    redis_server.start("--databases", "2", "--maxmemory-policy", "volatile-lru")
    monkeypatch.setenv("REDIS_URL", redis_server.url)
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


@pytest.mark.parametrize(
    ("hurt", "heal"), [(stop, start), (pause, resume), (make_replica, make_master)]
)
def test_users_hardly_notice_an_outage(
    site: Site,
    server: RedisServer,
    hurt: Callable[[RedisServer], None],
    heal: Callable[[RedisServer], None],
) -> None:
    with site.busy():
        time.sleep(2.5)
        hurt_at = time.monotonic()
        hurt(server)
        time.sleep(4)
        healed_at = time.monotonic()
        heal(server)
        time.sleep(RECOVERY + 0.5)

    assert {each.status for each in site.answers} == {200}
    assert "hit" in {each.cache for each in site.answers if each.at < hurt_at}
    during = [each for each in site.answers if hurt_at + 1 < each.at < healed_at]
    assert "hit" not in {each.cache for each in during}
    worst = max(each.took for each in site.answers)
    normal = site.median(hurt_at - 1.5, hurt_at)
    without = site.median(hurt_at + 1, healed_at)
    recovery = site.seconds_until_hit(healed_at)
    assert worst < WORST
    assert without < normal + MEDIAN
    assert recovery < RECOVERY


def test_killed_connections_are_not_noticed(site: Site, server: RedisServer) -> None:
    with site.busy():
        for _ in range(10):
            time.sleep(0.2)
            server.kill_connections()

    assert {each.status for each in site.answers} == {200}
    assert max(each.took for each in site.answers) < WORST
    hits = [each for each in site.answers if each.cache == "hit"]
    assert len(hits) > len(site.answers) * 0.6


def test_connections_stay_within_the_pool_and_go_with_the_process(
    site: Site, server: RedisServer, request: pytest.FixtureRequest
) -> None:
    with site.busy():
        time.sleep(1)
        of_cache = [each for each in server.connections() if each["db"] == "0"]
    assert 1 <= len(of_cache) <= settings.REDIS_POOL_SIZE

    request.getfixturevalue("supervisor").stop()
    deadline = time.monotonic() + 5
    while server.connections():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_site_starts_without_redis_and_uses_it_once_it_is_there(
    server: RedisServer, request: pytest.FixtureRequest
) -> None:
    server.stop()
    site: Site = request.getfixturevalue("site")
    for _ in range(3):
        answer = site.read_list()
        assert (answer.status, answer.cache) == (200, "miss")

    server.start("--databases", "2")
    started = time.monotonic()
    while site.read_list().cache != "hit":
        assert time.monotonic() - started < RECOVERY
        time.sleep(0.05)


def test_ringing_a_broker_that_hangs_costs_little(site: Site, server: RedisServer) -> None:
    """Launching rings the scheduler: the answer comes all the same, a sweep will launch it."""
    path = f"/api/v1/campaigns/{site.campaign.pk}/send/"
    server.pause()

    answer = site.request("POST", path)

    assert answer.status < 300
    assert answer.took < WORST
    assert site.request("GET", f"/api/v1/campaigns/{site.campaign.pk}/").took < 1
    server.resume()
