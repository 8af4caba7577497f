"""Real Redis servers of a test's own, and TLS before them."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kombu import pools

from config.celery import app
from config.embedded.fragile_redis import RedisServer, unused_port
from config.embedded.process import Processes

__all__ = [
    "STRANGE_PASSWORD", "Certificates", "RedisServer", "forget_broker", "make_certificates",
    "redis_server", "server_processes", "tls_before", "unused_port",
]  # fmt: skip
STRANGE_PASSWORD = "p@:/%"


def forget_broker() -> None:
    """Let this process's Celery connect anew: it keeps connections of the first broker it met."""
    app._after_fork()  # type: ignore[attr-defined]
    app.control._after_fork()  # type: ignore[attr-defined]
    pools.reset()


@pytest.fixture
def server_processes() -> Iterator[Processes]:
    with Processes() as processes:
        yield processes


@pytest.fixture
def redis_server(server_processes: Processes, tmp_path: Path) -> Iterator[RedisServer]:
    """Not started yet."""
    server = RedisServer(server_processes, tmp_path)
    yield server
    server.stop()


@dataclass(frozen=True)
class Certificates:
    """Of a server on 127.0.0.1, and of the authority that signed them."""

    authority: Path
    chain: Path
    key: Path


def make_certificates(folder: Path, *, address: str = "127.0.0.1") -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("makes certificates with the openssl program, which is not here")
    folder.mkdir()
    (folder / "extensions").write_text(f"subjectAltName=IP:{address}\n")
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    _openssl(folder, f"{new} -x509 -keyout ca.key -out ca.pem -subj /CN=authority -days 2")
    _openssl(folder, f"{new} -keyout server.key -out server.csr -subj /CN=server")
    sign = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
    _openssl(folder, f"{sign} -extfile extensions -out server.pem")
    return Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)  # noqa: S607


@contextlib.contextmanager
def tls_before(port: int, certificates: Certificates) -> Iterator[int]:
    """End TLS before the server on `port`: yields the port that speaks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.chain, certificates.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, context, port), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_forward, args=(plain, context, port), daemon=True).start()


def _forward(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as outer:
        outer.settimeout(0.01)
        with socket.create_connection(("127.0.0.1", port)) as inner:
            inner.settimeout(0.01)
            while _pump(outer, inner) and _pump(inner, outer):
                continue


def _pump(source: socket.socket, target: socket.socket) -> bool:
    """Pass on what there is; False at the end of the stream."""
    try:
        data = source.recv(65536)
    except TimeoutError:
        return True
    target.sendall(data)
    return bool(data)
