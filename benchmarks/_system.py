"""A whole installation under one roof, any part of which can be killed at any moment."""

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from benchmarks import _stage
from config.embedded import programs
from config.embedded.layout import DataFolder
from config.embedded.process import Processes
from config.embedded.supervisor import Supervisor
from rediskit.connection import client, in_redis_words

Answer = TypeVar("Answer")

_RESTART = 60.0  # seconds that a server may take to be there again


class System:
    """Web, worker, beat and the simulated gateway; `run.py bench` keeps the servers under them."""

    def __init__(self, supervisor: Supervisor, gateway: _stage.Gateway) -> None:
        self._supervisor = supervisor
        self.gateway = gateway

    def look_after(self) -> None:
        """Start again what has ended, as the supervisor of an installation does."""
        self._supervisor.restart_ended()

    def wait_until(self, condition: Callable[[], bool], *, seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while not self.ask(condition):
            if time.monotonic() > until:
                raise TimeoutError(f"{what} has not come about within {seconds:g} s")
            time.sleep(0.05)

    def ask(self, query: Callable[[], Answer]) -> Answer:
        """The answer of the database, even if it is being restarted."""
        until = time.monotonic() + _RESTART
        while True:
            self.look_after()
            try:
                return query()
            except (OperationalError, InterfaceError):
                connection.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def kill_worker(self, _: random.Random) -> None:
        """With its pool, as a machine that loses its power."""
        self._pool()
        os.killpg(self._worker(), signal.SIGKILL)

    def kill_pool_process(self, dice: random.Random) -> None:
        """One of them, as the kernel does when memory runs out; Celery replaces it."""
        killed = False
        while not killed:
            with suppress(ProcessLookupError):  # it has ended since we looked
                os.kill(dice.choice(self._pool()), signal.SIGKILL)
                killed = True

    def _worker(self) -> int:
        return self._supervisor.pids()["worker"]

    def _pool(self) -> list[int]:
        """Once they are there: to kill who is dead already would prove nothing."""
        while not (pool := _stage.descendants(self._worker())):
            self.look_after()
            time.sleep(0.05)
        return pool

    def kill_broker(self, _: random.Random) -> None:
        os.kill(_redis_pid(settings.CELERY_BROKER_URL), signal.SIGKILL)

    def flush_broker(self, _: random.Random) -> None:
        client(in_redis_words(settings.CELERY_BROKER_URL)).flushall()

    def kill_cache(self, _: random.Random) -> None:
        os.kill(_redis_pid(settings.REDIS_URL), signal.SIGKILL)

    def restart_postgres(self, _: random.Random) -> None:
        os.kill(self.ask(_postgres_pid), signal.SIGINT)  # ends all sessions

    def kill_postgres(self, _: random.Random) -> None:
        os.kill(self.ask(_postgres_pid), signal.SIGKILL)


@contextmanager
def running_system(own: Mapping[str, str]) -> Iterator[System]:
    """Everything that `run.py` starts, with these variables; the gateway reports to the web."""
    variables = {**os.environ, **own}
    port = urlsplit(settings.MITTO_API_BASE).port or 0
    web_port = _stage.unused_port()
    url = programs.local_url("127.0.0.1", web_port)
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        supervisor = Supervisor(processes, Path(folder))
        services = [
            programs.gateway(port, variables, report_to=url),
            programs.web("127.0.0.1", web_port, variables, probe="/livez"),
            programs.worker(variables),
            programs.beat(variables, DataFolder(Path(folder))),
        ]
        # What they warn of is what we do to them.
        services = [replace(service, warns=False) for service in services]
        supervisor.start(services)
        try:
            supervisor.wait_until_answering(services)
            yield System(supervisor, _stage.Gateway(settings.MITTO_API_BASE))
        finally:
            supervisor.stop()


def _redis_pid(url: str) -> int:
    return int(client(in_redis_words(url)).info("server")["process_id"])


def _postgres_pid() -> int:
    """Of the embedded server: any other is not ours to kill."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        lock = Path(cursor.fetchone()[0]) / "postmaster.pid"
    if not lock.exists():
        raise SystemExit("This benchmark kills servers: unset DATABASE_URL and REDIS_URL.")
    return int(lock.read_text().splitlines()[0])
