"""A Redis server to be hurt at will, for tests and benchmarks of what its users do then."""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import redis

from config.embedded import binaries
from config.embedded.process import Child, Processes

LONGEST_PAUSE = 90.0  # seconds


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RedisServer:
    """A redis-server on a TCP port. It starts empty and saves nothing, if `options` do not."""

    processes: Processes
    folder: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=unused_port)
    host: str = "127.0.0.1"
    # What runs the command that follows it: in a network of its own, say.
    runner: tuple[str, ...] = ()
    child: Child | None = None
    _end_of_pause: threading.Timer | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def admin(self, database: int = 0) -> redis.Redis:
        """A connection to look through, beside those that are looked at."""
        return redis.Redis(self.host, self.port, database, client_name="admin", protocol=3)

    def start(self, *options: str) -> None:
        network = ("--bind", self.host, "--port", str(self.port), "--protected-mode", "no")
        place = (*network, "--dir", str(self.folder), "--save", "")
        program = binaries.redis_server(self.processes)
        command = (*self.runner, str(program), *place, *self.options, *options)
        self.child = self.processes.start(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        address = (self.host, self.port)
        with contextlib.suppress(OSError), socket.create_connection(address, 1) as it:
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

        Until `resume`, or so late that a test of what waits for it fails instead of hanging.
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
