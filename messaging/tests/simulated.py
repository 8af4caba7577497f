"""The simulated gateway as a process of its own, for tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parents[2]
ANNOUNCEMENT = "Simulated gateway: "


@contextmanager
def running_simulator(**settings: object) -> Iterator[httpx2.Client]:
    """A client whose `base_url` is the simulator's address; `settings` are SIM_ variables."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "SIM_"}
    environment |= {name: str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "messaging.simulator", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(ANNOUNCEMENT), "The simulator did not start."
        address = line.removeprefix(ANNOUNCEMENT).strip()
        with httpx2.Client(base_url=address, trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
