import contextlib
import signal
import socket
import subprocess
import sys

import httpx2
import pytest

from messaging.tests.simulated import (
    BULK,
    ROOT,
    SEND,
)


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
def test_nothing_a_peer_sends_ends_it(simulator: httpx2.Client, bytes_sent: bytes) -> None:
    address = (simulator.base_url.host, simulator.base_url.port or 80)
    # It may close before it has read everything.
    with contextlib.suppress(OSError), socket.create_connection(address, 5) as connection:
        connection.sendall(bytes_sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert simulator.get("/livez").json() == {"status": "ok"}


def test_a_body_beyond_all_measure(simulator: httpx2.Client) -> None:
    try:
        status = simulator.post(BULK, content=b"x" * (17 * 1024 * 1024)).status_code
    except httpx2.TransportError:
        status = 413  # it closed while we were still writing
    assert status == 413
    assert simulator.get("/livez").status_code == 200


def test_expect_100_continue(simulator: httpx2.Client) -> None:
    response = simulator.post("/reset", content=b"x", headers={"Expect": "100-continue"})
    assert response.status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("PUT", "/settings"), ("GET", SEND)])
def test_nothing_here(simulator: httpx2.Client, method: str, path: str) -> None:
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
    address = f"http://127.0.0.1:{port}"
    with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
        client.get("/livez")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_an_error_in_words(simulator: httpx2.Client) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "messaging.simulator", "--port", str(simulator.base_url.port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert "in use" in process.stderr
    assert "Traceback" not in process.stderr
