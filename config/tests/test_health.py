"""The probes, against real servers and their absence."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from config import health
from config.tasks import HEARTBEAT, heartbeat
from messaging.models import GatewayEvent
from rediskit import failover
from rediskit.connection import client as redis_client
from rediskit.tests.servers import RedisServer

NOWHERE = "redis://127.0.0.1:9/0"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    health.check_migrations.cache_clear()
    failover.cache.reset()
    redis_client().delete(HEARTBEAT)
    yield
    health.check_migrations.cache_clear()
    failover.cache.reset()


@pytest.fixture
def _no_redis(settings: Settings) -> None:
    settings.REDIS_URL = NOWHERE


def test_livez_needs_nothing(client: Client) -> None:
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_when_all_is_well(client: Client) -> None:
    heartbeat()

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "redis": "ok",
        "scheduler": "ok",
    }
    assert 0 < redis_client().ttl("beat:heartbeat") <= 60


@pytest.mark.django_db
def test_it_tells_what_waits(client: Client) -> None:
    heartbeat()
    GatewayEvent.objects.create(gateway="mitto", kind="delivery", raw=b"[]")

    work = client.get("/readyz").json()["work"]

    assert set(work["queues"]) == {"sms", "scheduler", "imports", "events"}
    assert work["oldest_waiting"]["batch"] is None
    assert work["oldest_waiting"]["gateway_event"] >= 0
    assert 0 <= work["scheduler_heartbeat_age"] < 60


@pytest.mark.django_db
def test_degraded_without_the_scheduler(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["scheduler"] == "silent"


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_redis")
def test_degraded_without_redis(client: Client) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"] == "unreachable"


@pytest.mark.django_db
def test_degraded_while_redis_hangs(
    client: Client, settings: Settings, redis_server: RedisServer
) -> None:
    """It does not wait for the end."""
    redis_server.start()
    settings.REDIS_URL = redis_server.url
    redis_server.pause()

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"] == "unreachable"


@pytest.mark.django_db
def test_an_installation_without_redis_is_whole(client: Client, settings: Settings) -> None:
    settings.REDIS_ENABLED = False

    answer = client.get("/readyz").json()
    assert answer["status"] == "ok"
    assert answer["checks"] == {"database": "ok", "migrations": "ok"}


@pytest.mark.django_db
def test_not_ready_before_the_migrations(client: Client) -> None:
    [newest] = MigrationLoader(connection).graph.leaf_nodes("accounts")
    MigrationRecorder(connection).record_unapplied(*newest)

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["checks"]["migrations"] == "pending"


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_the_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "no_such_database")

    answer = client.get("/readyz")

    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"]) == (503, "NOT_READY")
    assert answer.json()["checks"]["database"] == "unreachable"
    assert client.get("/livez").status_code == 200
