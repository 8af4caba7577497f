import json
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx2
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from messaging.gateways import _gateway_of_process, get_gateway
from messaging.gateways.base import (
    CredentialsRefused,
    DeliveryReport,
    DeliveryStatus,
    FailureReason,
    LookupFailed,
    Outcome,
    OutgoingSms,
    RequestRefused,
    SendResult,
    UnreadableBody,
    UnreadableElement,
)
from messaging.gateways.mitto import MittoGateway
from messaging.tests.simulated import running_simulator

PHONE = "+306940000001"


def make_gateway(base_url: object, *, key: str = "", deadline: float = 5) -> MittoGateway:
    return MittoGateway(
        base_url=str(base_url), api_key=key, traffic_account_id="acc", deadline=deadline
    )


def make_sms(destination: str = PHONE, text: str = "Γειά 😀", sender: str = "Shop") -> OutgoingSms:
    return OutgoingSms("ref", destination, sender, text)


@pytest.fixture(scope="module")
def process() -> Iterator[httpx2.Client]:
    with running_simulator(SIM_LATENCY_MS=0) as client:
        yield client


@pytest.fixture
def simulator(process: httpx2.Client) -> Iterator[httpx2.Client]:
    settings = process.get("/settings").json()
    yield process
    process.post("/settings", json=settings | {"SIM_API_KEY": ""}).raise_for_status()
    process.post("/reset").raise_for_status()


def accepted(simulator: httpx2.Client) -> int:
    count = simulator.get("/counts").json()["accepted"]
    assert isinstance(count, int)
    return count


