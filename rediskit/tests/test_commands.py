"""redis_check, cache_stats and cache_clear, on live servers, good and bad."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config.embedded.process import Processes
from rediskit import connection, failover
from rediskit.connection import BROKER_PREFIX, client
from rediskit.management.commands.redis_check import ROWS
from rediskit.tests.servers import RedisServer

CACHE = ("--maxmemory", "64mb", "--maxmemory-policy", "volatile-lru")
BROKER = ("--maxmemory-policy", "noeviction", "--appendonly", "yes")


@pytest.fixture(autouse=True)
def _closed_circuits() -> Iterator[None]:
    circuits = (failover.cache, failover.limits, failover.broker)
    for circuit in circuits:
        circuit.reset()
    yield
    connection.close()
    for circuit in circuits:
        circuit.reset()


@pytest.fixture
def server(redis_server: RedisServer, settings: Settings) -> RedisServer:
    """The cache, not started yet."""
    settings.REDIS_URL = settings.LIMITS_REDIS_URL = redis_server.url
    return redis_server


@pytest.fixture
def broker(
    server_processes: Processes, tmp_path: Path, settings: Settings
) -> Iterator[RedisServer]:
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = RedisServer(server_processes, folder)
    settings.CELERY_BROKER_URL = broker.url
    yield broker
    broker.stop()


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, no_color=True)
    return out.getvalue()


def check() -> dict[str, str]:
    """The state of each row."""
    out = StringIO()
    try:
        call_command("redis_check", stdout=out, no_color=True)
    except CommandError:
        assert "FAIL" in out.getvalue()
    else:
        assert "FAIL" not in out.getvalue()
    rows = re.findall(r"^  (ok|warn|FAIL) +([^:]+): ", out.getvalue(), re.MULTILINE)
    return {title: state for state, title in rows}


@pytest.mark.django_db(transaction=True)
def test_two_servers_as_they_should_be_pass_every_row(
    server: RedisServer, broker: RedisServer
) -> None:
    server.start(*CACHE)
    broker.start(*BROKER)
    client().set("stats:campaign:v1:1:5", b"1", ex=30)

    states = check()

    assert set(states) == {title for rows in ROWS.values() for title in rows}
    del states["Latency"]  # is this machine's
    assert set(states.values()) == {"ok"}, states
    assert not failover.cache.is_open


@pytest.mark.django_db(transaction=True)
def test_what_a_server_does_wrong_is_named(server: RedisServer, broker: RedisServer) -> None:
    server.start("--maxmemory", "64mb", "--maxmemory-policy", "noeviction")
    broker.start("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru")
    client().set("somebody's", b"1")
    client().set("stats:campaign:5", b"1")
    client().set("campaigns:list:v1:1:x", b"1")

    wrong = {title: state for title, state in check().items() if state != "ok"}

    assert wrong == {
        "Names and prefixes of known families": "warn",
        "Versions and owners": "FAIL",
        "Every answer expires in time": "FAIL",
        "Eviction of the cache": "FAIL",
        "Eviction of the broker": "FAIL",
        "Persistence of the broker": "warn",
    }


@pytest.mark.django_db(transaction=True)
def test_one_server_for_both_is_told(server: RedisServer, settings: Settings) -> None:
    server.start(*CACHE, "--databases", "1")
    settings.CELERY_BROKER_URL = server.url

    states = check()

    assert states["Cache and broker apart"] == "warn"
    assert "FAIL" not in states.values()


@pytest.mark.django_db(transaction=True)
def test_servers_that_are_away_fail(server: RedisServer) -> None:
    states = check()

    assert states["One client for all modules"] == states["Latency"] == "FAIL"
    assert states["Time-outs protect"] == "ok"


def test_without_redis_there_is_nothing_to_check(settings: Settings) -> None:
    settings.REDIS_ENABLED = False
    assert "disabled" in run("redis_check")


def test_statistics_by_family(server: RedisServer) -> None:
    server.start()
    for number in range(300):
        client().set(f"stats:campaign:v1:1:{number}", b"1" * 100, ex=30)
    client().set("campaigns:list:v1:1:1:10::::created_at:desc:false", b"1", ex=20)
    client().set("rl:login:ip:192.168.1.1:1795384368", 1, ex=600)
    client().rpush(f"{BROKER_PREFIX}sms", b"1")
    client().set("somebody's", b"1")
    client().mget("somebody's", "absent")

    told = run("cache_stats")

    rows = {line.rsplit(maxsplit=2)[0]: line.split()[-2:] for line in told.splitlines()[3:]}
    counts = {family: int(count) for family, (count, _) in rows.items()}
    assert counts == {
        "(not ours)": 1,
        "campaigns:list": 1,
        "celery": 1,
        "rl": 1,
        "stats:campaign": 300,
    }
    assert int(rows["stats:campaign"][1]) > 300 * 100
    assert told.startswith("1 keys found, 1 not found (50% hits)")


def test_clearing_takes_the_prefix_literally_and_nothing_else(server: RedisServer) -> None:
    server.start()
    for number in range(450):
        client().set(f"stats:campaign:v1:1:{number}", b"1", ex=30)
    client().set("stats:campaign:v1:12:1", b"1", ex=30)
    client().rpush(f"{BROKER_PREFIX}sms", b"1")

    assert "450 keys would be removed" in run(
        "cache_clear", "--prefix", "stats:campaign:v1:1:", "--dry-run"
    )
    assert server.admin().dbsize() == 452
    assert "450 keys removed" in run("cache_clear", "--prefix", "stats:campaign:v1:1:")
    assert "0 keys removed" in run("cache_clear", "--prefix", "stats:*")
    assert server.admin().dbsize() == 2


@pytest.mark.parametrize("prefix", ["", "c", "celery:", "celery:sms"])
def test_the_queues_are_never_cleared(server: RedisServer, prefix: str) -> None:
    server.start()
    with pytest.raises(CommandError, match="would meet Celery's queues"):
        run("cache_clear", "--prefix", prefix)


def test_clearing_and_counting_need_the_server(server: RedisServer) -> None:
    for command in (["cache_stats"], ["cache_clear", "--prefix", "stats:"]):
        with pytest.raises(CommandError, match="is away"):
            run(*command)
