"""Fixtures for tests that need real processes: a Celery worker, the web server, a gateway."""

import json
import os
import socket
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from celery import Celery
from django.db import connection
from pytest_django import Settings

from config.celery import app
from config.embedded import programs
from config.embedded.addresses import with_database
from config.embedded.process import Child, Processes
from config.embedded.service import Service
from config.embedded.supervisor import Supervisor


@dataclass(frozen=True)
class SimulatedGateway:
    url: str

    def counts(self, prefix: str = "") -> dict[str, int]:
        """What it accepted; all of it, or for the destinations that start with the prefix."""
        result: dict[str, int] = self._call(f"/counts?prefix={quote(prefix)}")
        return result

    def set(self, **settings: object) -> None:
        """Change its SIM_* settings from now on."""
        self._call("/settings", settings)

    def reset(self) -> None:
        self._call("/reset", {})

    def write(self, text: str, *, phone: str) -> int | None:
        """Somebody writes to the product; the status that its webhook answered with."""
        answer: dict[str, int | None] = self._call(
            "/inbound", {"from": phone, "to": "54321", "text": text}
        )
        return answer["answer"]

    def _call(self, path: str, body: dict[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return json.loads(response.read() or b"null")


class WorkerProcess:
    """A real `celery worker` on the test's database, to be killed and started at will."""

    def __init__(self, service: Service, celery: Celery, processes: Processes, log: Path) -> None:
        self._service = service
        self._celery = celery
        self._processes = processes
        self._log = log
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("the worker is not running")
        return self._child.pid

    def start(self) -> None:
        """Return when it takes tasks."""
        service = self._service
        with self._log.open("ab") as log:
            self._child = self._processes.start(
                service.command, env=service.env, cwd=service.cwd, stdout=log, stderr=log
            )
        for _ in range(120):
            if self._celery.control.ping(timeout=0.5):
                return
        raise RuntimeError(f"the worker does not answer:\n{self._log.read_text()}")

    def stop(self) -> None:
        """End it as a deployment does: it finishes what it has begun."""
        self._end(self._service.patience)

    def kill(self) -> None:
        """`kill -9`, its pool processes included."""
        self._end(0)

    def _end(self, patience: float) -> None:
        if self._child is None:
            return
        if not patience:
            self._child.kill()
        self._processes.end(self._child, self._service.stop_signal, patience=patience)
        self._child = None


@pytest.fixture
def own_processes() -> Iterator[Processes]:
    with Processes() as processes:
        yield processes


@pytest.fixture
def supervisor(own_processes: Processes, tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(own_processes, tmp_path)
    yield supervisor
    supervisor.stop()


@pytest.fixture
def simulated_gateway(supervisor: Supervisor, settings: Settings) -> SimulatedGateway:
    """A gateway of the test's own, which Django uses from now on. Reports wait for `live_web`."""
    port = _unused_port()
    nowhere = {"SIM_REPORT_URL": ""}
    gateway = programs.gateway(port, {**os.environ, **nowhere}, report_to="")
    supervisor.start([gateway])
    supervisor.wait_until_answering([gateway])
    settings.MITTO_API_BASE = f"http://127.0.0.1:{port}"
    return SimulatedGateway(settings.MITTO_API_BASE)


@pytest.fixture
def program_environment(
    transactional_db: None,  # noqa: ARG001 - committed data, or no other process sees it
    simulated_gateway: SimulatedGateway,
) -> dict[str, str]:
    """What leads a process of its own to this test's databases and gateway."""
    database = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    addresses = {"DATABASE_URL": database, "MITTO_API_BASE": simulated_gateway.url}
    return {**os.environ, **addresses}


@pytest.fixture
def celery_worker_process(
    program_environment: dict[str, str], own_processes: Processes, tmp_path: Path
) -> Iterator[WorkerProcess]:
    """A running worker with empty queues. No beat: the test rings what it wants done."""
    _broker().flushdb()
    service = programs.worker(program_environment)
    worker = WorkerProcess(service, app, own_processes, tmp_path / "worker.log")
    worker.start()
    yield worker
    worker.kill()


@pytest.fixture
def live_web(
    program_environment: dict[str, str],
    simulated_gateway: SimulatedGateway,
    supervisor: Supervisor,
) -> str:
    """The real web server's address; the simulated gateway reports there from now on."""
    port = _unused_port()
    web = programs.web("127.0.0.1", port, program_environment, probe="/livez")
    supervisor.start([web])
    supervisor.wait_until_answering([web])
    url = programs.local_url("127.0.0.1", port)
    simulated_gateway.set(
        SIM_REPORT_URL=f"{url}/webhooks/mitto/delivery/",
        SIM_INBOUND_URL=f"{url}/webhooks/mitto/inbound/",
    )
    return url


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _broker() -> redis.Redis:
    url = os.environ["CELERY_BROKER_URL"]
    in_other_words = url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    return redis.Redis.from_url(in_other_words)
