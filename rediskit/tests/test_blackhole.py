"""An address whose packets vanish: nothing answers, not even with a refusal."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from celery import Celery
from pytest_django import Settings

from config.celery import app
from rediskit import connection, doorbell, failover
from rediskit.failover import Away

CALLS = 100


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
    blackhole: str,
    attempts: list[float | None],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.REDIS_URL = blackhole
    for _ in range(CALLS):
        with pytest.raises(Away):
            failover.cache.call(connection.client().get, "x")

    # One attempt, and perhaps some probes: every other call that waited would be another one.
    assert set(attempts) == {0.5}
    assert len(attempts) < CALLS / 10
    away = "The cache is away, doing without it: TimeoutError: Timeout connecting to server"
    assert caplog.messages == [away]


def test_so_does_ringing(
    blackhole: str, attempts: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    celery = Celery("blackholed", set_as_current=False, broker=blackhole)
    celery.conf.broker_transport_options = app.conf.broker_transport_options

    @celery.task(name="rediskit.tests.unheard", shared=False)
    def unheard() -> None:
        """Never rung."""

    for _ in range(CALLS):
        assert not doorbell.ring(unheard)

    assert set(attempts) == {0.5}
    assert len(attempts) < CALLS / 10
