"""A sender frozen or killed at each point of sending a batch: nobody twice, nobody lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from django.db import InternalError, connection
from django.utils import timezone
from pytest_django import Settings

from accounts.tests.factories import make_business
from config.embedded.fixtures import SimulatedGateway
from config.embedded.layout import PYTHON, ROOT
from messaging import services
from messaging.gateways.base import FailureReason, OutgoingSms, SendResult
from messaging.models import Batch, Broadcast, GatewayEvent, InboundMessage
from messaging.selectors import statistics
from messaging.services.claiming import give_back
from messaging.services.counting import wrong_counters
from messaging.services.obeying import obey
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded, statuses
from messaging.tests.inbound import apply_all, is_out, make_shop, post, sms, text_to
from messaging.tests.mitto import make_gateway
from messaging.tests.simulated import wait_for
from messaging.tests.test_reports_while_away import server

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 5  # seconds, in which every machine is done with a call
LEASE = DEADLINE + 2  # the shortest
BATCH, RECIPIENTS = 10, 30


@pytest.fixture
def broadcast(settings: Settings) -> Broadcast:
    settings.SEND_BATCH_SIZE = BATCH
    return make_expanded(contacts=RECIPIENTS, business=make_business())


@pytest.fixture
def sender_environment(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> dict[str, str]:
    monkeypatch.setenv("GATEWAY_CALL_DEADLINE", str(DEADLINE))
    monkeypatch.setenv("SEND_LEASE", str(LEASE))
    environment: dict[str, str] = request.getfixturevalue("program_environment")
    return environment


def stop_at(point: str, how: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A sender that is there now: stopped, or dead."""
    command = [str(PYTHON), "-m", "messaging.tests.frozen_sender", point, how]
    sender = subprocess.Popen(command, env=environment, cwd=ROOT)
    found = os.waitid(os.P_PID, sender.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert found is not None
    assert found.si_status == signal.Signals[how], "it never came there"
    return sender


def others_go_on(gateway_url: str, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '60s'")  # rather than to wait for ever
    services.sweep_messaging()
    another = make_gateway(gateway_url, key=key)
    while services.send_next_batch(another):
        pass


def wait_is_over() -> None:
    Batch.objects.update(not_before=timezone.now())
    Broadcast.objects.update(not_before=timezone.now())


@pytest.mark.parametrize(
    ("how", "point", "accepted", "unknown"),
    [
        # Frozen past its lease, and thawed.
        ("SIGSTOP", "claiming", 30, 0),  # holding locks that others wait for
        ("SIGSTOP", "claimed", 20, 10),  # its call no longer begins
        ("SIGSTOP", "calling", 30, 0),  # late, but once; and its answer is still recorded
        ("SIGSTOP", "called", 30, 0),
        ("SIGSTOP", "recorded", 30, 0),
        ("SIGKILL", "claiming", 30, 0),
        ("SIGKILL", "claimed", 20, 10),
        ("SIGKILL", "calling", 20, 10),
        ("SIGKILL", "called", 30, 10),  # the gateway has them, which nobody here will know
        ("SIGKILL", "recorded", 30, 0),
    ],
)
def test_nobody_is_texted_twice_and_everybody_is_accounted_for(
    *,
    how: str,
    point: str,
    accepted: int,
    unknown: int,
    broadcast: Broadcast,
    sender_environment: dict[str, str],
    simulated_gateway: SimulatedGateway,
    settings: Settings,
) -> None:
    sender = stop_at(point, how, sender_environment)
    try:
        if how == "SIGSTOP":
            time.sleep(LEASE + 0.1)  # by its own clock, and by the database's of its session
        Batch.objects.filter(state="submitting").update(lease_until=timezone.now())
        others_go_on(simulated_gateway.url, settings.MITTO_API_KEY)
    finally:
        if how == "SIGSTOP":
            sender.send_signal(signal.SIGCONT)
        code = sender.wait(timeout=60)
    # Of what was not committed the database has taken back the locks, and all else.
    thawed = 1 if point == "claiming" else 0
    assert code == (thawed if how == "SIGSTOP" else -signal.SIGKILL)
    wait_is_over()
    others_go_on(simulated_gateway.url, settings.MITTO_API_KEY)

    gateway = simulated_gateway.counts("+3069")
    assert (gateway["accepted"], gateway["max_per_destination"]) == (accepted, 1)
    final = statistics([broadcast.pk])[broadcast.pk]
    assert (final.sent, final.unknown) == (RECIPIENTS - unknown, unknown)
    broadcast.refresh_from_db()
    assert broadcast.status == "completed"
    assert list(wrong_counters()) == []


def has_ended(session: int, another: Any) -> bool:
    found = another.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [session])
    return not found.rowcount


def freezing_once(work: Callable[..., Any]) -> Callable[..., Any]:
    """The database ends the session of whoever does the work inside a transaction, once."""
    calls: list[object] = []

    def freeze_first(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
            with server() as another:
                wait_for(partial(has_ended, connection.connection.info.backend_pid, another))
        return work(*args, **options)

    return freeze_first


def test_who_was_frozen_while_recording_records_again(
    broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttle_last(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        return [
            *accept_all(messages[:-1]),
            SendResult.not_accepted(FailureReason.THROTTLED),
        ]

    monkeypatch.setattr("messaging.services.recording.give_back", freezing_once(give_back))
    services.send_next_batch(ScriptedGateway(throttle_last))

    assert statuses(broadcast) == {"sent": BATCH - 1, "queued": RECIPIENTS - BATCH + 1}
    assert list(wrong_counters()) == []


@pytest.mark.parametrize(
    ("place", "work", "text"),
    [
        ("inbound.obey", obey, "STOP"),
        ("answering.send_message", services.send_message, "Are you open?"),
    ],
)
def test_what_somebody_wrote_waits_for_whoever_was_frozen_over_it(
    monkeypatch: pytest.MonkeyPatch, place: str, work: Callable[..., Any], text: str
) -> None:
    shop = make_shop()
    services.save_auto_reply(business=shop, kind="other", is_active=True, text="From 9 to 5.")
    text_to(shop)
    post(sms(text))
    monkeypatch.setattr(f"messaging.services.{place}", freezing_once(work))

    with pytest.raises(InternalError):
        apply_all()
    assert GatewayEvent.objects.get().state == "pending"
    assert not InboundMessage.objects.exists()
    apply_all()

    assert InboundMessage.objects.get().text == text
    assert is_out(shop) == (text == "STOP")
