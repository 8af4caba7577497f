"""Look-ups beside everything else that moves messages, and beside death."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2
import pytest
from django.db import connection, transaction
from django.utils import timezone

from messaging import services
from messaging.gateways.base import (
    DeliveryStatus,
    LookedUp,
)
from messaging.models import (
    Batch,
    Broadcast,
    Message,
    MessageProblem,
    WaitingReport,
)
from messaging.selectors import statistics
from messaging.services.claiming import claim_batch
from messaging.services.counting import wrong_counters
from messaging.services.recording import Requeue, Results, record
from messaging.tests.factories import (
    at_once,
    make_expanded,
    somebody_waits_for_a_lock,
    statuses,
)
from messaging.tests.mitto import make_gateway
from messaging.tests.simulated import wait_for
from messaging.tests.unknown import (
    TellingGateway,
    apply_all,
    lease_is_over,
    leave_unknown,
    lose_replies,
    together,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


def look_up(simulator: httpx2.Client) -> int:
    return services.look_up_reports(gateway=make_gateway(simulator.base_url))


def fitting(gateway_message_id: str) -> LookedUp:
    message = Message.objects.get()
    return LookedUp(
        gateway_message_id, message.text, "Store", message.phone, DeliveryStatus.DELIVERED
    )


@pytest.fixture
def unknown(simulator: httpx2.Client) -> Broadcast:
    """Five messages that the gateway has, and has reported; we know neither."""
    broadcast = make_expanded(contacts=5)
    lose_replies(simulator)
    assert statuses(broadcast) == {"unknown": 5}
    assert WaitingReport.objects.count() == 5
    lease_is_over()
    return broadcast


def test_a_process_that_dies_while_it_asks_leaves_everything_to_be_asked_again(
    simulator: httpx2.Client, unknown: Broadcast
) -> None:
    def die(_: str) -> LookedUp | None:
        raise SystemExit

    with pytest.raises(SystemExit):
        services.look_up_reports(gateway=TellingGateway(die))
    assert statuses(unknown) == {"unknown": 5}
    lease_is_over()

    assert look_up(simulator) == 5


def test_several_at_once_ask_for_each_id_once_and_settle_each_message_once(
    simulator: httpx2.Client, unknown: Broadcast
) -> None:
    asked: list[str] = []

    def ask() -> None:
        gateway = make_gateway(simulator.base_url)
        telling = TellingGateway(gateway.lookup)
        services.look_up_reports(gateway=telling)
        asked.extend(telling.asked)

    at_once(ask, threads=4)

    assert len(asked) == len(set(asked)) == 5
    assert statuses(unknown) == {"delivered": 5}


def test_reports_are_applied_while_the_gateway_is_being_asked(unknown: Broadcast) -> None:
    known = make_expanded(contacts=1)
    services.send_next_batch(TellingGateway(fitting))
    reference = Message.objects.get(broadcast=known).public_id
    raw = b'{"messageId": "id-%s", "deliveryStatus": "Delivered"}' % reference.encode()

    def tell(_: str) -> None:
        services.store_event(gateway="mitto", kind="delivery", raw=raw)
        apply_all()

    services.look_up_reports(gateway=TellingGateway(tell))

    assert statuses(known) == {"delivered": 1}


def test_what_is_settled_while_the_applier_is_busy_waits_for_nobody(
    simulator: httpx2.Client, unknown: Broadcast
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [0x7461706C])
        at_once(lambda: look_up(simulator), threads=1)
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert statuses(unknown) == {"delivered": 5}


def test_a_late_answer_and_a_look_up_at_once_settle_each_message_once(
    simulator: httpx2.Client,
) -> None:
    """The worker was frozen past its lease, and comes back as its reports are looked up."""
    broadcast = make_expanded(contacts=30)
    claim = claim_batch()
    assert claim is not None
    answers = make_gateway(simulator.base_url).send_batch(claim.sms)
    ids = [answer.gateway_message_id for answer in answers]
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    services.sweep_messaging()
    assert statuses(broadcast) == {"unknown": 30}
    for gateway_message_id in ids:
        WaitingReport.objects.create(gateway_message_id=gateway_message_id, status="delivered")
    lease_is_over()
    results = Results()
    for message_id, gateway_message_id in zip(claim.messages, ids, strict=True):
        results.add(message_id, "sent", "", gateway_message_id)

    together(lambda: look_up(simulator), lambda: record(claim, results, Requeue()), apply_all)
    apply_all()

    assert statuses(broadcast) == {"delivered": 30}
    assert statistics([broadcast.pk])[broadcast.pk].segments == 30
    assert not WaitingReport.objects.exists()


def look_up_during(work: Callable[[], object], message_id: int) -> int:
    """Look up the message's report while the work is done but not committed; how many settled."""
    message = Message.objects.get(pk=message_id)
    found = LookedUp("g1", message.text, None, message.phone, DeliveryStatus.DELIVERED)
    settled: list[int] = []

    def look_up_meanwhile() -> None:
        settled.append(services.look_up_reports(gateway=TellingGateway(lambda _: found)))
        connection.close()

    meanwhile = threading.Thread(target=look_up_meanwhile)
    with transaction.atomic():
        work()
        meanwhile.start()
        wait_for(somebody_waits_for_a_lock)
    meanwhile.join()
    return settled[0]


def test_a_late_answer_that_is_just_being_committed_goes_first() -> None:
    broadcast = make_expanded(contacts=2)
    claim = claim_batch()
    assert claim is not None
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    services.sweep_messaging()
    WaitingReport.objects.create(gateway_message_id="g1", status="delivered")
    lease_is_over()
    results = Results()
    results.add(claim.messages[0], "sent", "", "g1")

    assert look_up_during(lambda: record(claim, results, Requeue()), claim.messages[0]) == 0

    assert statuses(broadcast) == {"sent": 1, "unknown": 1}
    apply_all()
    assert statuses(broadcast) == {"delivered": 1, "unknown": 1}


def test_a_closure_that_is_just_being_committed_is_lifted() -> None:
    broadcast = make_expanded(contacts=2)
    leave_unknown("g1")
    first = MessageProblem.objects.earliest("message_id")
    long_ago = timezone.now() - timedelta(hours=80)
    MessageProblem.objects.filter(pk=first.pk).update(created_at=long_ago)

    assert look_up_during(services.close_unknown, first.message_id) == 1

    assert statuses(broadcast) == {"delivered": 1, "unknown": 1}
