"""Every task delivered three times and out of order: each phone gets one message."""

import json
import random
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from accounts.tests.factories import make_business
from campaigns.models import Campaign
from campaigns.tasks import launch_due, reconcile
from campaigns.tests.factories import make_due
from config.celery import app
from config.embedded.fixtures import SimulatedGateway
from messaging import services
from messaging.gateways import _gateway_of_process
from messaging.models import GatewayReference
from messaging.selectors import statistics
from messaging.services.counting import wrong_counters
from messaging.tasks import apply_events, expand, send_next, sweep
from messaging.tests.factories import at_once, make_contacts
from rediskit.connection import BROKER_PREFIX, client, in_redis_words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_of_this_test(simulated_gateway: SimulatedGateway) -> Iterator[None]:
    """Tasks ask for the process's gateway, which may be that of an earlier test."""
    _gateway_of_process.cache_clear()
    yield
    _gateway_of_process.cache_clear()


QUEUES = ("scheduler", "sms", "events", "imports")
TICKS = (launch_due, sweep, apply_events, reconcile)
MOST = 8  # rings that are kept in a round: as any ring may be lost, so may the others

Ring = tuple[str, tuple[int, ...]]


def take_rings(broker: Any) -> list[Ring]:
    """What waits in the broker, where no worker takes it."""
    found: list[Ring] = []
    for queue in QUEUES:
        for raw in broker.lpop(BROKER_PREFIX + queue, 10_000) or []:
            message = json.loads(raw)
            arguments = json.loads(b64decode(message["body"]))[0]
            found.append((message["headers"]["task"], tuple(arguments)))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_each_phone_gets_one_message(
    seed: int, settings: Settings, simulated_gateway: SimulatedGateway
) -> None:
    settings.SEND_BATCH_SIZE, settings.EXPANSION_CHUNK_SIZE = 7, 20
    dice = random.Random(seed)
    broker: Any = client(in_redis_words(settings.CELERY_BROKER_URL))
    take_rings(broker)
    campaigns = []
    for contacts in (60, 5):
        business = make_business()
        make_contacts(business, contacts)
        campaigns.append(make_due(business, contacts=0))

    def play_round(rings: list[Ring]) -> None:
        """Three deliveries of each, in any order, to three workers at once."""
        rings = rings + [(tick.name, ()) for tick in TICKS]
        deliveries = [*rings, *rings, *rings]
        dice.shuffle(deliveries)
        to_do = iter(deliveries)  # of which each thread takes the next

        def work() -> None:
            for name, arguments in to_do:
                app.tasks[name](*arguments)

        at_once(work, threads=3)

    rings: list[Ring] = []
    for _ in range(100):
        play_round(rings)
        waiting = sorted(set(take_rings(broker)))
        rings = dice.sample(waiting, min(len(waiting), MOST))
        if set(Campaign.objects.values_list("status", flat=True)) == {"completed"}:
            break
    gateway = simulated_gateway.counts()
    assert (gateway["accepted"], gateway["destinations"]) == (65, 65)
    assert gateway["max_per_destination"] == 1

    for reference in GatewayReference.objects.all():
        body = {"messageId": reference.gateway_message_id, "deliveryStatus": "Delivered"}
        for _ in range(3):
            services.store_event(gateway="mitto", kind="delivery", raw=json.dumps(body).encode())
    play_round([(apply_events.name, ()), (send_next.name, ())])
    for campaign in campaigns:
        broadcast_ids = list(campaign.runs.values_list("broadcast_id", flat=True))
        assert len(broadcast_ids) == 1, "launched once"
        play_round([(expand.name, (broadcast_ids[0],))])
        found = statistics(broadcast_ids)[broadcast_ids[0]]
        assert found.delivered == found.total
    assert simulated_gateway.counts()["accepted"] == 65
    assert list(wrong_counters()) == []
