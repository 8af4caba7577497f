"""The door for inbound messages: verified, stored before they are understood, never lost."""

import json
import time
from typing import Any

import httpx2
import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from contacts.models import Consent
from messaging import services
from messaging.models import GatewayEvent, InboundMessage
from messaging.tests.inbound import PHONE, URL, apply_all, is_out, make_shop, post, sms, text_to
from messaging.verification import sign

pytestmark = pytest.mark.django_db

KEY = "a-key-for-signatures"
DELIVERY = "/webhooks/mitto/delivery/"


@pytest.mark.parametrize("secret", ["", "wrong", "test-webhook-secre"])
@pytest.mark.parametrize("url", [URL, DELIVERY])
def test_whoever_does_not_know_the_secret_is_refused(client: Client, url: str, secret: str) -> None:
    answer = client.post(
        url, b"{}", content_type="application/json", headers={"X-Webhook-Secret": secret}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_SECRET")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not GatewayEvent.objects.exists()


def test_a_secret_in_the_address_is_no_secret(client: Client, settings: Settings) -> None:
    secret = settings.MITTO_WEBHOOK_SECRET
    url = f"{URL}?secret={secret}&X-Webhook-Secret={secret}"
    assert client.post(url, b"{}", content_type="application/json").status_code == 401


def signed(body: bytes, *, at: float | str | None = None, key: str = KEY) -> dict[str, str]:
    timestamp = at if isinstance(at, str) else str(int(at or time.time()))
    return {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": sign(timestamp, body, key)}


@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_a_signed_request_is_taken(settings: Settings, prefix: str) -> None:
    settings.MITTO_WEBHOOK_HMAC_SECRET = KEY
    headers = signed(b"[]")
    headers["X-Webhook-Signature"] = prefix + headers["X-Webhook-Signature"]
    assert post(b"[]", **headers) == 202
    assert post(b"[]", **headers) == 202, "as gateways do whose answer was lost"


def test_a_signature_does_without_no_secret(settings: Settings) -> None:
    settings.MITTO_WEBHOOK_HMAC_SECRET = KEY
    assert post(b"[]", **signed(b"[]"), **{"X-Webhook-Secret": "wrong"}) == 401


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "INVALID_SIGNATURE"),
        (signed(b"another body"), "INVALID_SIGNATURE"),
        (signed(b"[]", key="another key of ours"), "INVALID_SIGNATURE"),
        (signed(b"[]") | {"X-Webhook-Timestamp": "1"}, "INVALID_SIGNATURE"),
        (signed(b"[]") | {"X-Webhook-Signature": "\u03a3"}, "INVALID_SIGNATURE"),
        (signed(b"[]", at=time.time() - 100_000), "STALE_SIGNATURE"),
        (signed(b"[]", at=time.time() + 100_000), "STALE_SIGNATURE"),
        (signed(b"[]", at="soon"), "STALE_SIGNATURE"),
        (signed(b"[]", at=""), "STALE_SIGNATURE"),
        (signed(b"[]", at="9" * 40), "STALE_SIGNATURE"),
        (signed(b"[]", at="\u0661"), "STALE_SIGNATURE"),
    ],
)
def test_a_forged_or_repeated_request_is_refused(
    client: Client, settings: Settings, headers: dict[str, str], code: str
) -> None:
    settings.MITTO_WEBHOOK_HMAC_SECRET = KEY
    settings.WEBHOOK_REPLAY_SECONDS = 300
    headers = headers | {"X-Webhook-Secret": settings.MITTO_WEBHOOK_SECRET}
    for url in (URL, DELIVERY):
        as_sent = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        answer = client.post(url, b"[]", content_type="application/json", headers=as_sent)
        assert answer.status_code == 401
        if headers.get("X-Webhook-Timestamp", "").isascii():
            assert answer.json()["code"] == code
    assert not GatewayEvent.objects.exists()


@pytest.mark.parametrize(
    ("age", "status"), [(-61, 401), (-59, 202), (0, 202), (59, 202), (61, 401)]
)
def test_what_was_signed_holds_for_the_window_and_no_longer(
    settings: Settings, age: int, status: int
) -> None:
    """Whoever recorded a request cannot send it again later, nor date it ahead."""
    settings.MITTO_WEBHOOK_HMAC_SECRET = KEY
    settings.WEBHOOK_REPLAY_SECONDS = 60
    with time_machine.travel(1_800_000_000, tick=False):
        headers = signed(b"[]", at=1_800_000_000 - age)
        assert post(b"[]", **headers) == status
    assert GatewayEvent.objects.count() == (status == 202)


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE messaging_gatewayevent RENAME TO gone")
    try:
        assert post(sms("STOP")) == 503
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO messaging_gatewayevent")
    assert post(sms("STOP")) == 202


def test_nothing_is_understood_before_it_is_acknowledged() -> None:
    shop = make_shop()
    text_to(shop)
    assert post(sms("STOP")) == 202
    assert not InboundMessage.objects.exists()
    apply_all()
    assert is_out(shop)