class TestSending:
    def test_accepted_messages_have_an_id_each(self, simulator: httpx2.Client) -> None:
        gateway = make_gateway(simulator.base_url)
        for batch_size in (1, 500):
            batch = [make_sms(f"+3069400{n:05}") for n in range(batch_size)]
            results = gateway.send_batch(batch)
            assert {result.outcome for result in results} == {Outcome.ACCEPTED}
            assert len({result.gateway_message_id for result in results}) == batch_size
        assert accepted(simulator) == 501

    def test_no_messages_no_call(self) -> None:
        assert make_gateway("http://127.0.0.1:1").send_batch([]) == []

    def test_lookup_tells_what_was_sent(self, simulator: httpx2.Client) -> None:
        gateway = make_gateway(simulator.base_url)
        [result] = gateway.send_batch([make_sms()])
        found = gateway.lookup(result.gateway_message_id)
        assert found is not None
        assert (found.text, found.sender, found.destination) == ("Γειά 😀", "Shop", PHONE)
        assert found.status in {DeliveryStatus.SENT, DeliveryStatus.DELIVERED}

    @pytest.mark.parametrize("unknown", ["nope", "../../livez", "a/b?c#d", "😀", "%00"])
    def test_lookup_of_an_unknown_id(self, simulator: httpx2.Client, unknown: str) -> None:
        assert make_gateway(simulator.base_url).lookup(unknown) is None

    def test_a_lost_reply_is_uncertain(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_LOST_REPLY_RATE": 1})
        results = make_gateway(simulator.base_url).send_batch([make_sms(), make_sms(text="b")])
        expected = (Outcome.UNCERTAIN, FailureReason.CONNECTION_RESET)
        assert [(result.outcome, result.reason) for result in results] == [expected] * 2
        assert accepted(simulator) == 2

    def test_a_503_is_uncertain(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_ERROR_RATE": 1})
        [result] = make_gateway(simulator.base_url).send_batch([make_sms()])
        assert result == SendResult.uncertain(FailureReason.GATEWAY_ERROR, "HTTP 503")

    def test_a_slow_gateway_is_uncertain(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_LATENCY_MS": 2000})
        [result] = make_gateway(simulator.base_url, deadline=0.3).send_batch([make_sms()])
        assert (result.outcome, result.reason) == (Outcome.UNCERTAIN, FailureReason.TIMEOUT)

    def test_refused_entries_spare_their_neighbours(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_REFUSE_RATE": 0.5, "SIM_SEED": 1})
        results = make_gateway(simulator.base_url).send_batch([make_sms()] * 100)
        refused = [result for result in results if result.outcome is Outcome.REFUSED]
        assert {result.reason for result in refused} == {FailureReason.INVALID_NUMBER}
        assert 20 < len(refused) < 80
        assert accepted(simulator) == 100 - len(refused)

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (make_sms(destination="123"), FailureReason.INVALID_NUMBER),
            (make_sms(sender="no such sender"), FailureReason.INVALID_SENDER),
            (make_sms(text=" "), FailureReason.INVALID_TEXT),
        ],
    )
    def test_one_bad_message_refuses_the_request(
        self, simulator: httpx2.Client, bad: OutgoingSms, reason: FailureReason
    ) -> None:
        with pytest.raises(RequestRefused) as caught:
            make_gateway(simulator.base_url).send_batch([make_sms(), bad])
        assert caught.value.reason == reason
        assert accepted(simulator) == 0

    def test_a_wrong_key_is_told_apart(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_API_KEY": "right"})
        wrong = make_gateway(simulator.base_url, key="wrong")
        with pytest.raises(CredentialsRefused):
            wrong.send_batch([make_sms()])
        with pytest.raises(CredentialsRefused):
            wrong.lookup("any")
        [result] = make_gateway(simulator.base_url, key="right").send_batch([make_sms()])
        assert result.outcome is Outcome.ACCEPTED

    @pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://nowhere.invalid"])
    def test_without_a_connection_nothing_was_accepted(self, base_url: str) -> None:
        gateway = make_gateway(base_url)
        [result] = gateway.send_batch([make_sms()])
        expected = (Outcome.NOT_ACCEPTED, FailureReason.UNREACHABLE)
        assert (result.outcome, result.reason) == expected
        with pytest.raises(LookupFailed):
            gateway.lookup("any")

    @pytest.mark.parametrize("base_url", ["", "messaging.example", "ftp://a.example", "http://"])
    def test_a_wrong_address_is_refused_at_once(self, base_url: str) -> None:
        with pytest.raises(ValueError, match="address"):
            make_gateway(base_url)

    def test_a_key_no_header_can_carry_is_refused_at_once(self) -> None:
        with pytest.raises(ValueError, match="API key"):
            make_gateway("http://a.example", key="κλειδί")


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
        thread.join(timeout=5)


def http_reply(status: int, content: object, *headers: str) -> bytes:
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    head = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def send_to(script: Script, *, count: int = 2, deadline: float = 2) -> list[SendResult]:
    with foreign_gateway(script) as base_url:
        gateway = make_gateway(base_url, deadline=deadline)
        return gateway.send_batch([make_sms(text=f"text {n}") for n in range(count)])


def answer(status: int, content: object, *headers: str) -> Script:
    return lambda connection: connection.sendall(http_reply(status, content, *headers))


def drip(beginning: bytes) -> Script:
    """One byte at a time, each well within any time-out per read."""

    def script(connection: socket.socket) -> None:
        connection.sendall(beginning)
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.1)

    return script


class TestForeignReplies:
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
    def test_an_unreadable_reply_is_uncertain(self, content: object) -> None:
        results = send_to(answer(200, content))
        expected = (Outcome.UNCERTAIN, FailureReason.UNREADABLE_REPLY)
        assert [(result.outcome, result.reason) for result in results] == [expected] * 2

    def test_each_entry_is_judged_by_itself(self) -> None:
        entries = [{"messageId": " AbC "}, {"errorCode": "8", "errorMessage": "no\x00"}, {}, 7]
        entries.append({"messageId": 12345678901234567})
        results = send_to(answer(201, {"messages": entries}), count=5)
        assert results[0] == SendResult.accepted("AbC")
        assert results[1] == SendResult.refused(FailureReason.INVALID_NUMBER, "no")
        assert [result.outcome for result in results[2:4]] == [Outcome.UNCERTAIN] * 2
        assert results[4] == SendResult.accepted("12345678901234567")

    @pytest.mark.parametrize("status", [202, 204, 301, 302, 404, 408, 409, 500, 502, 504])
    def test_other_codes_are_uncertain(self, status: int) -> None:
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
    def test_throttled_is_proven_not_accepted(self, header: str, retry_after: float | None) -> None:
        [result] = send_to(answer(429, b"", header), count=1)
        assert (result.outcome, result.reason) == (Outcome.NOT_ACCEPTED, FailureReason.THROTTLED)
        assert result.retry_after == retry_after

    @pytest.mark.parametrize("status", [401, 403])
    def test_credentials(self, status: int) -> None:
        with pytest.raises(CredentialsRefused, match=f"HTTP {status}"):
            send_to(answer(status, b"<html>"))

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errorCode": []}'])
    def test_a_400_without_explanation(self, body: bytes) -> None:
        with pytest.raises(RequestRefused) as caught:
            send_to(answer(400, body))
        assert (caught.value.reason, caught.value.detail) == (FailureReason.REFUSED, "HTTP 400")

    @pytest.mark.parametrize(
        "script",
        [
            drip(b""),
            drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
            lambda connection: time.sleep(2),
        ],
        ids=["status line", "header", "body", "silence"],
    )
    def test_the_deadline_is_total(self, script: Script) -> None:
        started = time.monotonic()
        results = send_to(script, deadline=0.5)
        expected = (Outcome.UNCERTAIN, FailureReason.TIMEOUT)
        assert [(result.outcome, result.reason) for result in results] == [expected] * 2
        assert time.monotonic() - started < 3

    @pytest.mark.parametrize(
        "beginning",
        [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", b"\x16\x03\x01 no HTTP\r\n\r\n"],
    )
    def test_a_reply_cut_short_is_uncertain(self, beginning: bytes) -> None:
        results = send_to(lambda connection: connection.sendall(beginning))
        expected = (Outcome.UNCERTAIN, FailureReason.CONNECTION_RESET)
        assert [(result.outcome, result.reason) for result in results] == [expected] * 2

    def test_a_connection_the_gateway_closed_meanwhile_is_not_used_again(self) -> None:
        reply = http_reply(200, {"messages": [{"messageId": "a"}]})
        with socket.create_server(("127.0.0.1", 0)) as server:
            gateway = make_gateway(f"http://127.0.0.1:{server.getsockname()[1]}")

            def serve_each_call_on_its_own_connection() -> None:
                for _ in range(3):
                    connection, _ = server.accept()
                    with connection:
                        read_request(connection)
                        connection.sendall(reply)

            threading.Thread(target=serve_each_call_on_its_own_connection, daemon=True).start()
            for _ in range(3):
                [result] = gateway.send_batch([make_sms()])
                assert result.outcome is Outcome.ACCEPTED
                time.sleep(0.1)  # for the end of the connection to arrive


def report(**fields: object) -> dict[str, object]:
    return {"messageId": "m1", "deliveryStatus": "Delivered", **fields}


class TestDeliveryReports:
    gateway = make_gateway("http://127.0.0.1:1")

    def parse(self, content: object) -> list[DeliveryReport | UnreadableElement]:
        raw = content if isinstance(content, bytes) else orjson.dumps(content)
        return self.gateway.parse_deliveries(raw)

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("Delivered", DeliveryStatus.DELIVERED),
            (" DELIVERED ", DeliveryStatus.DELIVERED),
            ("Failure", DeliveryStatus.UNDELIVERED),
            ("failed", DeliveryStatus.UNDELIVERED),
            ("Sent", DeliveryStatus.SENT),
            ("Pending", DeliveryStatus.SENT),
            ("Queued", DeliveryStatus.SENT),
        ],
    )
    def test_words(self, word: str, status: DeliveryStatus) -> None:
        [parsed] = self.parse(report(deliveryStatus=word))
        assert isinstance(parsed, DeliveryReport)
        assert parsed.status is status

    def test_a_failure_has_a_reason_and_the_gateways_words(self) -> None:
        parsed = self.parse(
            [
                report(deliveryStatus="Failure", description="Absent\x00 subscriber"),
                report(deliveryStatus="Failure", description="Message Expired"),
                report(deliveryStatus="Failure", description={"no": "text"}),
            ]
        )
        assert [(one.reason, one.detail) for one in parsed if isinstance(one, DeliveryReport)] == [
            (FailureReason.UNDELIVERABLE, "Absent  subscriber"),
            (FailureReason.EXPIRED, "Message Expired"),
            (FailureReason.UNDELIVERABLE, ""),
        ]

    @pytest.mark.parametrize(
        ("written", "moment"),
        [
            ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
            ("2026-03-01T10:00:00.1234567+02:00", datetime(2026, 3, 1, 8, 0, 0, 123456, UTC)),
            ("2026-03-01T10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
            ("0001-01-01T00:00:00+14:00", None),
            ("yesterday", None),
            (1700000000, None),
            (None, None),
        ],
    )
    def test_times(self, written: object, moment: datetime | None) -> None:
        [parsed] = self.parse(report(updatedAt=written))
        assert isinstance(parsed, DeliveryReport)
        assert parsed.occurred_at == moment

    def test_a_bad_element_spares_its_neighbours(self) -> None:
        bad: list[object] = [
            None,
            5,
            "x",
            [],
            {},
            report(messageId=None),
            report(messageId="a\x00b"),
        ]
        bad += [report(deliveryStatus="Eaten"), report(deliveryStatus=None), {"messageId": "m"}]
        parsed = self.parse([report(), *bad, report(messageId=" M1 ")])
        assert isinstance(parsed[0], DeliveryReport)
        assert [one.index for one in parsed if isinstance(one, UnreadableElement)] == [
            *range(1, len(bad) + 1)
        ]
        assert isinstance(parsed[-1], DeliveryReport)
        assert parsed[-1].gateway_message_id == "M1"

    @pytest.mark.parametrize(
        "spoilt", [rb'"\ud800"', b'"\xff"', b"NaN", b"1e999", b'{"a":' * 900 + b"1" + b"}" * 900]
    )
    def test_a_badly_encoded_element_spares_its_neighbours(self, spoilt: bytes) -> None:
        good = orjson.dumps(report())
        other = b'{"messageId": ' + spoilt + b', "deliveryStatus": "Delivered"}'
        parsed = self.parse(b"[" + good + b"," + other + b"," + good + b"]")
        assert [isinstance(one, DeliveryReport) for one in parsed][::2] == [True, True]

    def test_five_hundred_at_once(self) -> None:
        parsed = self.parse([report(messageId=n) for n in range(500)])
        assert [one.gateway_message_id for one in parsed if isinstance(one, DeliveryReport)] == [
            str(n) for n in range(500)
        ]

    @pytest.mark.parametrize("body", [b"", b"\x00", b"null", b"5", b'"x"', b"[" * 100_000, b"[1,"])
    def test_a_body_that_is_no_report_at_all(self, body: bytes) -> None:
        with pytest.raises(UnreadableBody):
            self.parse(body)

    def test_an_empty_array_is_no_error(self) -> None:
        assert self.parse(b"[]") == []

    @given(st.binary())
    def test_any_bytes_are_read_or_refused(self, body: bytes) -> None:
        try:
            self.parse(body)
        except UnreadableBody:
            return

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )

    @given(
        st.fixed_dictionaries(
            {"messageId": json_values, "deliveryStatus": json_values | st.just("Sent")},
            optional={"updatedAt": json_values, "description": json_values},
        )
    )
    def test_any_field_is_parsed_or_set_aside(self, fields: dict[str, object]) -> None:
        [parsed] = self.parse(json.dumps([fields]).encode())
        if isinstance(parsed, DeliveryReport):
            assert "\x00" not in parsed.gateway_message_id + parsed.detail


class TestSharing:
    """Connections and event loops belong to one thread of one process."""

    def test_a_forked_process_has_a_gateway_of_its_own(
        self, simulator: httpx2.Client, settings: Settings
    ) -> None:
        settings.MITTO_API_BASE = str(simulator.base_url)

        def send_one() -> None:
            [result] = get_gateway().send_batch([make_sms()])
            assert result.outcome is Outcome.ACCEPTED

        _gateway_of_process.cache_clear()
        try:
            send_one()
            context = multiprocessing.get_context("fork")
            children = [context.Process(target=send_one) for _ in range(2)]
            for child in children:
                child.start()
                send_one()
            for child in children:
                child.join(timeout=10)
            send_one()
        finally:
            _gateway_of_process.cache_clear()
        assert [child.exitcode for child in children] == [0, 0]
        assert accepted(simulator) == 6

    def test_threads_do_not_disturb_each_other(self, simulator: httpx2.Client) -> None:
        gateway = make_gateway(simulator.base_url)
        with ThreadPoolExecutor(4) as pool:
            batches = list(pool.map(gateway.send_batch, [[make_sms()]] * 40))
        assert {result.outcome for [result] in batches} == {Outcome.ACCEPTED}
        assert accepted(simulator) == 40
