"""Delivery reports as gateways really send them: any order, any number, any bytes, any moment."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from messaging import services
from messaging.gateways.base import OutgoingSms, SendResult
from messaging.models import GatewayEvent, GatewayReference, Message, WaitingReport
from messaging.services.counting import wrong_counters
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded, statuses
from messaging.tests.test_reports import apply_all, delivery, ids, report

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = ("Queued", "Pending", "Sent", "Delivered", "Failure", "Failed", "Delivered", "Mystery")
SPOILT = (
    b'{"messageId": "a\\u0000b", "deliveryStatus": "Delivered"}',
    b'{"messageId": "ok", "deliveryStatus": "Deliv\\u0000ered"}',
    b'{"messageId": "\\ud800", "deliveryStatus": "Delivered"}',
    b'{"messageId": "\xff\xfe", "deliveryStatus": 7}',
    b'{"messageId": "%s", "deliveryStatus": "Delivered"}' % (b"x" * 101),
    b'{"deliveryStatus": "Delivered"}',
    b"null",
)
FINAL = {"Delivered": "delivered", "Failure": "undelivered", "Failed": "undelivered"}


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


def heard(words: list[str]) -> str:
    """Where a message stands that was sent and reported so: the first final report stands."""
    return next((FINAL[word] for word in words if word in FINAL), "sent")


def in_arrays(reports: list[dict[str, object]], dice: random.Random) -> Iterator[object]:
    """The same reports in requests of one to four; one alone comes as an object half the time."""
    while reports:
        taken = [reports.pop(0) for _ in range(min(dice.randint(1, 4), len(reports)))]
        yield taken[0] if len(taken) == 1 and dice.random() < 0.5 else taken


def test_whenever_they_come_the_first_final_report_stands(
    client: Client, settings: Settings
) -> None:
    """Before the result of the sending is recorded, after it, and in between; applied any time."""
    for seed in range(20):
        dice = random.Random(seed)
        broadcast = make_expanded(contacts=4)
        messages = Message.objects.filter(broadcast=broadcast)
        names = {f"id-{message.public_id}": message.pk for message in messages}
        reports = [delivery(name, dice.choice(WORDS)) for name in names for _ in range(3)]
        reports += dice.sample(reports, 6)
        dice.shuffle(reports)
        told = {
            pk: heard([one["deliveryStatus"] for one in reports if one["messageId"] == name])
            for name, pk in names.items()
        }
        bodies = list(in_arrays(reports, dice))
        sent_before = dice.randint(0, len(bodies))

        for number, body in enumerate(bodies):
            if number == sent_before:
                services.send_next_batch(ScriptedGateway(accept_all))
            assert report(client, body, settings) == 202
            if dice.random() < 0.4:
                apply_all()
        services.send_next_batch(ScriptedGateway(accept_all))
        apply_all()

        assert dict(messages.values_list("pk", "status")) == told, seed
        assert not WaitingReport.objects.exists(), seed


def test_reports_of_ids_nobody_knows_wait_and_harm_nobody(
    client: Client, settings: Settings
) -> None:
    broadcast = make_expanded(contacts=2)
    services.send_next_batch(ScriptedGateway(accept_all))
    known = ids()

    strangers = [delivery(f"stranger-{number}") for number in range(498)]
    report(client, [delivery(known[0]), *strangers, delivery(known[1])], settings)
    report(client, delivery(known[0].upper()), settings)
    apply_all()

    assert statuses(broadcast) == {"delivered": 2}
    assert WaitingReport.objects.count() == 499
    assert set(GatewayEvent.objects.values_list("state", flat=True)) == {"applied"}


def test_reports_of_ids_nobody_knows_do_not_wait_for_ever(
    client: Client, settings: Settings
) -> None:
    report(client, delivery("stranger"), settings)
    apply_all()

    WaitingReport.objects.update(received_at=F("received_at") - timedelta(hours=73))
    services.sweep_messaging()

    assert not WaitingReport.objects.exists()
    assert GatewayEvent.objects.count() == 1, "what was received stays on record"


def test_nul_bytes_and_worse_spoil_no_neighbour(client: Client, settings: Settings) -> None:
    broadcast = make_expanded(contacts=10 * len(SPOILT))
    services.send_next_batch(ScriptedGateway(accept_all))
    good = [json.dumps(delivery(gateway_id)).encode() for gateway_id in ids()]

    for number, bad in enumerate(SPOILT):
        neighbours = good[10 * number : 10 * number + 10]
        body = b"[%s]" % b",".join([*neighbours[:5], bad, *neighbours[5:]])
        assert report(client, body, settings) == 202
    apply_all()

    assert statuses(broadcast) == {"delivered": 10 * len(SPOILT)}
    for event, bad in zip(GatewayEvent.objects.order_by("id"), SPOILT, strict=True):
        assert event.state == "quarantined"
        assert event.problem.startswith("element 5: ")
        assert bad in bytes(event.raw), "byte for byte"


def test_nul_bytes_in_the_gateway_s_words_are_no_harm(client: Client, settings: Settings) -> None:
    broadcast = make_expanded(contacts=1)
    services.send_next_batch(ScriptedGateway(accept_all))

    body = delivery(ids()[0], "Failure") | {"description": "Absent\0subscriber", "extra\0": "\0"}
    assert report(client, body, settings) == 202
    apply_all()

    assert statuses(broadcast) == {"undelivered": 1}


def test_while_the_database_is_away_no_report_is_acknowledged(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway has to keep what it is told 5xx for, and come again."""
    broadcast = make_expanded(contacts=1)
    services.send_next_batch(ScriptedGateway(accept_all))
    gateway_id = ids()[0]

    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nowhere")
        away.setitem(connection.settings_dict, "OPTIONS", {"host": "/nowhere"})
        answer = report(client, delivery(gateway_id), settings)
    assert answer == 503
    assert not GatewayEvent.objects.exists()

    assert report(client, delivery(gateway_id), settings) == 202
    apply_all()
    assert statuses(broadcast) == {"delivered": 1}


def test_a_report_in_the_middle_of_a_recording_is_not_lost(
    client: Client, settings: Settings
) -> None:
    """The ids are known with the commit of the recording, and not a moment sooner."""
    broadcast = make_expanded(contacts=3)

    def accept_and_report(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        results = accept_all(messages)
        report(client, [delivery(one.gateway_message_id) for one in results], settings)
        apply_all()
        return results

    services.send_next_batch(ScriptedGateway(accept_and_report))
    assert GatewayReference.objects.count() == WaitingReport.objects.count() == 3
    apply_all()

    assert statuses(broadcast) == {"delivered": 3}
    assert not WaitingReport.objects.exists()
