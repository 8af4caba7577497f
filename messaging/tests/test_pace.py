"""So many messages a second: for the gateway, for a business, and never at another's cost."""

import random
import threading
import time
from collections.abc import Sequence

import pytest
from django.db import connection
from psycopg.pq import TransactionStatus
from pytest_django import Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact, Suppression
from messaging import services
from messaging.gateways import gateway_name
from messaging.gateways.base import FailureReason, OutgoingSms, RequestRefused, SendResult
from messaging.models import Batch, DailyUsage
from messaging.services.claiming import PaceReached, claim_batch
from messaging.services.counting import wrong_counters
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    make_expanded,
    statuses,
)
from rediskit import connection as redis_connection
from rediskit import pacing
from rediskit.tests.servers import RedisServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _unused_paces(transactional_db: None) -> None:
    """Ids of businesses come again in the next run."""
    redis = redis_connection.client()
    if keys := list(redis.scan_iter(f"{pacing.PREFIX}*", count=1000)):
        redis.unlink(*keys)


def send_all(gateway: ScriptedGateway) -> None:
    while services.send_next_batch(gateway):
        pass


def use_up(name: str, per_second: int) -> None:
    """The pace is full now, and another second ahead however slow this machine is."""
    seconds, microseconds = redis_connection.client().time()
    full = int(seconds) * 1_000_000 + int(microseconds) + 1_000_000_000
    redis_connection.client().set(pacing.PREFIX + name, full)
    assert not pacing.take(1, [pacing.Pace(name, per_second)]).granted
    pacing.reset()


def free(name: str) -> None:
    redis_connection.client().unlink(pacing.PREFIX + name)
    pacing.reset()


def test_a_call_takes_at_most_one_second_of_the_business_s_pace() -> None:
    broadcast = make_expanded(contacts=7, business=make_business(pace=4))
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [4, 3]
    assert statuses(broadcast) == {"sent": 7}


def test_the_gateway_s_pace_holds_for_all_businesses_together(settings: Settings) -> None:
    settings.GATEWAY_PACE = 5
    broadcasts = [make_expanded(contacts=5, business=make_business()) for _ in range(2)]
    gateway = ScriptedGateway(accept_all)
    assert services.send_next_batch(gateway)

    use_up(gateway_name(), 5)
    assert services.send_next_batch(gateway)
    assert len(gateway.calls) == 1, "the worker only waited"
    free(gateway_name())
    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [5, 5]
    assert [statuses(broadcast) for broadcast in broadcasts] == [{"sent": 5}] * 2


def test_a_pace_that_was_lowered_splits_what_is_waiting(settings: Settings) -> None:
    broadcast = make_expanded(contacts=10)
    Business.objects.update(pace=4)
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [4, 4, 2]
    assert len({phone for call in gateway.calls for phone in call}) == 10
    assert statuses(broadcast) == {"sent": 10}
    assert DailyUsage.objects.get().messages == 10
    assert sorted(Batch.objects.values_list("size", "state")) == [
        (2, "recorded"),
        (4, "recorded"),
        (4, "recorded"),
    ]
    assert list(wrong_counters()) == []


def test_the_day_s_cap_and_the_pace_cut_the_same_batch() -> None:
    broadcast = make_expanded(contacts=10, business=make_business(daily_message_cap=6))
    Business.objects.update(pace=4)
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [4, 2]
    assert statuses(broadcast) == {"sent": 6, "queued": 4}
    assert DailyUsage.objects.get().messages == 6


def test_what_waits_for_its_pace_is_as_if_nobody_had_looked() -> None:
    business = make_business(pace=3)
    broadcast = make_expanded(contacts=3, business=business)
    use_up(str(business.pk), 3)

    with pytest.raises(PaceReached) as caught:
        claim_batch()

    assert 0 < caught.value.seconds <= 1
    batch = Batch.objects.get()
    assert (batch.state, batch.attempts, batch.lease_token) == ("ready", 0, None)
    assert DailyUsage.objects.get().messages == 0
    assert statuses(broadcast) == {"queued": 3}


