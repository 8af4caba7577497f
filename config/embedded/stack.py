"""A whole installation on one machine, from servers to programs."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType
from typing import Any

from config.embedded import environment, programs, servers, venv
from config.embedded.console import Failure, say
from config.embedded.layout import PYTHON, ROOT, DataFolder, write_private_json
from config.embedded.ports import Ports
from config.embedded.process import Processes
from config.embedded.servers import Servers
from config.embedded.supervisor import Supervisor

SERVERS = ("postgres", "redis", "broker")
WORKER_PATIENCE = 15  # seconds
PROGRAMS = ("gateway", "web", "worker", "beat")


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    gateway_port: int
    durable: bool = True
    verbose: bool = False


class Stack:
    """Start it, then let it `run_while` or `manage`; whatever happens in between is supervised."""

    def __init__(
        self, data: DataFolder, settings: Settings, processes: Processes, ports: Ports
    ) -> None:
        self.data = data
        self.settings = settings
        self.public = environment.is_public(settings.host)
        self._processes = processes
        self._ports = ports
        self._supervisor = Supervisor(
            processes, data.logs, verbose=settings.verbose, on_restart=self._write_state
        )
        self._environment: dict[str, str] = {}
        self.simulates_gateway = not os.environ.get("MITTO_API_BASE")
        self.is_up = False
        self.url = ""

    def start(self, prepared: Servers) -> None:
        """Return when everything answers."""
        self._supervisor.start(prepared.services)
        self._supervisor.wait_until_answering(prepared.services)
        say("Servers answer")
        port = self._choose_port("Port", self.settings.host, self.settings.port)
        self.url = programs.local_url(self.settings.host, port)
        gateway_port = self._settle_environment()
        self._migrate()
        services = [programs.web(self.settings.host, port, self._environment)]
        if servers.needs_worker(self._environment):
            services.append(programs.worker(self._environment))
            services.append(programs.beat(self._environment, self.data))
        if self.simulates_gateway:
            services.append(programs.gateway(gateway_port, self._environment, report_to=self.url))
        self._supervisor.start(services)
        self._supervisor.wait_until_answering(services)
        self._wait_for_worker()
        self.is_up = True
        self._write_state()
        say("Everything answers")

    def _wait_for_worker(self) -> None:
        """Until a tick has gone through beat, broker and worker; the web serves without, too."""
        deadline = time.monotonic() + WORKER_PATIENCE
        self._supervisor.run_while(
            lambda: time.monotonic() < deadline and not programs.is_ready(self.url)
        )

    def manage(self, *arguments: str, quiet: bool = False) -> int:
        """Run a management command with the stack kept up meanwhile. Returns its exit code.

        A quiet one prints to standard error: standard output is for results.
        """
        child = self._processes.start(
            [PYTHON, "manage.py", *arguments],
            env=self._environment,
            cwd=ROOT,
            stdout=sys.stderr.fileno() if quiet else None,
        )
        try:
            self._supervisor.run_while(lambda: child.poll() is None)
            return child.wait()
        finally:
            self._processes.end(child, signal.SIGTERM, patience=5)

    def run(self) -> None:
        self._supervisor.run_while(lambda: True)

    def stop(self) -> None:
        """In the order of need: the worker finishes its batch with gateway and servers there."""
        self.is_up = False
        self.data.state.unlink(missing_ok=True)
        for names in (("beat", "web", "worker"), ("gateway",), SERVERS):
            self._supervisor.stop(names)

    def _settle_environment(self) -> int:
        """Returns the simulated gateway's port; 0 if there is a real one."""
        port = 0
        if self.simulates_gateway:
            wanted = self.settings.gateway_port
            port = self._choose_port("The gateway's port", "127.0.0.1", wanted)
        self._environment = environment.build(
            self.data,
            url=self.url,
            gateway_url=programs.local_url("127.0.0.1", port),
            public=self.public,
        )
        return port

    def _choose_port(self, name: str, host: str, wanted: int) -> int:
        port = self._ports.claim(host, wanted)
        if port != wanted:
            say(f"{name} {wanted} is taken; using {port}")
        return port

    def _migrate(self) -> None:
        say("Migrating")
        if self.manage("migrate", "--verbosity", "0", quiet=True):
            raise Failure("The migrations failed; see above.")
        if not self.public and self.manage("seed_demo", quiet=True):
            raise Failure("The demo business could not be made; see above.")

    def _write_state(self) -> None:
        if not self.is_up:
            return
        pids: dict[str, int | None] = dict.fromkeys((*SERVERS, *PROGRAMS))
        state: dict[str, Any] = {
            "url": self.url,
            "admin_email": self._environment.get("DEMO_ADMIN_EMAIL"),
            "admin_password": self._environment.get("DEMO_ADMIN_PASSWORD"),
            "database_url": self._environment["DATABASE_URL"],
            "redis_url": self._environment.get("REDIS_URL"),
            "broker_url": self._environment.get("CELERY_BROKER_URL"),
            "gateway_url": self._environment["MITTO_API_BASE"],
            "pids": {"supervisor": os.getpid(), **pids, **self._supervisor.pids()},
        }
        write_private_json(self.data.state, state)


def prepare(data: DataFolder, processes: Processes, requirements: str, *, durable: bool) -> Servers:
    """Install the requirements and, at the same time, have the servers' programs and cluster."""
    if not venv.is_current(requirements):
        venv.make(processes)
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        coming = pool.submit(servers.prepare, data, processes, durable=durable)
        venv.install(requirements, processes)
        return coming.result()
    finally:
        # Not waited for: when we are interrupted, leaving `processes` ends what it waits for.
        pool.shutdown(wait=False)


def stop_on_signals() -> None:
    """Make SIGTERM and a closed terminal mean the same as Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # Set even for SIGINT: a shell starts background jobs with that one ignored.
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # ignored under nohup
        signal.signal(signal.SIGHUP, interrupt)
