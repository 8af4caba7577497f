"""What a whole installation at work tells its Redis servers, and by how many connections."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from config.embedded.process import Processes
from config.tests.running import wait_for
from config.tests.site import Installation, Manager
from rediskit.families import family_of
from rediskit.tests.servers import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)
# They walk over all keys, forget all of them, or give a key its TTL after the command that set it.
NEVER = {"keys", "scan", "flushall", "flushdb", "expire", "pexpire", "expireat", "persist"}
POOL_SIZE = 2
SENDERS = 2


@pytest.fixture
def broker(server_processes: Processes, tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "broker"
    folder.mkdir()
    server = RedisServer(server_processes, folder)
    server.start("--maxmemory-policy", "noeviction")
    yield server
    server.stop()


@pytest.fixture
def manager(installation: Installation, redis_server: RedisServer, broker: RedisServer) -> Manager:
    """Of an installation whose pools are smaller than its number of threads."""
    redis_server.start("--maxmemory-policy", "volatile-lru")
    return installation.start(
        REDIS_URL=redis_server.url,
        CELERY_BROKER_URL=broker.url,
        REDIS_POOL_SIZE=str(POOL_SIZE),
        SENDERS=str(SENDERS),
    )


@contextmanager
def monitored(server: RedisServer) -> Iterator[list[list[str]]]:
    """Every command that the server is given meanwhile."""
    seen: list[list[str]] = []
    end = "the-end-of-the-test"
    admin = server.admin()
    watching: Any = redis.Redis(port=server.port)
    with watching.monitor() as monitor:
        yield seen
        admin.echo(end)
        while (words := monitor.next_command()["command"].split()) != ["ECHO", end]:
            seen.append(words)


def commands_of(server: RedisServer) -> set[str]:
    return {name.removeprefix("cmdstat_") for name in server.admin().info("commandstats")}


def work(installation: Installation, manager: Manager) -> None:
    """Every kind of cached read, missed and hit; limits, a log-in, a campaign from end to end."""
    campaign = manager.campaign
    reads = ["campaigns/", "campaigns/?with_stats=1", f"campaigns/{campaign.pk}/stats/"]
    reads += [f"campaigns/stats/?ids={campaign.pk}", "templates/", "business/", "jobs/health/"]
    for _ in range(2):
        assert {manager.get(path).status for path in reads} == {200}
        assert manager.log_in_in_vain().status == 401
    assert manager.post("templates/", name="Offer", text="Hi!").status == 201
    assert manager.send().status < 300
    installation.wait_for(manager.is_completed, seconds=60)
    assert {manager.get(path).status for path in reads} == {200}


def test_no_command_blocks_the_server_or_parts_a_value_from_its_ttl(
    installation: Installation, manager: Manager, redis_server: RedisServer, broker: RedisServer
) -> None:
    with monitored(redis_server) as commands:
        installation.start_work()
        work(installation, manager)
        installation.wait_for(
            lambda: bool(redis_server.admin().exists("beat:heartbeat")), seconds=60
        )

    sets = [words for words in commands if words[0] == "SET"]
    assert {family_of(words[1].encode()) for words in sets} == {
        "campaigns:list", "stats:campaign", "cache:templates", "cache:profile",
        "gen", "lock", "rl", "beat",
    }  # fmt: skip
    assert all({"EX", "PX"} & set(words) for words in sets)
    assert not NEVER & commands_of(redis_server)
    assert not NEVER & commands_of(broker)


def test_connections_stay_within_processes_times_pool(
    installation: Installation, manager: Manager, redis_server: RedisServer
) -> None:
    manager.read_list()  # it is connected now
    stop = threading.Event()
    most: list[int] = []

    def hammer() -> None:
        while not stop.is_set():
            assert manager.read_list().status == 200

    threads = [threading.Thread(target=hammer) for _ in range(POOL_SIZE * 4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        time.sleep(0.05)
        most.append(len(redis_server.connections()))
    stop.set()
    for thread in threads:
        thread.join()
    assert 1 <= max(most) <= POOL_SIZE  # one web process, eight threads

    installation.start_work()
    work(installation, manager)
    processes = ["web", "beat", "worker", *["sender"] * SENDERS]
    assert len(redis_server.connections()) <= len(processes) * POOL_SIZE


def test_connections_are_gone_after_sigterm(
    installation: Installation, manager: Manager, redis_server: RedisServer, broker: RedisServer
) -> None:
    installation.start_work()
    work(installation, manager)
    assert redis_server.connections()
    assert len(broker.connections()) > 2

    children = installation.supervisor.pids()
    for name in ("web", "worker", "beat"):
        os.kill(children[name], signal.SIGTERM)
    wait_for(lambda: not redis_server.connections() + broker.connections(), seconds=60)
