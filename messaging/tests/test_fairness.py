"""By order of service: nobody waits behind a large campaign, and a cancel loses no result."""

import threading
from collections.abc import Sequence

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.tests.factories import make_business
from messaging import services
from messaging.gateways.base import OutgoingSms, SendResult
from messaging.models import Batch, Broadcast, GatewayReference, Message
from messaging.services.counting import wrong_counters
from messaging.signals import messages_changed
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    make_expanded,
    somebody_waits_for_a_lock,
    statuses,
)
from messaging.tests.simulated import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 4


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> object:
    yield
    assert list(wrong_counters()) == []


class Launching(ScriptedGateway):
    """Accepts all, and launches a small campaign of another business in the middle of it."""

    def __init__(self, at_call: int, *, contacts: int) -> None:
        super().__init__(self.decide)
        self.at_call, self.contacts = at_call, contacts
        self.small: Broadcast | None = None
        self.launched_after = 0  # calls
        self.claims_before = 0
        self.lock = threading.Lock()

    def decide(self, messages: Sequence[OutgoingSms]) -> list[SendResult]:
        with self.lock:
            if self.small is None and len(self.calls) >= self.at_call:
                self.small = make_expanded(contacts=self.contacts, business=make_business())
                self.launched_after, self.claims_before = len(self.calls), len(claimed())
        return accept_all(messages)


def claimed() -> list[int]:
    """The broadcast of each claim, in their order: whoever made one may be late with its call."""
    claims = Batch.objects.exclude(lease_until=None).order_by("lease_until")
    return list(claims.values_list("broadcast_id", flat=True))


def phones_of(broadcast: Broadcast) -> set[str]:
    return set(Message.objects.filter(broadcast=broadcast).values_list("phone", flat=True))


def test_a_campaign_of_100_is_done_within_a_few_batches_of_one_of_200_000(
    settings: Settings,
) -> None:
    """To scale: 400 batches are under way, and the small campaign has 4, as 100 in calls of 25."""
    settings.SEND_BATCH_SIZE, settings.EXPANSION_CHUNK_SIZE = 5, 2000
    large = make_expanded(contacts=2000, business=make_business())
    gateway = Launching(20, contacts=20)

    def work() -> None:
        while gateway.small is None or len(gateway.calls) < gateway.launched_after + 30:
            services.send_next_batch(gateway)

    at_once(work, threads=WORKERS)

    assert gateway.small is not None
    claims = enumerate(claimed(), 1 - gateway.claims_before)
    served = [number for number, pk in claims if pk == gateway.small.pk]
    # Those whose claim was under way already, and one more: the next claim is the small one's.
    assert served[0] <= 2 * WORKERS
    # From then on they take turns.
    assert served[-1] <= 2 * WORKERS + 2 * 4
    assert statuses(gateway.small) == {"sent": 20}
    assert Batch.objects.filter(broadcast=large, state="ready").count() > 300


def test_campaigns_take_turns_whatever_their_sizes(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 2
    sizes = {40: make_expanded(contacts=40, business=make_business())}
    gateway = ScriptedGateway(accept_all)
    services.send_next_batch(gateway)
    for contacts in (10, 6):
        sizes[contacts] = make_expanded(contacts=contacts, business=make_business())
    owners = {phone: size for size, broadcast in sizes.items() for phone in phones_of(broadcast)}

    while services.send_next_batch(gateway):
        pass

    order = [owners[call[0]] for call in gateway.calls]
    assert order.index(6) <= 3
    last_of_six = len(order) - 1 - order[::-1].index(6)
    assert last_of_six <= 1 + 3 * 3, "three batches of its own, and two of others for each"


def test_a_cancel_that_races_claims_leaves_no_result_unrecorded(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 2
    for _ in range(5):
        broadcast = make_expanded(contacts=40, business=make_business())
        gateway = CancellingGateway(broadcast)

        at_once(gateway.send_all, threads=WORKERS)
        while services.settle_batches(broadcast_id=broadcast.pk):
            pass

        accepted = {phone for call in gateway.calls for phone in call}
        messages = Message.objects.filter(broadcast=broadcast)
        sent = set(messages.filter(status="sent").values_list("phone", flat=True))
        assert sent == accepted, "all that the gateway took is recorded, and nothing else"
        assert statuses(broadcast) == {"sent": len(sent), "cancelled": 40 - len(sent)}
        references = GatewayReference.objects.filter(message_id__in=messages.values("pk"))
        assert references.count() == len(sent)
        batches = Batch.objects.filter(broadcast=broadcast)
        assert set(batches.values_list("state", flat=True)) == {"recorded", "cancelled"}
        assert len(gateway.calls) <= gateway.cancelled_after + WORKERS
        broadcast.refresh_from_db()
        assert broadcast.status == "cancelled"


@pytest.mark.parametrize("is_settled", [True, False])
def test_a_cancel_in_the_middle_of_a_claim_loses_nothing_of_it(
    settings: Settings, is_settled: bool
) -> None:
    """It waits for the mark's commit, and leaves the batch to who marked it."""
    settings.SEND_BATCH_SIZE = 2
    broadcast = make_expanded(contacts=6, business=make_business())
    gateway = ScriptedGateway(accept_all)

    def cancel() -> None:
        assert services.cancel_broadcast(broadcast_id=broadcast.pk)
        if is_settled:
            services.settle_batches(broadcast_id=broadcast.pk)

    racing = threading.Thread(target=lambda: at_once(cancel, threads=1))

    def cancel_once(**_: object) -> None:
        if connection.in_atomic_block and racing.ident is None:
            racing.start()
            wait_for(somebody_waits_for_a_lock)

    messages_changed.connect(cancel_once)
    try:
        services.send_next_batch(gateway)
    finally:
        messages_changed.disconnect(cancel_once)
        racing.join()
    while services.send_next_batch(gateway):
        pass
    services.sweep_messaging()

    [call] = gateway.calls
    messages = Message.objects.filter(broadcast=broadcast)
    assert set(messages.filter(status="sent").values_list("phone", flat=True)) == set(call)
    assert statuses(broadcast) == {"sent": 2, "cancelled": 4}
    batches = Batch.objects.filter(broadcast=broadcast).values_list("state", flat=True)
    assert sorted(batches) == ["cancelled", "cancelled", "recorded"]


class CancellingGateway(ScriptedGateway):
    """The third call sees the campaign cancelled and settled while it is under way."""

    def __init__(self, broadcast: Broadcast) -> None:
        super().__init__(self.decide)
        self.broadcast = broadcast
        self.cancelled_after = 0

    def decide(self, messages: Sequence[OutgoingSms]) -> list[SendResult]:
        if len(self.calls) >= 3 and services.cancel_broadcast(broadcast_id=self.broadcast.pk):
            self.cancelled_after = len(self.calls)
            services.settle_batches(broadcast_id=self.broadcast.pk)
        return accept_all(messages)

    def send_all(self) -> None:
        while services.send_next_batch(self):
            pass


def test_who_pauses_stops_all_but_what_is_in_a_worker_s_hands(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_expanded(contacts=30, business=make_business())
    paused_after: list[int] = []

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        if len(gateway.calls) >= 5 and services.pause_broadcast(broadcast_id=broadcast.pk):
            paused_after.append(len(gateway.calls))
        return accept_all(messages)

    gateway = ScriptedGateway(answer)

    def work() -> None:
        while services.send_next_batch(gateway):
            pass

    at_once(work, threads=WORKERS)

    assert len(gateway.calls) <= paused_after[0] + WORKERS
    assert statuses(broadcast)["sent"] == len(gateway.calls)
