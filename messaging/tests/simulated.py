"""The simulated gateway as a process of its own, for tests."""

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import orjson

ROOT = Path(__file__).resolve().parents[2]
ANNOUNCEMENT = "Simulated gateway: "
SEND = "/api/v1.1/Messages/send"
BULK = "/api/v1.1/Messages/sendmessagesbulk"
PHONE = "+306940000001"


@contextmanager
def running_simulator(**settings: object) -> Iterator[httpx2.Client]:
    """A client whose `base_url` is the simulator's address; `settings` are SIM_ variables."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "SIM_"}
    environment |= {name: str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "messaging.simulator", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(ANNOUNCEMENT), "The simulator did not start."
        address = line.removeprefix(ANNOUNCEMENT).strip()
        with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


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


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "It did not come about in time."
        time.sleep(0.02)


@dataclass
class Receiver:
    """The product's webhook, as far as the simulator sees it."""

    url: str
    answers: list[int] = field(default_factory=list)  # statuses to answer first; then 202
    secrets: list[str | None] = field(default_factory=list)
    posts: list[list[dict[str, str]]] = field(default_factory=list)

    def reports(self) -> list[dict[str, str]]:
        return [report for post in list(self.posts) for report in post]


@contextmanager
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
