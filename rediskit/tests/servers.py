"""Real Redis servers of a test's own, and TLS before them."""

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from kombu import pools

from config.celery import app
from config.embedded import binaries
from config.embedded.process import Child, Processes

STRANGE_PASSWORD = "p@:/%"
LONGEST_PAUSE = 90.0  # seconds


def forget_broker() -> None:
    """Let this process's Celery connect anew: it keeps connections of the first broker it met."""
    app._after_fork()  # type: ignore[attr-defined]
    app.control._after_fork()  # type: ignore[attr-defined]
    pools.reset()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RedisServer:
    """A redis-server on a TCP port, to be hurt at will. It starts empty and saves nothing."""

    processes: Processes
    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=unused_port)
    child: Child | None = None
    _end_of_pause: threading.Timer | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def admin(self, database: int = 0) -> redis.Redis:
        """A connection that tests look through, beside those that they test."""
        return redis.Redis(port=self.port, db=database, client_name="admin", protocol=3)

    def start(self, *options: str) -> None:
        place = ("--port", str(self.port), "--dir", str(self.folder), "--save", "")
        program = binaries.redis_server(self.processes)
        command = (str(program), *place, *self.options, *options)
        self.child = self.processes.start(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as it:
            it.sendall(b"PING\r\n")
            return bool(it.recv(1))
        return False

    def stop(self) -> None:
        if self.child is not None:
            self.resume()
            self.processes.end(self.child, signal.SIGKILL, patience=5)
        self.child = None

    def pause(self) -> None:
        """It takes connections and commands, and answers nothing.

        Until `resume`, or so late that whatever waits for it fails its test instead of hanging.
        """
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP)
        self._end_of_pause = threading.Timer(LONGEST_PAUSE, self.resume)
        self._end_of_pause.daemon = True
        self._end_of_pause.start()

    def resume(self) -> None:
        assert self.child is not None
        if self._end_of_pause is not None:
            self._end_of_pause.cancel()
        self.child.send_signal(signal.SIGCONT)

    def connections(self) -> list[dict[str, str]]:
        """Of everybody but `admin`."""
        with self.admin() as admin:
            return [each for each in admin.client_list() if each["name"] != "admin"]

    def connections_received(self) -> int:
        """Since it started, this question's own included; in a pause they queue up."""
        with self.admin() as admin:
            return int(admin.info("stats")["total_connections_received"])

    def kill_connections(self) -> None:
        with self.admin() as admin:
            admin.client_kill_filter(_type="normal", skipme=True)


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
