"""`kill -9` of a real worker in the middle of a real broadcast: nobody is texted twice."""

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.tests.factories import make_business
from config.embedded.fixtures import SimulatedGateway, WorkerProcess
from messaging import services
from messaging.models import Broadcast
from messaging.selectors import BroadcastStatistics, statistics
from messaging.services.counting import wrong_counters
from messaging.tasks import expand, sweep
from messaging.tests.factories import make_broadcast
from rediskit.doorbell import ring

RECIPIENTS = 5000


@pytest.fixture(autouse=True)
def _short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker process gets these from the environment."""
    monkeypatch.setenv("GATEWAY_CALL_DEADLINE", "2")
    monkeypatch.setenv("SEND_LEASE", "4")


def wait_for(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


def counted(broadcast: Broadcast) -> BroadcastStatistics:
    return statistics([broadcast.pk])[broadcast.pk]


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_texts_nobody_twice_and_loses_nobody(
    simulated_gateway: SimulatedGateway,
    celery_worker_process: WorkerProcess,
    settings: Settings,
) -> None:
    simulated_gateway.set(SIM_LATENCY_MS=800)
    broadcast = make_broadcast(contacts=RECIPIENTS, business=make_business())
    ring(expand, broadcast.pk)
    wait_for(lambda: counted(broadcast).sent > 0 and counted(broadcast).submitting > 0)

    celery_worker_process.kill()
    celery_worker_process.start()

    def is_completed() -> bool:
        ring(sweep)  # as beat does
        time.sleep(0.5)
        broadcast.refresh_from_db()
        return broadcast.status == Broadcast.Status.COMPLETED

    wait_for(is_completed)
    final, gateway = counted(broadcast), simulated_gateway.counts("+3069")
    assert gateway["max_per_destination"] == 1
    assert gateway["duplicates"] == 0
    assert final.sent + final.unknown == final.total == RECIPIENTS
    assert 0 < final.unknown <= settings.SENDERS * settings.SEND_BATCH_SIZE
    assert final.sent <= gateway["accepted"] <= final.sent + final.unknown
    assert list(wrong_counters()) == []
    assert not services.send_next_batch()
