import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx2
import orjson
import pytest

from messaging.tests.simulated import ROOT, running_simulator

SEND = "/api/v1.1/Messages/send"
BULK = "/api/v1.1/Messages/sendmessagesbulk"
PHONE = "+306940000001"


def element(
    destination: str = PHONE, text: str = "Hello", sender: str = "Shop"
) -> dict[str, object]:
    sms = {"text": text, "sender": sender}
    return {"trafficAccountId": "acc", "destination": destination, "sms": sms}


def send(client: httpx2.Client, *elements: object) -> list[dict[str, str]]:
    response = client.post(BULK, json={"messages": elements})
    assert response.status_code == 200, response.text
    entries = response.json()["messages"]
    assert isinstance(entries, list)
    return entries


def counts(client: httpx2.Client, prefix: str = "%2B") -> dict[str, int]:
    content = client.get(f"/counts?prefix={prefix}").json()
    assert isinstance(content, dict)
    return content


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "It did not come about in time."
        time.sleep(0.02)


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


@dataclass
class Receiver:
    """The product's webhook, as far as the simulator sees it."""

    url: str
    answers: list[int] = field(default_factory=list)  # statuses to answer first; then 202
    secrets: list[str | None] = field(default_factory=list)
    posts: list[list[dict[str, str]]] = field(default_factory=list)

    def reports(self) -> list[dict[str, str]]:
        return [report for post in list(self.posts) for report in post]


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.pop(0) if receiver.answers else 202
            receiver.secrets.append(self.headers["X-Webhook-Secret"])
            if status == 202:
                receiver.posts.append(orjson.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()


class TestMessages:
    def test_single_send_and_look_up(self, simulator: httpx2.Client) -> None:
        [entry] = simulator.post(SEND, json=element()).json()["messages"]
        assert entry["trafficAccountId"] == "acc"
        found = simulator.get(f"/api/v1.1/Messages/{entry['messageId']}").json()
        assert found["text"] == "Hello"
        assert found["sender"] == "Shop"
        assert found["destination"] == PHONE
        assert found["deliveryStatus"] == "Delivered"
        assert {"createdAt", "updatedAt", "description", "messageParts", "reference"} < set(found)

    def test_look_up_before_the_report_is_due(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_REPORT_DELAY_MS": 60_000})
        [entry] = send(simulator, element())
        found = simulator.get(f"/api/v1.1/Messages/{entry['messageId']}").json()
        assert found["deliveryStatus"] == "Sent"

    def test_ids_die_with_a_reset(self, simulator: httpx2.Client) -> None:
        [entry] = send(simulator, element())
        simulator.post("/reset")
        send(simulator, element())
        assert simulator.get(f"/api/v1.1/Messages/{entry['messageId']}").status_code == 404

    @pytest.mark.parametrize("spelling", [str.upper, lambda known: known + "_", lambda known: "+1"])
    def test_only_the_exact_id_is_known(
        self, simulator: httpx2.Client, spelling: Callable[[str], str]
    ) -> None:
        known = send(simulator, *[element()] * 11)[10]["messageId"]
        assert simulator.get(f"/api/v1.1/Messages/{spelling(known)}").status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b'{"messages": []}',
            b'{"messages": 5}',
            b'{"messages": [5]}',
            orjson.dumps({"messages": [element(), element(destination="0030694")]}),
            orjson.dumps({"messages": [element(), element(destination="+30694\u0660000001")]}),
            orjson.dumps({"messages": [element(), element(text="")]}),
            orjson.dumps({"messages": [element(), element(sender="ab")]}),
            orjson.dumps({"messages": [element(), element(sender="twelve chars")]}),
            orjson.dumps({"messages": [element(), element() | {"trafficAccountId": None}]}),
        ],
    )
    def test_one_bad_element_refuses_the_whole(self, simulator: httpx2.Client, body: bytes) -> None:
        response = simulator.post(BULK, content=body)
        assert response.status_code == 400
        assert response.json()["errorMessage"]
        assert counts(simulator)["accepted"] == 0

    def test_a_key_is_checked_only_on_mittos_side(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_API_KEY": "right"})
        assert simulator.post(BULK, json={"messages": [element()]}).status_code == 401
        assert simulator.get("/livez").status_code == 200
        headers = {"X-Mitto-API-Key": "right"}
        response = simulator.post(BULK, json={"messages": [element()]}, headers=headers)
        assert response.status_code == 200


class TestCounts:
    def test_by_prefix(self, simulator: httpx2.Client) -> None:
        send(
            simulator,
            element("+3069410001"),
            element("+3069410001", "Other"),
            element("+14155550100"),
        )
        send(simulator, element("3069410001"))
        expected = {"accepted": 3, "destinations": 1, "max_per_destination": 3, "duplicates": 1}
        for spelling in ("+3069", "%2B3069", "3069"):
            assert counts(simulator, spelling).items() >= expected.items()
        assert counts(simulator)["accepted"] == 4
        assert simulator.get("/counts").json()["destinations"] == 2
        assert counts(simulator, "+999")["max_per_destination"] == 0

    def test_reset_forgets_the_messages_and_keeps_the_settings(
        self, simulator: httpx2.Client
    ) -> None:
        simulator.post("/settings", json={"SIM_LATENCY_MS": 1})
        send(simulator, element())
        simulator.post("/reset")
        send(simulator, element())
        assert (counts(simulator)["accepted"], counts(simulator)["duplicates"]) == (1, 0)
        assert simulator.get("/settings").json()["SIM_LATENCY_MS"] == 1


class TestMisbehaviour:
    def test_a_lost_reply_was_accepted(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_LOST_REPLY_RATE": 1})
        with pytest.raises(httpx2.RemoteProtocolError):
            simulator.post(SEND, json=element())
        assert counts(simulator)["accepted"] == 1

    def test_an_error_was_not(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_ERROR_RATE": 1})
        assert simulator.post(SEND, json=element()).status_code == 503
        assert counts(simulator)["accepted"] == 0

    def test_a_caller_that_is_gone_was_accepted_nonetheless(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_LATENCY_MS": 300})
        with pytest.raises(httpx2.ReadTimeout):
            simulator.post(SEND, json=element(), timeout=0.1)
        assert counts(simulator)["accepted"] == 1

    def test_refusals_are_per_message(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_REFUSE_RATE": 1})
        entries = send(simulator, element(), element())
        assert [set(entry) for entry in entries] == [
            {"trafficAccountId", "errorCode", "errorMessage"}
        ] * 2
        assert simulator.post(SEND, json=element()).status_code == 400
        assert counts(simulator).items() >= {"accepted": 0, "refused": 3, "destinations": 0}.items()

    def test_a_seed_repeats_the_dice(self, simulator: httpx2.Client) -> None:
        runs = []
        for _ in range(2):
            simulator.post("/settings", json={"SIM_SEED": 5, "SIM_REFUSE_RATE": 0.5})
            runs.append(["messageId" in entry for entry in send(simulator, *[element()] * 50)])
        assert runs[0] == runs[1]
        assert len(set(runs[0])) == 2

    def test_latency(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_LATENCY_MS": 200})
        started = time.monotonic()
        send(simulator, element())
        assert time.monotonic() - started >= 0.2


class TestReports:
    def test_every_message_is_reported_once(self, simulator: httpx2.Client) -> None:
        with receiving() as receiver:
            settings = {"SIM_REPORT_URL": receiver.url, "SIM_REPORT_SECRET": "s3cret"}
            simulator.post("/settings", json=settings | {"SIM_UNDELIVERED_RATE": 0.5})
            entries = send(simulator, *[element(f"+3069400{n:05}") for n in range(1200)])
            wait_for(lambda: len(receiver.reports()) == 1200)
        reports = receiver.reports()
        assert {one["messageId"] for one in reports} == {one["messageId"] for one in entries}
        assert max(len(post) for post in receiver.posts) <= 500
        assert set(receiver.secrets) == {"s3cret"}
        words = Counter(one["deliveryStatus"] for one in reports)
        counted = counts(simulator)
        assert words == {
            "Delivered": counted["delivered"],
            "Failure": counted["undelivered"],
        }
        assert 400 < words["Failure"] < 800
        assert all(one["updatedAt"].endswith("Z") and one["description"] for one in reports)

    def test_reports_are_repeated_until_taken(self, simulator: httpx2.Client) -> None:
        with receiving() as receiver:
            receiver.answers = [503, 401, 302]
            simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
            send(simulator, element())
            wait_for(lambda: len(receiver.reports()) == 1)
            assert len(receiver.secrets) == 4

    def test_reports_wait_for_an_address(self, simulator: httpx2.Client) -> None:
        send(simulator, element())
        assert counts(simulator)["delivered"] == 0
        with receiving() as receiver:
            simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
            wait_for(lambda: len(receiver.reports()) == 1)

    def test_reports_wait_for_a_receiver_that_is_away(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_REPORT_URL": "http://127.0.0.1:1/"})
        send(simulator, element())
        wait_for(lambda: counts(simulator)["delivered"] == 1)
        with receiving() as receiver:
            simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
            wait_for(lambda: len(receiver.reports()) == 1)

    def test_a_lost_reply_is_reported_too(self, simulator: httpx2.Client) -> None:
        with receiving() as receiver:
            settings = {"SIM_REPORT_URL": receiver.url, "SIM_LOST_REPLY_RATE": 1}
            simulator.post("/settings", json=settings)
            with pytest.raises(httpx2.RemoteProtocolError):
                simulator.post(SEND, json=element())
            wait_for(lambda: len(receiver.reports()) == 1)

    def test_reports_come_after_their_delay(self, simulator: httpx2.Client) -> None:
        with receiving() as receiver:
            settings = {"SIM_REPORT_URL": receiver.url, "SIM_REPORT_DELAY_MS": 400}
            simulator.post("/settings", json=settings)
            started = time.monotonic()
            send(simulator, element())
            simulator.post("/settings", json={"SIM_REPORT_DELAY_MS": 0})
            send(simulator, element(text="overtakes"))
            wait_for(lambda: len(receiver.reports()) == 2)
            assert time.monotonic() - started >= 0.4
        assert len(receiver.posts) == 2

    def test_a_reset_forgets_reports_on_their_way(self, simulator: httpx2.Client) -> None:
        simulator.post("/settings", json={"SIM_REPORT_URL": "http://127.0.0.1:1/"})
        send(simulator, element())
        wait_for(lambda: counts(simulator)["delivered"] == 1)
        simulator.post("/reset")
        with receiving() as receiver:
            simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
            [entry] = send(simulator, element())
            wait_for(lambda: len(receiver.reports()) == 1)
            time.sleep(0.3)
        assert [one["messageId"] for one in receiver.reports()] == [entry["messageId"]]


class TestSettings:
    @pytest.mark.parametrize(
        "change",
        [
            {"SIM_NO_SUCH": 1},
            {"SIM_ERROR_RATE": 1.1},
            {"SIM_ERROR_RATE": -0.1},
            {"SIM_ERROR_RATE": True},
            {"SIM_ERROR_RATE": "0.5"},
            {"SIM_ERROR_RATE": None},
            {"SIM_LATENCY_MS": -1},
            {"SIM_LATENCY_MS": 10**12},
            {"SIM_REPORT_URL": "ftp://x.example"},
            {"SIM_REPORT_URL": "http://[broken"},
            {"SIM_REPORT_URL": 5},
            {"SIM_REPORT_SECRET": "two\r\nlines"},
            {"SIM_SEED": 1.5},
        ],
    )
    def test_a_bad_change_changes_nothing(
        self, simulator: httpx2.Client, change: dict[str, object]
    ) -> None:
        before = simulator.get("/settings").json()
        response = simulator.post("/settings", json={"SIM_REFUSE_RATE": 1} | change)
        assert response.status_code == 400
        assert next(iter(change)) in response.json()["errorMessage"]
        assert simulator.get("/settings").json() == before

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"SIM_SEED"'])
    def test_no_settings_at_all(self, simulator: httpx2.Client, body: bytes) -> None:
        assert simulator.post("/settings", content=body).status_code == 400

    def test_a_change_answers_with_all_but_the_secrets(self, simulator: httpx2.Client) -> None:
        answer = simulator.post("/settings", json={"SIM_REPORT_SECRET": "hidden"})
        assert answer.json() == simulator.get("/settings").json()
        assert "hidden" not in answer.text
        assert len(answer.json()) == 8

    def test_the_environment_names_what_is_wrong(self) -> None:
        process = subprocess.run(
            [sys.executable, "-m", "messaging.simulator", "--port", "0"],
            cwd=ROOT,
            env=os.environ | {"SIM_ERROR_RATE": "lots"},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert process.returncode == 1
        assert "SIM_ERROR_RATE" in process.stderr

    def test_the_environment_counts(self) -> None:
        with running_simulator(SIM_LATENCY_MS=5, SIM_ERROR_RATE="1") as client:
            assert client.get("/settings").json()["SIM_LATENCY_MS"] == 5
            assert client.post(SEND, json=element()).status_code == 503


class TestHttp:
    @pytest.mark.parametrize(
        "bytes_sent",
        [
            b"\x16\x03\x01\x02\x00",
            b"GET\r\n\r\n",
            b"GET /livez HTTP/1.1\r\n\r\n",
            b"POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n",
            b"POST /reset HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
            b"GET /%ff%00?prefix=%ff HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /counts?prefix=%ff%00 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"X" * 200_000,
        ],
    )
    def test_nothing_a_peer_sends_ends_it(
        self, simulator: httpx2.Client, bytes_sent: bytes
    ) -> None:
        address = (simulator.base_url.host, simulator.base_url.port or 80)
        # It may close before it has read everything.
        with contextlib.suppress(OSError), socket.create_connection(address, 5) as connection:
            connection.sendall(bytes_sent)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        assert simulator.get("/livez").json() == {"status": "ok"}

    def test_a_body_beyond_all_measure(self, simulator: httpx2.Client) -> None:
        try:
            status = simulator.post(BULK, content=b"x" * (17 * 1024 * 1024)).status_code
        except httpx2.TransportError:
            status = 413  # it closed while we were still writing
        assert status == 413
        assert simulator.get("/livez").status_code == 200

    def test_expect_100_continue(self, simulator: httpx2.Client) -> None:
        response = simulator.post("/reset", content=b"x", headers={"Expect": "100-continue"})
        assert response.status_code == 200

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/"), ("PUT", "/settings"), ("GET", SEND)]
    )
    def test_nothing_here(self, simulator: httpx2.Client, method: str, path: str) -> None:
        assert simulator.request(method, path).status_code == 404


def test_sigterm_ends_it_at_once_with_a_connection_open() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "messaging.simulator", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline().rpartition(":")[2])
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        client.get("/livez")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_an_error_in_words(simulator: httpx2.Client) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "messaging.simulator", "--port", str(simulator.base_url.port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert process.returncode == 1
    assert "in use" in process.stderr
    assert "Traceback" not in process.stderr
