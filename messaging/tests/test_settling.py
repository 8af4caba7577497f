"""Reports whose message nobody knows: the gateway tells, and only what fits exactly is settled."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product

import httpx2
import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from messaging import services
from messaging.gateways.base import (
    CredentialsRefused,
    DeliveryStatus,
    FailureReason,
    LookedUp,
    LookupFailed,
)
from messaging.models import (
    Broadcast,
    GatewayReference,
    Message,
    MessageProblem,
    WaitingReport,
)
from messaging.selectors import statistics
from messaging.services.claiming import claim_batch
from messaging.services.counting import wrong_counters
from messaging.services.recording import Requeue, Results, record
from messaging.tests.factories import make_expanded, statuses
from messaging.tests.mitto import make_gateway
from messaging.tests.unknown import (
    TellingGateway,
    apply_all,
    lease_is_over,
    leave_unknown,
    lose_replies,
)

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "+306940000001"
STATUSES = {"Sent": "sent", "Delivered": "delivered", "Failed": "undelivered"}
ORDERS = [words for number in (1, 2, 3) for words in product(STATUSES, repeat=number)]


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


def look_up(simulator: httpx2.Client) -> int:
    return services.look_up_reports(gateway=make_gateway(simulator.base_url))


def by_public_id(asked: str) -> LookedUp:
    """As a gateway whose ids are our own."""
    message = Message.objects.get(public_id=asked)
    return LookedUp(asked, message.text, "Store", message.phone, None)


def single(business: Business, text: str = "Your table is ready") -> Broadcast:
    """A message without links: nothing in its text tells it from another's."""
    return services.send_message(
        business=business, phone=PHONE, text=text, sender="Store"
    ).broadcast


def fitting(gateway_message_id: str) -> LookedUp:
    message = Message.objects.get()
    return LookedUp(
        gateway_message_id, message.text, "Store", message.phone, DeliveryStatus.DELIVERED
    )


def store(gateway_message_id: str, word: str) -> None:
    raw = json.dumps({"messageId": gateway_message_id, "deliveryStatus": word}).encode()
    services.store_event(gateway="mitto", kind="delivery", raw=raw)


@pytest.fixture
def unknown(simulator: httpx2.Client) -> Broadcast:
    """Five messages that the gateway has, and has reported; we know neither."""
    broadcast = make_expanded(contacts=5)
    lose_replies(simulator)
    assert statuses(broadcast) == {"unknown": 5}
    assert WaitingReport.objects.count() == 5
    lease_is_over()
    return broadcast


def test_what_a_lost_reply_left_unknown_is_settled_by_its_reports(
    simulator: httpx2.Client,
) -> None:
    broadcast = make_expanded(contacts=40)
    lose_replies(simulator, SIM_UNDELIVERED_RATE=0.5, SIM_SEED=1)
    lease_is_over()

    assert look_up(simulator) == 40

    counted = simulator.get("/counts").json()
    assert 0 < counted["undelivered"] < 40
    assert statuses(broadcast) == {
        "delivered": counted["delivered"],
        "undelivered": counted["undelivered"],
    }
    assert set(Message.objects.values_list("status", "reason")) == {
        ("delivered", ""),
        ("undelivered", "absent"),
    }
    undelivered = MessageProblem.objects.filter(status="undelivered")
    assert undelivered.count() == counted["undelivered"]
    assert statistics([broadcast.pk])[broadcast.pk].segments == 40
    assert not WaitingReport.objects.exists()
    assert GatewayReference.objects.count() == 40
    assert not Message.objects.filter(reported_at=None).exists()
    assert not services.send_next_batch(TellingGateway(fitting)), "nothing is sent again"


def test_a_report_younger_than_the_lease_is_left_to_its_own_call(
    simulator: httpx2.Client, unknown: Broadcast
) -> None:
    WaitingReport.objects.update(received_at=timezone.now())
    assert look_up(simulator) == 0
    assert statuses(unknown) == {"unknown": 5}


def test_later_reports_of_a_settled_message_change_nothing(
    simulator: httpx2.Client, unknown: Broadcast
) -> None:
    gateway_message_id = WaitingReport.objects.earliest("id").gateway_message_id
    WaitingReport.objects.create(gateway_message_id=gateway_message_id, status="undelivered")
    lease_is_over()
    look_up(simulator)
    WaitingReport.objects.create(gateway_message_id=gateway_message_id, status="undelivered")
    apply_all()

    assert statuses(unknown) == {"delivered": 5}
    assert not WaitingReport.objects.exists()


def knows_all() -> TellingGateway:
    """As a gateway that tells the destination, too."""
    return TellingGateway(
        lambda asked: LookedUp(asked, "Your table is ready", None, PHONE, DeliveryStatus.DELIVERED)
    )