@pytest.mark.parametrize(
    "element",
    [
        {"from": "306940000001", "to": "54321", "text": "STOP"},
        {"msisdn": 306940000001, "to": 54321, "message": "STOP"},
        {"sender": "+306940000001", "message": "STOP"},
        {"From": "00306940000001", "Text": "STOP", "received_at": 1700000000},
        {"from": " 306940000001 ", "text": "", "message": "STOP", "timestamp": "yesterday"},
        {"from": "306940000001", "to": None, "text": "stop\x00", "timestamp": 1.7e12},
    ],
)
def test_fields_of_any_name_that_was_seen_are_read(element: dict[str, Any]) -> None:
    shop = make_shop()
    text_to(shop)
    post(element)
    apply_all()

    assert GatewayEvent.objects.get().state == "applied"
    assert is_out(shop)


BAD: list[Any] = [
    None, 5, "STOP", [], {}, {"from": PHONE}, {"text": "STOP"}, {"from": "", "text": "STOP"},
    {"from": {}, "text": "STOP"}, {"from": PHONE, "text": None}, {"from": "x" * 33, "text": "STOP"},
    {"from": "a\x00b", "text": "STOP"}, {"from": True, "text": "STOP"},
]  # fmt: skip


def test_bad_elements_go_to_quarantine_and_spoil_nothing() -> None:
    shop = make_shop()
    text_to(shop)
    post([*BAD, sms("Hello \ud83d"), sms("STOP"), *BAD])
    apply_all()

    event = GatewayEvent.objects.get()
    assert event.state == "quarantined"
    assert "element 0: not an object" in event.problem
    texts = InboundMessage.objects.order_by("pk").values_list("text", flat=True)
    assert list(texts) == ["Hello \ufffd", "STOP"]
    assert is_out(shop)


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_spoils_nothing_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_shop()
    text_to(shop)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE messaging_inboundmessage ADD CONSTRAINT x CHECK (text <> 'poison')"
        )
    try:
        post([sms("poison"), sms("Hello")])
        post(sms("STOP"))
        apply_all()
        states = GatewayEvent.objects.order_by("pk").values_list("state", flat=True)
        assert list(states) == ["quarantined", "applied"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE messaging_inboundmessage DROP CONSTRAINT x")
    assert is_out(shop)

    call_command("replay_events", verbosity=0)
    apply_all()
    assert InboundMessage.objects.count() == 3, "what was taken in is not taken in again"
    assert set(GatewayEvent.objects.values_list("state", flat=True)) == {"applied"}


def test_a_body_that_is_no_json_waits_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    post(b"\x00\xff[")
    post(sms("Hi"))
    apply_all()
    event = GatewayEvent.objects.earliest("pk")
    assert bytes(event.raw) == b"\x00\xff["
    assert event.state == "quarantined"

    call_command("replay_events", "--dry-run", "--kind", "inbound")
    listed = capsys.readouterr().out
    assert f"{event.pk} inbound" in listed
    assert "1 events are in quarantine; nothing was changed." in listed
    event.refresh_from_db()
    assert event.state == "quarantined"
    call_command("replay_events", str(event.pk + 100))
    assert "0 events" in capsys.readouterr().out
    call_command("replay_events", str(event.pk))
    assert "1 events" in capsys.readouterr().out
    event.refresh_from_db()
    assert event.state == "pending"


def test_reports_and_replies_do_not_take_each_other_s_events() -> None:
    services.store_event(gateway="mitto", kind="delivery", raw=b"[]")
    services.store_event(gateway="mitto", kind="inbound", raw=b"[]")
    apply_all()
    assert dict(GatewayEvent.objects.values_list("kind", "state")) == {
        "delivery": "pending", "inbound": "applied",
    }  # fmt: skip
    services.apply_stored_events()
    assert set(GatewayEvent.objects.values_list("state", flat=True)) == {"applied"}


@pytest.mark.django_db(transaction=True)
def test_the_simulated_gateway_hands_over_what_people_write(
    simulator: httpx2.Client, live_server: LiveServer, settings: Settings
) -> None:
    settings.MITTO_WEBHOOK_HMAC_SECRET = KEY
    shop = make_shop()
    text_to(shop)
    simulator.post(
        "/settings",
        json={
            "SIM_INBOUND_URL": live_server.url + URL,
            "SIM_REPORT_SECRET": settings.MITTO_WEBHOOK_SECRET,
            "SIM_REPORT_HMAC_SECRET": KEY,
        },
    )
    body = [{"from": PHONE, "to": "54321", "text": "ΣΤΟΠ"}, "no message at all"]
    answer = simulator.post("/inbound", json=body).json()
    assert answer["answer"] == 202
    apply_all()

    assert is_out(shop)
    assert Consent.objects.get(kind="withdrawn").source == "reply"
    assert GatewayEvent.objects.get().state == "quarantined"
    simulator.post("/settings", json={"SIM_REPORT_HMAC_SECRET": "not the key"})
    assert simulator.post("/inbound", json=body).json()["answer"] == 401
    simulator.post("/settings", json={"SIM_INBOUND_URL": ""})
    assert simulator.post("/inbound", json=body).status_code == 400


def test_json_that_python_reads_and_others_do_not() -> None:
    shop = make_shop()
    text_to(shop)
    raw = json.dumps([sms("STOP")]).encode() + b"\n"
    assert post(raw.replace(b'"54321"', b"NaN")) == 202
    apply_all()
    assert is_out(shop)
