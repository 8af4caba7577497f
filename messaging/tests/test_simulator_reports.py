import contextlib
import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2
import orjson
import pytest

from messaging.tests.simulated import (
    SEND,
    counts,
    element,
    send,
    wait_for,
)


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


def test_every_message_is_reported_once(simulator: httpx2.Client) -> None:
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


def test_reports_are_repeated_until_taken(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        receiver.answers = [503, 401, 302]
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        send(simulator, element())
        wait_for(lambda: len(receiver.reports()) == 1)
        assert len(receiver.secrets) == 4


def test_reports_wait_for_an_address(simulator: httpx2.Client) -> None:
    send(simulator, element())
    assert counts(simulator)["delivered"] == 0
    with receiving() as receiver:
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        wait_for(lambda: len(receiver.reports()) == 1)


def test_reports_wait_for_a_receiver_that_is_away(simulator: httpx2.Client) -> None:
    simulator.post("/settings", json={"SIM_REPORT_URL": "http://127.0.0.1:1/"})
    send(simulator, element())
    wait_for(lambda: counts(simulator)["delivered"] == 1)
    with receiving() as receiver:
        simulator.post("/settings", json={"SIM_REPORT_URL": receiver.url})
        wait_for(lambda: len(receiver.reports()) == 1)


def test_a_lost_reply_is_reported_too(simulator: httpx2.Client) -> None:
    with receiving() as receiver:
        settings = {"SIM_REPORT_URL": receiver.url, "SIM_LOST_REPLY_RATE": 1}
        simulator.post("/settings", json=settings)
        with pytest.raises(httpx2.RemoteProtocolError):
            simulator.post(SEND, json=element())
        wait_for(lambda: len(receiver.reports()) == 1)


def test_reports_come_after_their_delay(simulator: httpx2.Client) -> None:
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


def test_a_reset_forgets_reports_on_their_way(simulator: httpx2.Client) -> None:
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
