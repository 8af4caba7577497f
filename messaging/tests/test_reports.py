"""Delivery reports: stored before they are acknowledged, applied upwards only, never lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from messaging import services
from messaging.gateways import mitto
from messaging.gateways.base import DeliveryStatus
from messaging.models import (
    Broadcast,
    BroadcastCounters,
    GatewayEvent,
    GatewayReference,
    Message,
    MessageProblem,
    WaitingReport,
)
from messaging.services.counting import wrong_counters
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    make_expanded,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/webhooks/mitto/delivery/"


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


@pytest.fixture
def sent() -> Broadcast:
    """Three messages that the gateway has accepted."""
    broadcast = make_expanded(contacts=3)
    services.send_next_batch(ScriptedGateway(accept_all))
    return broadcast


def ids() -> list[str]:
    references = GatewayReference.objects.order_by("message_id")
    return list(references.values_list("gateway_message_id", flat=True))


def report(client: Client, body: object, settings: Settings) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        URL,
        raw,
        content_type="application/json",
        headers={"X-Webhook-Secret": settings.MITTO_WEBHOOK_SECRET},
    ).status_code


def delivery(gateway_message_id: str, status: str = "Delivered") -> dict[str, Any]:
    return {
        "messageId": gateway_message_id,
        "deliveryStatus": status,
        "updatedAt": "2026-11-22T10:00:00Z",
    }


def apply_all() -> None:
    while services.apply_stored_events():
        pass


def test_an_object_and_an_array_move_the_statistics(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    first, second, third = ids()

    assert report(client, delivery(first), settings) == 202
    assert report(client, [delivery(second), delivery(third, "Failure")], settings) == 202
    assert statuses(sent) == {"sent": 3}, "acknowledged before it is understood"
    apply_all()

    assert statuses(sent) == {"delivered": 2, "undelivered": 1}
    assert MessageProblem.objects.get().status == "undelivered"
    assert set(GatewayEvent.objects.values_list("state", flat=True)) == {"applied"}


@pytest.mark.parametrize("secret", ["", "wrong", "ΣΤΟΠ"])
def test_an_unsigned_report_is_refused_and_not_stored(client: Client, secret: str) -> None:
    headers = {"X-Webhook-Secret": secret.encode().decode("latin-1")} if secret else {}
    answer = client.post(URL, b"{}", content_type="application/json", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "INVALID_SECRET"
    assert not GatewayEvent.objects.exists()


def test_a_report_that_cannot_be_stored_is_not_acknowledged(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE messaging_gatewayevent RENAME TO gone")
    try:
        assert report(client, delivery(ids()[0]), settings) == 503
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO messaging_gatewayevent")

    assert report(client, delivery(ids()[0]), settings) == 202


def test_doubled_and_reordered_reports_never_step_down(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    first, second, _ = ids()
    for body in (
        delivery(first),
        delivery(first),
        delivery(first, "Sent"),
        delivery(first, "Failure"),
        [delivery(second, "Failure"), delivery(second), delivery(second, "Pending")],
    ):
        report(client, body, settings)
    apply_all()
    report(client, delivery(second), settings)
    apply_all()

    assert statuses(sent) == {"delivered": 1, "undelivered": 1, "sent": 1}


def test_a_report_that_overtakes_the_result_waits_for_it(
    client: Client, settings: Settings
) -> None:
    broadcast = make_expanded(contacts=1)
    reference = Message.objects.get().public_id
    report(client, delivery(f"id-{reference}"), settings)
    apply_all()
    assert WaitingReport.objects.count() == 1

    services.send_next_batch(ScriptedGateway(accept_all))
    apply_all()

    assert statuses(broadcast) == {"delivered": 1}
    assert not WaitingReport.objects.exists()


def test_a_bad_element_spoils_neither_its_neighbours_nor_itself(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    first, second, third = ids()
    body = [delivery(first), "?", {"messageId": 7}, delivery(second), delivery(third, "Mystery")]

    assert report(client, body, settings) == 202
    apply_all()

    assert statuses(sent) == {"delivered": 2, "sent": 1}
    event = GatewayEvent.objects.get()
    assert event.state == "quarantined"
    assert "element 1" in event.problem
    assert json.loads(bytes(event.raw)) == body


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"[", b"null", b'{"messageId": "\\u0000"}'])
def test_an_unreadable_body_is_kept_for_a_person(
    client: Client, settings: Settings, raw: bytes
) -> None:
    assert report(client, raw, settings) == 202
    apply_all()

    event = GatewayEvent.objects.get()
    assert event.state == "quarantined"
    assert bytes(event.raw) == raw


def test_a_late_report_lifts_a_message_closed_as_unconfirmed(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    first = ids()[0]
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger fires
        Message.objects.update(status="failed", reason="unconfirmed")
        BroadcastCounters.objects.update(failed=F("sent"), sent=0, segments=0)

    report(client, delivery(first), settings)
    apply_all()

    assert statuses(sent) == {"delivered": 1, "failed": 2}


def test_five_hundred_in_one_array_with_one_bad(client: Client, settings: Settings) -> None:
    broadcast = make_expanded(contacts=500)
    services.send_next_batch(ScriptedGateway(accept_all))
    body: list[object] = [delivery(gateway_id) for gateway_id in ids()]
    body[250] = {"deliveryStatus": "Delivered"}

    report(client, body, settings)
    apply_all()

    assert statuses(broadcast) == {"delivered": 499, "sent": 1}


def test_an_event_in_quarantine_is_replayed_and_its_good_elements_count_once(
    client: Client, settings: Settings, sent: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade that knows the gateway's new word."""
    first, second, third = ids()
    report(client, [delivery(first), delivery(second, "Handed over")], settings)
    apply_all()
    report(client, [delivery(first, "Failure"), delivery(third)], settings)
    apply_all()
    assert statuses(sent) == {"delivered": 2, "sent": 1}

    call_command("replay_events", "--kind", "delivery", verbosity=0)
    apply_all()
    assert statuses(sent) == {"delivered": 2, "sent": 1}, "nobody can read it yet"
    assert GatewayEvent.objects.filter(state="quarantined").count() == 1
    monkeypatch.setitem(mitto.DELIVERY_STATUSES, "handed over", DeliveryStatus.DELIVERED)
    for _ in range(2):
        call_command("replay_events", verbosity=0)
        apply_all()

    assert statuses(sent) == {"delivered": 3}
    assert set(GatewayEvent.objects.values_list("state", flat=True)) == {"applied"}


def test_an_event_that_cannot_be_applied_stands_in_nobody_s_way(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    other = make_expanded(contacts=1)
    services.send_next_batch(ScriptedGateway(accept_all))
    spoiled = BroadcastCounters.objects.filter(broadcast=sent)
    spoiled.update(sent=0, cancelled=F("total"))
    for gateway_id in ids():
        report(client, delivery(gateway_id), settings)

    apply_all()

    assert statuses(other) == {"delivered": 1}
    assert GatewayEvent.objects.filter(state="quarantined").count() == 3
    spoiled.update(cancelled=0, sent=F("total"))


def test_appliers_at_once_apply_each_report_once(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    for gateway_id in ids() * 5:
        report(client, delivery(gateway_id), settings)

    at_once(apply_all, threads=5)
    apply_all()

    assert statuses(sent) == {"delivered": 3}
