"""How run.py asks its own web server whether it is there."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from config.embedded.programs import answers_at, is_ready


class Installation(BaseHTTPRequestHandler):
    """One whose ALLOWED_HOSTS is sms.example.com,localhost, as docs/going-live.md has it."""

    def do_GET(self) -> None:
        known = self.headers["Host"] == f"localhost:{self.connection.getsockname()[1]}"
        self.send_response(200 if known else 400)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Installation) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_is_asked_by_a_name_that_it_knows(address: str) -> None:
    assert answers_at(f"{address}/readyz")()
    assert is_ready(address)


def test_nobody_is_there() -> None:
    assert not is_ready("http://127.0.0.1:9")
