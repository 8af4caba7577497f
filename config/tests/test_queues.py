"""Queues of their own: what is due does not wait behind what is being sent."""

from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings

from campaigns import tasks
from campaigns.tests.factories import make_due
from config.embedded.fixtures import SimulatedGateway, WorkerProcess
from config.tests.running import wait_for
from messaging.selectors import statistics
from messaging.tasks import send_next
from messaging.tests.factories import make_expanded
from rediskit import doorbell
from rediskit.connection import BROKER_PREFIX, client, in_redis_words

pytestmark = pytest.mark.django_db(transaction=True)
RECIPIENTS = 3000
WAITING = 500


@pytest.fixture
def single_worker(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, settings: Settings
) -> WorkerProcess:
    """One sender, who needs minutes for a broadcast."""
    monkeypatch.setenv("SENDERS", "1")
    settings.SEND_BATCH_SIZE = 100
    worker: WorkerProcess = request.getfixturevalue("celery_worker_process")
    return worker


def rings_waiting() -> int:
    """Past Kombu, whose connection of this process has waited for the worker's reply."""
    broker: Any = client(in_redis_words(settings.CELERY_BROKER_URL))
    return int(broker.llen(f"{BROKER_PREFIX}sms"))


@pytest.mark.usefixtures("single_worker")
def test_a_due_campaign_does_not_wait_behind_batches(simulated_gateway: SimulatedGateway) -> None:
    simulated_gateway.set(SIM_LATENCY_MS=10_000)
    broadcast = make_expanded(contacts=RECIPIENTS)
    for _ in range(WAITING):
        doorbell.ring(send_next)
    wait_for(lambda: statistics([broadcast.pk])[broadcast.pk].submitting > 0, seconds=60)
    campaign = make_due()
    doorbell.ring(tasks.launch_due)

    def is_launched() -> bool:
        campaign.refresh_from_db()
        return campaign.status != "scheduled"

    wait_for(is_launched, seconds=60)
    assert statistics([broadcast.pk])[broadcast.pk].queued > 0
    assert rings_waiting() > WAITING / 2
