"""An address whose packets vanish: nothing answers, not even with a refusal."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from celery import Celery
from pytest_django import Settings

from config.celery import app
from rediskit import connection, doorbell, failover
from rediskit.failover import Away

LONGEST = 0.8  # seconds: one attempt of half a second


@pytest.fixture
def blackhole() -> Iterator[str]:
    """A port whose queue of connections is full: further ones are dropped without a word."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            filler = sockets.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.fixture(autouse=True)
def _closed_circuits() -> Iterator[None]:
    for circuit in (failover.cache, failover.broker):
        circuit.reset()
    yield
    connection.close()
    for circuit in (failover.cache, failover.broker):
        circuit.reset()


def test_the_first_command_waits_a_little_and_the_next_ones_not_at_all(
    blackhole: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = blackhole
    began = time.monotonic()
    with pytest.raises(Away):
        failover.cache.call(connection.client().get, "x")
    assert 0.4 < time.monotonic() - began < LONGEST

    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(Away):
            failover.cache.call(connection.client().get, "x")
    assert time.monotonic() - began < 0.1
    away = "The cache is away, doing without it: TimeoutError: Timeout connecting to server"
    assert caplog.messages == [away]


def test_so_does_ringing(blackhole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    celery = Celery("blackholed", set_as_current=False, broker=blackhole)
    celery.conf.broker_transport_options = app.conf.broker_transport_options

    @celery.task(name="rediskit.tests.unheard")
    def unheard() -> None:
        """Never rung."""

    began = time.monotonic()
    assert not doorbell.ring(unheard)
    assert time.monotonic() - began < LONGEST
    began = time.monotonic()
    assert not doorbell.ring(unheard)
    assert time.monotonic() - began < 0.1
