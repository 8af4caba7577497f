"""Reports that arrive at the real web server while its database is away, or goes in the middle."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from django.conf import settings as configured
from django.db import connection

from accounts.tests.factories import make_business
from config.embedded.fixtures import SimulatedGateway
from messaging import services
from messaging.models import GatewayEvent
from messaging.services.counting import wrong_counters
from messaging.tests.factories import make_expanded, somebody_waits_for_a_lock, statuses
from messaging.tests.mitto import make_gateway
from messaging.tests.simulated import wait_for
from messaging.tests.test_reports import URL, apply_all

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def server() -> Iterator[Any]:
    """A session beside all databases of the tests."""
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    for ours in ("cursor_factory", "context"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters, autocommit=True) as session:
        yield session


def end_sessions(session: Any, database: str) -> None:
    session.execute(
        # Each has gone before the answer comes.
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s",
        [database],
    )


@contextmanager
def database_away() -> Iterator[None]:
    """Nobody is connected to it, and nobody gets in."""
    database = connection.settings_dict["NAME"]
    connection.close()
    with server() as session:
        session.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        end_sessions(session, database)
        try:
            yield
        finally:
            session.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')


def post(web: str, body: bytes) -> int:
    headers = {
        "X-Webhook-Secret": configured.MITTO_WEBHOOK_SECRET,
        "Content-Type": "application/json",
    }
    with httpx2.Client(trust_env=False, timeout=60) as client:
        return client.post(web + URL, content=body, headers=headers).status_code


def test_none_is_acknowledged_and_none_is_lost(
    live_web: str, simulated_gateway: SimulatedGateway
) -> None:
    """The gateway posts until it hears a 2xx, as gateways do."""
    broadcast = make_expanded(contacts=50, business=make_business())
    assert post(live_web, b"[]") == 202
    gateway = make_gateway(simulated_gateway.url, key=configured.MITTO_API_KEY)
    simulated_gateway.set(SIM_REPORT_URL="")
    while services.send_next_batch(gateway):
        pass

    with database_away():
        assert post(live_web, b"[]") == 503
        simulated_gateway.set(SIM_REPORT_URL=live_web + URL)
        assert [post(live_web, b"[]") for _ in range(10)] == [503] * 10

    def all_are_told() -> bool:
        apply_all()
        return statuses(broadcast) == {"delivered": 50}

    wait_for(all_are_told)
    assert simulated_gateway.counts()["delivered"] == 50
    assert list(wrong_counters()) == []


def test_a_connection_that_dies_in_the_middle_acknowledges_nothing(live_web: str) -> None:
    assert post(live_web, b"[]") == 202
    GatewayEvent.objects.all().delete()
    answers: list[int] = []
    posting = threading.Thread(target=lambda: answers.append(post(live_web, b"[1]")))
    with server() as session, connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE messaging_gatewayevent IN EXCLUSIVE MODE")
        posting.start()
        wait_for(somebody_waits_for_a_lock)
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND wait_event_type = 'Lock'",
            [connection.settings_dict["NAME"]],
        )
        posting.join()
        cursor.execute("ROLLBACK")

    assert answers == [503]
    assert not GatewayEvent.objects.exists()
    assert post(live_web, b"[1]") == 202
    assert bytes(GatewayEvent.objects.get().raw) == b"[1]"
