"""Worker, beat and a broadcast under way, while their Redis, cache and broker in one, is hurt."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.tests.factories import make_business
from config.embedded import programs
from config.embedded.fixtures import SimulatedGateway
from config.embedded.layout import DataFolder
from config.embedded.supervisor import Supervisor
from messaging.models import Broadcast
from messaging.selectors import statistics
from messaging.services.counting import wrong_counters
from messaging.tests.factories import make_broadcast
from rediskit.tests.servers import RedisServer, forget_broker

pytestmark = pytest.mark.django_db(transaction=True)
RECIPIENTS = 4000


@pytest.fixture
def server(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """What the programs of this test use; batches are small, so that the outage meets some."""
    redis_server.start("--appendonly", "yes")
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url.removesuffix("0") + "1")
    forget_broker()
    monkeypatch.setenv("SEND_BATCH_SIZE", "100")
    monkeypatch.setenv("SENDERS", "2")
    return redis_server


@pytest.fixture
def running(
    server: RedisServer,  # before the programs start
    request: pytest.FixtureRequest,
    supervisor: Supervisor,
    tmp_path: Path,
) -> Supervisor:
    """Keeps a worker and beat running."""
    environment = request.getfixturevalue("program_environment")
    data = DataFolder.of(tmp_path)
    supervisor.start([programs.worker(environment), programs.beat(environment, data)])
    return supervisor


def stop_and_start(server: RedisServer, run: Callable[[float], None]) -> None:
    server.stop()
    run(5)
    server.start()


def pause(server: RedisServer, run: Callable[[float], None]) -> None:
    server.pause()
    run(8)
    server.resume()


def make_replica(server: RedisServer, run: Callable[[float], None]) -> None:
    server.admin().replicaof("127.0.0.1", "9")
    run(10)
    server.admin().replicaof("NO", "ONE")


def fill_up(server: RedisServer, run: Callable[[float], None]) -> None:
    server.admin().config_set("maxmemory", "1")
    run(8)
    server.admin().config_set("maxmemory", "0")


def kill_connections(server: RedisServer, run: Callable[[float], None]) -> None:
    for _ in range(5):
        server.kill_connections()
        run(0.5)


@pytest.mark.parametrize("outage", [stop_and_start, pause, make_replica, fill_up, kill_connections])
def test_a_broadcast_ends_well_after_an_outage(
    server: RedisServer,
    running: Supervisor,
    simulated_gateway: SimulatedGateway,
    outage: Callable[[RedisServer, Callable[[float], None]], None],
) -> None:
    simulated_gateway.set(SIM_LATENCY_MS=150)
    broadcast = make_broadcast(contacts=RECIPIENTS, business=make_business())

    def sent() -> int:
        return statistics([broadcast.pk])[broadcast.pk].sent

    def run_until(condition: Callable[[], bool], *, seconds: float) -> None:
        until = time.monotonic() + seconds
        running.run_while(lambda: not condition() and time.monotonic() < until)
        assert condition(), f"{sent()} of {RECIPIENTS} after {seconds} s"

    def run(seconds: float) -> None:
        until = time.monotonic() + seconds
        running.run_while(lambda: time.monotonic() < until)

    run_until(lambda: sent() > 300, seconds=120)
    started = running.pids()
    outage(server, run)
    run_until(lambda: sent() == RECIPIENTS, seconds=180)

    gateway = simulated_gateway.counts("+3069")
    assert (gateway["accepted"], gateway["max_per_destination"]) == (RECIPIENTS, 1)
    run_until(
        lambda: Broadcast.objects.filter(pk=broadcast.pk, status="completed").exists(), seconds=60
    )
    assert list(wrong_counters()) == []
    assert running.pids() == started