def test_of_two_tenants_with_the_same_text_to_one_phone_neither_gets_the_other_s_report() -> None:
    both = [single(make_business(name=name)) for name in ("One", "Two")]
    leave_unknown("g1")
    leave_unknown("g2")

    assert services.look_up_reports(gateway=knows_all()) == 0
    assert [statuses(each) for each in both] == [{"unknown": 1}] * 2
    assert WaitingReport.objects.count() == 2


def test_a_twin_that_is_under_way_just_now_may_be_who_it_is_about() -> None:
    first = single(make_business(name="One"))
    leave_unknown()
    second = single(make_business(name="Two"))
    claim = claim_batch()
    assert claim is not None

    assert services.look_up_reports(gateway=knows_all()) == 0
    results = Results()
    results.add(claim.messages[0], "sent", "", "its own")
    assert record(claim, results, Requeue())
    lease_is_over()

    assert services.look_up_reports(gateway=knows_all()) == 1
    assert statuses(first) == {"delivered": 1}
    assert statuses(second) == {"sent": 1}


@pytest.mark.parametrize(
    ("change", "settled"),
    [
        (lambda text, other: text, 1),
        (lambda text, other: f"{text} {text}", 0),
        (lambda text, other: other, 0),
        (lambda text, other: text[:-1], 0),
        (lambda text, other: text.replace("Hello", "Hallo"), 0),
        (lambda text, other: text.splitlines()[-1].rpartition("/")[2], 0),
    ],
    ids=["its own", "twice", "a sent one's", "another tag", "another text", "the token alone"],
)
def test_without_a_destination_the_opt_out_link_tells_who_it_went_to(
    change: Callable[[str, str], str], settled: int
) -> None:
    sent = make_expanded(business=make_business(name="Other"), contacts=1)
    assert services.send_next_batch(TellingGateway(fitting))
    broadcast = make_expanded(contacts=1)
    leave_unknown()
    text, other = [Message.objects.get(broadcast=each).text for each in (broadcast, sent)]
    told = LookedUp("g1", change(text, other), None, None, None)

    assert services.look_up_reports(gateway=TellingGateway(lambda _: told)) == settled
    assert statuses(broadcast) == {"delivered" if settled else "unknown": 1}
    assert statuses(sent) == {"sent": 1}


@pytest.mark.parametrize(
    "told",
    [
        None,
        {"destination": "+306940000099"},
        {"destination": None},
        {"text": "Your table is ready!"},
        {"text": None},
        {"text": "Your table\x00 is ready"},
        {"text": "Your table \ud800 is ready"},
    ],
)
def test_what_does_not_fit_exactly_is_not_settled(told: dict[str, str | None] | None) -> None:
    broadcast = single(make_business())
    leave_unknown()
    fields = {"text": "Your table is ready", "destination": PHONE} | (told or {})
    found = LookedUp("g1", fields["text"], "Store", fields["destination"], None)
    gateway = TellingGateway(lambda _: found if told is not None else None)

    assert services.look_up_reports(gateway=gateway) == 0
    assert gateway.asked == ["g1"]
    assert statuses(broadcast) == {"unknown": 1}
    assert services.look_up_reports(gateway=gateway) == 0
    assert gateway.asked == ["g1"], "it is not asked again at once"


def test_a_destination_without_its_plus_sign_is_the_same() -> None:
    broadcast = single(make_business())
    leave_unknown()
    found = LookedUp("g1", "Your table is ready", None, PHONE.lstrip("+"), None)
    assert services.look_up_reports(gateway=TellingGateway(lambda _: found)) == 1
    assert statuses(broadcast) == {"delivered": 1}


def test_an_id_that_is_known_by_now_is_left_to_the_applier() -> None:
    broadcast = single(make_business())
    leave_unknown()
    GatewayReference.objects.create(gateway_message_id="g1", message_id=Message.objects.get().pk)
    assert services.look_up_reports(gateway=TellingGateway(fitting)) == 0
    apply_all()
    assert statuses(broadcast) == {"delivered": 1}


def test_that_it_is_under_way_proves_that_it_was_accepted() -> None:
    """Some networks never report more than that."""
    broadcast = single(make_business())
    leave_unknown()
    WaitingReport.objects.all().delete()
    store("g1", "Sent")
    apply_all()
    lease_is_over()

    assert services.look_up_reports(gateway=TellingGateway(fitting)) == 1

    assert statuses(broadcast) == {"sent": 1}
    assert not WaitingReport.objects.exists()
    WaitingReport.objects.create(gateway_message_id="g1", status="delivered")
    apply_all()
    assert statuses(broadcast) == {"delivered": 1}
    assert statistics([broadcast.pk])[broadcast.pk].segments == 1


@pytest.mark.parametrize("words", [("sent", "undelivered"), ("undelivered", "sent", "delivered")])
def test_the_first_final_report_stands_here_too(words: tuple[str, ...]) -> None:
    broadcast = single(make_business())
    leave_unknown(*["g1"] * len(words))
    for waiting, word in zip(WaitingReport.objects.order_by("id"), words, strict=True):
        WaitingReport.objects.filter(pk=waiting.pk).update(status=word)

    assert services.look_up_reports(gateway=TellingGateway(fitting)) == 1
    assert statuses(broadcast) == {"undelivered": 1}
    assert not WaitingReport.objects.exists()