def test_nobody_waits_for_a_pace_inside_a_transaction() -> None:
    business = make_business(pace=3)
    make_expanded(contacts=3, business=business)
    use_up(str(business.pk), 3)

    with pytest.raises(PaceReached):
        claim_batch()

    assert connection.connection.info.transaction_status == TransactionStatus.IDLE


def test_a_business_at_its_pace_holds_up_no_other(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    slow = make_business(pace=1)
    waiting = make_expanded(contacts=2, business=slow)
    other = make_expanded(contacts=5, business=make_business())
    use_up(str(slow.pk), 1)

    claims = [claim_batch() for _ in range(5)]

    assert {claim.broadcast_id for claim in claims if claim} == {other.pk}
    assert statuses(waiting) == {"queued": 2}


def test_who_was_dropped_does_not_use_up_the_pace() -> None:
    business = make_business(pace=4)
    make_expanded(contacts=4, business=business)
    for contact in Contact.objects.all():
        Suppression.objects.create(business=business, phone=contact.phone, source="api")

    claim = claim_batch()

    assert claim is not None
    assert claim.messages == []
    assert pacing.take(4, [pacing.Pace(str(business.pk), 4)]).granted == 4


def test_without_redis_the_messages_go_by_the_process_s_share(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.PACE_PROCESSES = 2
    broadcast = make_expanded(contacts=9, business=make_business(pace=10))
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [5, 4]
    assert statuses(broadcast) == {"sent": 9}


def test_without_any_pace_redis_is_not_asked(settings: Settings, redis_server: RedisServer) -> None:
    """On a server of its own: that of all tests counts the commands of others, too."""
    redis_server.start()
    settings.REDIS_URL = redis_server.url

    for pace, is_asked in ((None, False), (5, True)):
        make_expanded(contacts=1, business=make_business(pace=pace))
        send_all(ScriptedGateway(accept_all))
        assert ("cmdstat_evalsha" in redis_server.admin().info("commandstats")) is is_asked


class UnsteadyGateway(ScriptedGateway):
    """Refuses whole requests and throttles by chance; notices a phone that is in two hands."""

    def __init__(self, seed: int, *, business: Business) -> None:
        super().__init__(self.decide)
        self.business = business
        self.dice = random.Random(seed)
        self.lock = threading.Lock()
        self.taken: set[str] = set()  # in a call now, or accepted
        self.twice: list[str] = []

    def decide(self, messages: Sequence[OutgoingSms]) -> list[SendResult]:
        phones = {message.destination for message in messages}
        free(str(self.business.pk))  # others claim while this call is under way
        with self.lock:
            self.twice += phones & self.taken
            self.taken |= phones
            chance = self.dice.random()
        time.sleep(0.02)
        if chance < 0.6:
            return accept_all(messages)
        with self.lock:
            self.taken -= phones
        if chance < 0.8 and len(messages) > 1:
            raise RequestRefused(FailureReason.INVALID_NUMBER)
        return [SendResult.not_accepted(FailureReason.THROTTLED)] * len(messages)


def test_two_batches_never_hold_the_same_message(settings: Settings) -> None:
    """Split by a cap and a pace, halved, put back and sent by several workers at once."""
    settings.SEND_BATCH_SIZE, settings.GATEWAY_BACK_OFF = 16, 0
    business = make_business(daily_message_cap=45)
    broadcast = make_expanded(contacts=60, business=business)
    Business.objects.update(pace=12)
    gateway = UnsteadyGateway(seed=5, business=business)

    def work() -> None:
        while services.send_next_batch(gateway):
            free(str(business.pk))

    at_once(work, threads=4)
    assert statuses(broadcast) == {"sent": 45, "queued": 15}
    Business.objects.update(daily_message_cap=1000)
    at_once(work, threads=4)

    assert statuses(broadcast) == {"sent": 60}
    assert gateway.twice == []
    assert max(len(call) for call in gateway.calls) <= 12
    assert list(wrong_counters()) == []
