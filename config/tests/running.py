"""A whole stack under `run.py`, for tests that watch it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.embedded.layout import ROOT
from config.embedded.pytest_plugin import ENVIRONMENT, SERVER_ADDRESSES

RUN = [sys.executable, str(ROOT / "run.py")]
START_SECONDS = 180


def outside_environment(data: Path, **variables: str) -> dict[str, str]:
    """Of somebody who starts a stack: without what the tests themselves need."""
    ours = {*ENVIRONMENT, *SERVER_ADDRESSES, "MEDIA_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    ports = {"PORT": "18000", "GATEWAY_PORT": "18025"}
    return {**kept, **ports, "TAPLINE_DATA": str(data), **variables}


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    """Generously: only what never happens should take so long."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        time.sleep(0.02)


def processes_of(data: Path) -> list[str]:
    """The command lines of all that runs on the folder or answers on its sockets."""
    marks = [str(data).encode(), f"TAPLINE_DATA={data}".encode()]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            texts = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        # A zombie has neither; this process itself has no mark.
        if any(mark in text for mark in marks for text in texts):
            found.append(texts[0].replace(b"\0", b" ").decode(errors="replace"))
    return found


class RunningStack:
    """`run.py` on a folder of its own."""

    def __init__(self, data: Path, *arguments: str, **variables: str) -> None:
        self.data = data
        self.environment = outside_environment(data, **variables)
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    @property
    def state(self) -> dict[str, Any]:
        try:
            value: dict[str, Any] = json.loads((self.data / "stack.json").read_text())
        except FileNotFoundError:
            return {}
        return value

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None, "not started"
        return self._process

    def pid(self, name: str) -> int:
        number: int = self.state["pids"][name]
        return number

    def start(self) -> None:
        with (self.data.parent / f"{self.data.name}.out").open("ab") as output:
            self._process = subprocess.Popen(
                [*RUN, *self._arguments],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        wait_for(self._is_up, seconds=START_SECONDS)

    def _is_up(self) -> bool:
        assert self.process.poll() is None, f"run.py ended with {self.process.returncode}"
        return bool(self.state) and self.pid("supervisor") == self.process.pid

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `run.py` on the same folder."""
        return subprocess.run(
            [*RUN, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)
