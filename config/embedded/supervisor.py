"""Keeps a stack's services running until told to stop."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.embedded.console import Failure, say
from config.embedded.output import Output
from config.embedded.process import Child, Processes
from config.embedded.service import Service

RESTART_INTERVAL = 1.0  # seconds between two starts of a service that keeps ending
POLL_INTERVAL = 0.1
# A service that ends this often before it ever answered will not start at all.
HOPELESS_STARTS = 4


@dataclass
class _Running:
    service: Service
    output: Output
    child: Child
    started: float
    starts: int = 1

    def answers(self) -> bool:
        if self.child.poll() is not None or not self.service.answers():
            return False
        self.output.shows_warnings = self.service.warns
        return True


class Supervisor:
    """Restarts what ends, without limit once it has answered. One thread, the main one, uses it."""

    def __init__(
        self,
        processes: Processes,
        logs: Path,
        *,
        verbose: bool = False,
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self._processes = processes
        self._logs = logs
        self._verbose = verbose
        self._on_restart = on_restart
        self._running: dict[str, _Running] = {}

    def start(self, services: Sequence[Service]) -> None:
        for service in services:
            output = Output(service, self._logs, verbose=self._verbose)
            child = self._launch(service, output)
            self._running[service.name] = _Running(service, output, child, time.monotonic())

    def pids(self) -> dict[str, int]:
        return {name: running.child.pid for name, running in self._running.items()}

    def wait_until_answering(self, services: Sequence[Service], *, timeout: float = 90) -> None:
        """Return when all do their work; they are restarted meanwhile, as ever."""
        waiting = [service.name for service in services]
        deadline = time.monotonic() + timeout
        while waiting:
            self.restart_ended()
            waiting = [name for name in waiting if not self._running[name].answers()]
            hopeless = [name for name in waiting if self._running[name].starts > HOPELESS_STARTS]
            if hopeless or (waiting and time.monotonic() > deadline):
                name = (hopeless or waiting)[0]
                output = self._running[name].output
                raise Failure(f"{name} does not start. Its last words:\n{output.last_lines()}")
            if waiting:
                time.sleep(POLL_INTERVAL)

    def run_while(self, unfinished: Callable[[], bool]) -> None:
        while unfinished():
            self.restart_ended()
            time.sleep(POLL_INTERVAL)

    def restart_ended(self) -> None:
        for name, running in self._running.items():
            code = running.child.poll()
            if code is None or time.monotonic() - running.started < RESTART_INTERVAL:
                continue
            say(f"{name} ended ({_describe(code)}), starting it again; log: {running.output.path}")
            # Its children may have survived it, and hold its port.
            self._processes.end(running.child, running.service.stop_signal, patience=0)
            running.child = self._launch(running.service, running.output)
            running.started = time.monotonic()
            running.starts += 1
            self._on_restart()

    def stop(self, names: Sequence[str] | None = None) -> None:
        """End these services, or all, together: each gets its patience, counted from now."""
        chosen = [name for name in self._running if names is None or name in names]
        for name in chosen:
            running = self._running[name]
            if running.child.poll() is None:
                running.child.send_signal(running.service.stop_signal)
        asked = time.monotonic()
        for name in chosen:
            running = self._running.pop(name)
            left = max(running.service.patience - (time.monotonic() - asked), 0)
            self._wait(running.child, left)
            self._processes.end(running.child, running.service.orphan_signal, patience=0)
            running.output.close()

    def _wait(self, child: Child, seconds: float) -> None:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            say(f"{child.pid} did not end in time; killing it")

    def _launch(self, service: Service, output: Output) -> Child:
        service.before_start()
        child = self._processes.start(
            service.command,
            env=service.env,
            cwd=service.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            identity=service.identity,
            orphan_signal=service.orphan_signal,
        )
        output.follow(child)
        return child


def _describe(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
