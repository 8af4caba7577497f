"""A real worker killed or frozen in the middle of a real broadcast: nobody is texted twice."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from accounts.tests.factories import make_business
from config.embedded.fixtures import SimulatedGateway, WorkerProcess
from messaging import services
from messaging.models import Batch, Broadcast
from messaging.selectors import BroadcastStatistics, statistics
from messaging.services.counting import wrong_counters
from messaging.tasks import expand, send_next, sweep
from messaging.tests.factories import make_broadcast, make_expanded
from messaging.tests.mitto import make_gateway
from rediskit.doorbell import ring, ring_senders

RECIPIENTS = 5000


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker process gets these from the environment."""
    monkeypatch.setenv("GATEWAY_CALL_DEADLINE", "5")
    monkeypatch.setenv("SEND_LEASE", "7")


def wait_for(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


def counted(broadcast: Broadcast) -> BroadcastStatistics:
    return statistics([broadcast.pk])[broadcast.pk]


def has_sent_more_than(number: int, broadcast: Broadcast) -> bool:
    return counted(broadcast).sent > number


def nobody_is_at_work() -> bool:
    """No other session of this test's database has begun what it has not committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state <> 'idle')"
        )
        return bool(cursor.fetchone()[0])


def freeze_in_a_call(worker: WorkerProcess, broadcast: Broadcast) -> None:
    """At a moment when it holds no lock that all others would wait for."""
    for _ in range(200):
        os.killpg(worker.pid, signal.SIGSTOP)
        time.sleep(0.1)
        if nobody_is_at_work() and counted(broadcast).submitting:
            return
        os.killpg(worker.pid, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("it is never only waiting for the gateway")


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_texts_nobody_twice_and_loses_nobody(
    simulated_gateway: SimulatedGateway,
    celery_worker_process: WorkerProcess,
    settings: Settings,
) -> None:
    simulated_gateway.set(SIM_LATENCY_MS=800)
    broadcast = make_broadcast(contacts=RECIPIENTS, business=make_business())
    ring(expand, broadcast.pk)
    wait_for(partial(has_sent_more_than, 0, broadcast))

    freeze_in_a_call(celery_worker_process, broadcast)  # or it might hold nothing to lose
    celery_worker_process.kill()
    Batch.objects.filter(state="submitting").update(lease_until=Now())  # as time will bring it
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("short_lease")
def test_a_worker_frozen_past_its_lease_and_thawed_texts_nobody_twice(
    simulated_gateway: SimulatedGateway,
    celery_worker_process: WorkerProcess,
    settings: Settings,
) -> None:
    simulated_gateway.set(SIM_LATENCY_MS=400)
    broadcast = make_broadcast(contacts=RECIPIENTS, business=make_business())
    ring(expand, broadcast.pk)
    wait_for(partial(has_sent_more_than, 0, broadcast))

    freeze_in_a_call(celery_worker_process, broadcast)
    try:
        in_its_hands = counted(broadcast).submitting

        def is_given_up() -> bool:
            services.sweep_messaging()
            return counted(broadcast).submitting == 0

        wait_for(is_given_up)
        assert counted(broadcast).unknown == in_its_hands
        simulated_gateway.set(SIM_LATENCY_MS=0)
        # Others go on: what it holds is not among what they send.
        another = make_gateway(simulated_gateway.url, key=settings.MITTO_API_KEY)
        for _ in range(3):
            services.send_next_batch(another)
    finally:
        os.killpg(celery_worker_process.pid, signal.SIGCONT)

    def is_completed() -> bool:
        ring(sweep)
        time.sleep(0.2)
        broadcast.refresh_from_db()
        return broadcast.status == Broadcast.Status.COMPLETED

    wait_for(is_completed)
    celery_worker_process.stop()  # whatever it still had to record is recorded
    final, gateway = counted(broadcast), simulated_gateway.counts("+3069")
    assert gateway["max_per_destination"] == 1
    assert gateway["duplicates"] == 0
    assert final.sent + final.unknown == final.total == RECIPIENTS
    assert final.sent <= gateway["accepted"] <= final.sent + final.unknown
    assert list(wrong_counters()) == []


@pytest.mark.django_db(transaction=True)
def test_after_a_pause_or_a_cancel_at_most_a_batch_per_worker_goes_out(
    simulated_gateway: SimulatedGateway,
    celery_worker_process: WorkerProcess,
    settings: Settings,
) -> None:
    settings.SEND_BATCH_SIZE = batch = 50
    simulated_gateway.set(SIM_LATENCY_MS=300)
    broadcast = make_expanded(contacts=1500, business=make_business())
    for stop in (services.pause_broadcast, services.cancel_broadcast):
        so_far = counted(broadcast).sent
        services.resume_broadcast(broadcast_id=broadcast.pk)
        ring_senders(send_next)
        wait_for(partial(has_sent_more_than, so_far, broadcast))

        assert stop(broadcast_id=broadcast.pk)
        before = simulated_gateway.counts("+3069")["accepted"]
        wait_for(nobody_is_at_work)  # a claim that had looked before has committed now
        wait_for(lambda: counted(broadcast).submitting == 0)

        after = simulated_gateway.counts("+3069")["accepted"]
        assert after - before <= settings.SENDERS * batch
        assert counted(broadcast).sent == after, "all that the gateway took is recorded"

    celery_worker_process.stop()
    while services.settle_batches(broadcast_id=broadcast.pk):
        pass
    final = counted(broadcast)
    assert simulated_gateway.counts("+3069")["accepted"] == final.sent
    assert final.sent + final.cancelled == final.total
    assert list(wrong_counters()) == []