def test_what_was_closed_is_lifted_by_a_final_report_only() -> None:
    broadcast = single(make_business())
    leave_unknown()
    WaitingReport.objects.update(status="sent")
    services.close_unknown(older_than=timedelta(0))

    assert services.look_up_reports(gateway=TellingGateway(fitting)) == 0
    assert statuses(broadcast) == {"failed": 1}
    WaitingReport.objects.create(gateway_message_id="g1", status="delivered")
    lease_is_over()
    assert services.look_up_reports(gateway=TellingGateway(fitting)) == 1
    assert statuses(broadcast) == {"delivered": 1}


@pytest.mark.parametrize("heard", [0, 1, 3])
def test_in_whatever_order_reports_come(settings: Settings, heard: int) -> None:
    """So many of them before the call was given up, and the others after it."""
    settings.SEND_BATCH_SIZE = settings.GATEWAY_LOOKUPS = 1000
    make_expanded(contacts=len(ORDERS))
    claim = claim_batch()
    assert claim
    orders = dict(zip((sms.reference for sms in claim.sms), ORDERS, strict=True))

    def report(first: int, end: int) -> None:
        for number in range(first, end):
            for public_id, words in orders.items():
                for word in words[number : number + 1]:
                    store(public_id, word)
            apply_all()

    report(0, heard)
    results = Results()
    for message_id in claim.messages:
        results.add(message_id, "unknown", "timeout")
    assert record(claim, results, Requeue())
    report(heard, 3)
    lease_is_over()
    services.look_up_reports(gateway=TellingGateway(by_public_id))

    found = Message.objects.in_bulk(field_name="public_id")
    for public_id, words in orders.items():
        final = next((word for word in words if word != "Sent"), "Sent")
        assert found[public_id].status == STATUSES[final], words
    assert not WaitingReport.objects.exists()


def test_that_others_are_under_way_is_not_kept_while_nothing_is_unknown() -> None:
    store("a neighbour's", "Sent")
    store("a neighbour's", "Delivered")
    apply_all()
    assert set(WaitingReport.objects.values_list("status", flat=True)) == {"delivered"}
    store("another", "Sent")
    apply_all()
    assert WaitingReport.objects.count() == 1


def test_nobody_is_asked_while_nothing_is_unknown() -> None:
    WaitingReport.objects.create(gateway_message_id="a neighbour's", status="delivered")
    lease_is_over()
    gateway = TellingGateway(lambda _: None)
    services.look_up_reports(gateway=gateway)
    assert gateway.asked == []


def test_no_more_is_asked_than_the_setting_allows(settings: Settings) -> None:
    single(make_business())
    leave_unknown(*(f"g{number}" for number in range(7)))
    gateway = TellingGateway(lambda _: None)
    for limit, asked in [(0, 0), (3, 3), (200, 7)]:
        settings.GATEWAY_LOOKUPS = limit
        services.look_up_reports(gateway=gateway)
        assert len(gateway.asked) == asked
    assert len(set(gateway.asked)) == 7


def test_an_id_the_gateway_does_not_know_is_asked_for_less_and_less(
    simulator: httpx2.Client, unknown: Broadcast
) -> None:
    simulator.post("/reset").raise_for_status()  # ids of before mean nothing any more
    waits = []
    for _ in range(10):
        now = timezone.now()
        assert look_up(simulator) == 0
        report = WaitingReport.objects.earliest("id")
        waits.append(round((report.look_up_at - now).total_seconds() / 60))
        WaitingReport.objects.update(look_up_at=now)

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240]
    assert statuses(unknown) == {"unknown": 5}


@pytest.mark.parametrize(
    "error",
    [
        LookupFailed(FailureReason.TIMEOUT, "no reply"),
        CredentialsRefused(FailureReason.CREDENTIALS, "HTTP 401"),
    ],
)
def test_a_gateway_that_fails_is_left_alone_for_a_minute(error: Exception) -> None:
    single(make_business())
    leave_unknown(*(f"g{number}" for number in range(9)))

    def fail(_: str) -> LookedUp | None:
        raise error

    gateway = TellingGateway(fail)
    services.look_up_reports(gateway=gateway)
    services.look_up_reports(gateway=gateway)

    assert len(gateway.asked) == 3
    assert not WaitingReport.objects.filter(look_up_at__lte=timezone.now()).exists()
    lease_is_over()
    assert services.look_up_reports(gateway=TellingGateway(fitting)) == 1


def test_a_gateway_that_cannot_be_reached(unknown: Broadcast) -> None:
    nowhere = make_gateway("http://127.0.0.1:9")
    assert services.look_up_reports(gateway=nowhere) == 0
    assert statuses(unknown) == {"unknown": 5}
    assert WaitingReport.objects.count() == 5
