"""A circuit: one failure is enough, nobody waits while it is open, one caller at a time probes."""

import logging
import os
import threading
from collections.abc import Callable

import pytest
from redis import exceptions

from rediskit.failover import PROBE_INTERVAL, REFUSALS_END, Away, Circuit


class Server:
    """A function to call, and how often it was."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, value: str = "PONG") -> str:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return value


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def circuit() -> Circuit:
    return Circuit("The test")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass on the circuit's clock."""
    now = [1000.0]
    monkeypatch.setattr("rediskit.failover.time.monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def refuse(circuit: Circuit, server: Server) -> None:
    with pytest.raises(Away):
        circuit.call(server)


def test_results_and_foreign_errors_pass_through(circuit: Circuit, server: Server) -> None:
    assert circuit.call(server, value="1") == "1"
    server.error = ValueError("a bug of ours")
    with pytest.raises(ValueError, match="a bug of ours"):
        circuit.call(server)
    assert not circuit.is_open


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError(),
        exceptions.TimeoutError(),
        exceptions.MaxConnectionsError(),
        exceptions.BusyLoadingError(),
        exceptions.AuthenticationError(),
        exceptions.ReadOnlyError(),
        exceptions.InvalidResponse(),
        ConnectionResetError(),
    ],
)
@pytest.mark.usefixtures("later")  # lest a pause lets the time of a probe come
def test_one_failure_opens_it_and_nobody_waits(
    circuit: Circuit, server: Server, error: Exception
) -> None:
    server.error = error
    refuse(circuit, server)
    assert circuit.is_open
    for _ in range(10):
        refuse(circuit, server)
    assert server.calls == 1


def test_every_two_seconds_one_call_probes_and_success_closes_it(
    circuit: Circuit, server: Server, later: Callable[[float], None]
) -> None:
    server.error = exceptions.ConnectionError()
    refuse(circuit, server)
    later(PROBE_INTERVAL)
    for _ in range(3):
        refuse(circuit, server)
    assert server.calls == 2

    server.error = None
    refuse(circuit, server)
    later(PROBE_INTERVAL)
    assert circuit.call(server) == "PONG"
    assert not circuit.is_open


def test_a_warning_per_outage_and_a_line_at_its_end(
    circuit: Circuit,
    server: Server,
    later: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rediskit.failover")
    for _ in range(2):
        server.error = exceptions.ConnectionError("refused")
        for _ in range(5):
            refuse(circuit, server)
            later(PROBE_INTERVAL)
        server.error = None
        circuit.call(server)
    away = ("WARNING", "The test is away, doing without it: ConnectionError: refused")
    back = ("INFO", "The test is back")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [away, back] * 2


def test_a_refused_command_harms_only_itself(
    circuit: Circuit,
    server: Server,
    later: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rediskit.failover")
    for _ in range(5):
        server.error = exceptions.OutOfMemoryError("used memory > 'maxmemory'")
        refuse(circuit, server)
        server.error = None
        assert circuit.call(server) == "PONG"
    assert not circuit.is_open
    assert [record.levelname for record in caplog.records] == ["WARNING"]

    later(REFUSALS_END)
    circuit.call(server)
    assert caplog.messages[1:] == ["The test takes all commands again"]


def test_a_late_failure_does_not_open_it_again(
    circuit: Circuit, server: Server, later: Callable[[float], None]
) -> None:
    """A call that began before the outage may time out after somebody else saw its end."""

    def slow() -> str:
        server.error = exceptions.ConnectionError()
        refuse(circuit, server)
        server.error = None
        later(PROBE_INTERVAL)
        circuit.call(server)
        raise exceptions.TimeoutError

    with pytest.raises(Away):
        circuit.call(slow)
    assert not circuit.is_open


def test_many_threads_cost_one_probe(
    circuit: Circuit, server: Server, later: Callable[[float], None]
) -> None:
    server.error = exceptions.ConnectionError()
    refuse(circuit, server)
    later(PROBE_INTERVAL)
    threads = [threading.Thread(target=refuse, args=(circuit, server)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.calls == 2


def test_a_forked_child_starts_closed(circuit: Circuit, server: Server) -> None:
    server.error = exceptions.ConnectionError()
    refuse(circuit, server)
    circuit._lock.acquire()  # held by a thread that the child will not have
    child = os.fork()
    if child == 0:
        server.error = None
        os._exit(0 if circuit.call(server) == "PONG" and not circuit.is_open else 1)
    circuit._lock.release()
    assert os.waitpid(child, 0)[1] == 0
