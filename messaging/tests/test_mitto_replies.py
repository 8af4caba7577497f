import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
import pytest

from messaging.gateways.base import (
    CredentialsRefused,
    FailureReason,
    Outcome,
    RequestRefused,
    SendResult,
)
from messaging.tests.mitto import make_gateway, make_sms

Script = Callable[[socket.socket], None]


def read_request(connection: socket.socket) -> None:
    """To its end: closing with bytes unread would reset the connection under our reply."""
    with connection.makefile("rb") as stream:
        length = 0
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.lower().partition(b":")
            length = int(value) if name == b"content-length" else length
        stream.read(length)


@contextmanager
def foreign_gateway(script: Script) -> Iterator[str]:
    """Somebody else's server: reads what comes first, then behaves as the script says."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve_once() -> None:
            connection, _ = server.accept()
            with connection:
                read_request(connection)
                try:
                    script(connection)
                except OSError:
                    return  # the caller gave up, as some tests want

        thread = threading.Thread(target=serve_once, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(timeout=60)


def http_reply(status: int, content: object, *headers: str) -> bytes:
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    head = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def send_to(script: Script, *, count: int = 2, deadline: float = 30) -> list[SendResult]:
    with foreign_gateway(script) as base_url:
        gateway = make_gateway(base_url, deadline=deadline)
        return gateway.send_batch([make_sms(text=f"text {n}") for n in range(count)])


def answer(status: int, content: object, *headers: str) -> Script:
    return lambda connection: connection.sendall(http_reply(status, content, *headers))


def drip(beginning: bytes) -> Script:
    """One byte at a time, each well within any time-out per read."""

    def script(connection: socket.socket) -> None:
        connection.sendall(beginning)
        for _ in range(600):
            connection.sendall(b"x")
            time.sleep(0.1)

    return script


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[" * 10_000,
        [],
        {},
        {"messages": None},
        {"messages": []},
        {"messages": [{"messageId": "a"}]},
        {"messages": [{"messageId": c} for c in "abc"]},
        {"messages": [None, 5]},
        {"messages": [{"messageId": None}, {"messageId": ""}]},
        {"messages": [{"messageId": "a\x00"}, {"messageId": "x" * 101}]},
        {"messages": [{"messageId": True}, {"messageId": 1.5}]},
        {"messages": [{"messageId": "same"}, {"messageId": " same "}]},
        {"messages": [{"errorCode": 1}, {"errorCode": "teapot"}]},
        b" " * (5 * 1024 * 1024),
    ],
)
def test_an_unreadable_reply_is_uncertain(content: object) -> None:
    results = send_to(answer(200, content))
    expected = (Outcome.UNCERTAIN, FailureReason.UNREADABLE_REPLY)
    assert [(result.outcome, result.reason) for result in results] == [expected] * 2


def test_each_entry_is_judged_by_itself() -> None:
    entries = [{"messageId": " AbC "}, {"errorCode": "8", "errorMessage": "no\x00"}, {}, 7]
    entries.append({"messageId": 12345678901234567})
    results = send_to(answer(201, {"messages": entries}), count=5)
    assert results[0] == SendResult.accepted("AbC")
    assert results[1] == SendResult.refused(FailureReason.INVALID_NUMBER, "no")
    assert [result.outcome for result in results[2:4]] == [Outcome.UNCERTAIN] * 2
    assert results[4] == SendResult.accepted("12345678901234567")


@pytest.mark.parametrize("status", [202, 204, 301, 302, 404, 408, 409, 500, 502, 504])
def test_other_codes_are_uncertain(status: int) -> None:
    for result in send_to(answer(status, b"", "Location: http://127.0.0.1:1/")):
        assert (result.outcome, result.detail) == (Outcome.UNCERTAIN, f"HTTP {status}")


@pytest.mark.parametrize(
    ("header", "retry_after"),
    [
        ("Retry-After: 7", 7),
        ("Retry-After: 99999999", 3600),
        ("Retry-After: Mon, 01 Jan 2024 00:00:00 GMT", 0),
        ("Retry-After: Mon, 01 Jan 2024 00:00:00 -0000", 0),
        ("Retry-After: soon", None),
        ("Retry-After: -5", None),
        ("Retry-After: 01 Jan 2024 00:00:00 +99999999999999", None),
        ("X-Other: 1", None),
    ],
)
def test_throttled_is_proven_not_accepted(header: str, retry_after: float | None) -> None:
    [result] = send_to(answer(429, b"", header), count=1)
    assert (result.outcome, result.reason) == (Outcome.NOT_ACCEPTED, FailureReason.THROTTLED)
    assert result.retry_after == retry_after


@pytest.mark.parametrize("status", [401, 403])
def test_credentials(status: int) -> None:
    with pytest.raises(CredentialsRefused, match=f"HTTP {status}"):
        send_to(answer(status, b"<html>"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errorCode": []}'])
def test_a_400_without_explanation(body: bytes) -> None:
    with pytest.raises(RequestRefused) as caught:
        send_to(answer(400, body))
    assert (caught.value.reason, caught.value.detail) == (FailureReason.REFUSED, "HTTP 400")


@pytest.mark.parametrize(
    "script",
    [
        drip(b""),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
        lambda connection: connection.recv(1),  # until the caller has gone
    ],
    ids=["status line", "header", "body", "silence"],
)
def test_the_deadline_is_total(script: Script) -> None:
    """A quarter of it is for connecting, which must not be what took too long."""
    results = send_to(script, deadline=2)
    expected = (Outcome.UNCERTAIN, FailureReason.TIMEOUT)
    assert [(result.outcome, result.reason) for result in results] == [expected] * 2


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", b"\x16\x03\x01 no HTTP\r\n\r\n"],
)
def test_a_reply_cut_short_is_uncertain(beginning: bytes) -> None:
    results = send_to(lambda connection: connection.sendall(beginning))
    expected = (Outcome.UNCERTAIN, FailureReason.CONNECTION_RESET)
    assert [(result.outcome, result.reason) for result in results] == [expected] * 2


def test_a_connection_the_gateway_closed_meanwhile_is_not_used_again() -> None:
    reply = http_reply(200, {"messages": [{"messageId": "a"}]})
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway = make_gateway(f"http://127.0.0.1:{server.getsockname()[1]}")
        closed = threading.Semaphore(0)

        def serve_each_call_on_its_own_connection() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    read_request(connection)
                    connection.sendall(reply)
                closed.release()

        threading.Thread(target=serve_each_call_on_its_own_connection, daemon=True).start()
        for _ in range(3):
            [result] = gateway.send_batch([make_sms()])
            assert result.outcome is Outcome.ACCEPTED
            assert closed.acquire(timeout=60)


@pytest.mark.parametrize(
    ("told", "read"),
    [(b'"306940000001"', "306940000001"), (b"306940000001", "306940000001"), (b'"\\ud800"', None)],
)
def test_the_destination_of_a_look_up_is_an_address_or_nothing(told: bytes, read: str) -> None:
    reply = http_reply(200, b'{"text": "Hi", "destination": %s}' % told)
    with foreign_gateway(lambda connection: connection.sendall(reply)) as base_url:
        found = make_gateway(base_url).lookup("g1")

    assert found is not None
    assert found.destination == read
