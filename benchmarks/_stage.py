"""What benchmarks share: a migrated database, contacts made by SQL, a worker and a gateway."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
import httpx2
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from config.embedded import programs
from config.embedded.process import Processes
from config.embedded.supervisor import Supervisor


def set_up() -> None:
    """Django on the servers that `run.py bench` has started for us."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["MITTO_API_BASE"] = f"http://127.0.0.1:{unused_port()}"
    os.environ["LOG_LEVEL"] = "WARNING"
    django.setup()
    call_command("migrate", verbosity=0)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Gateway:
    """The simulated gateway, on two cores that it shares with all the rest."""

    url: str

    def set(self, **values: object) -> None:
        httpx2.post(f"{self.url}/settings", json=values).raise_for_status()

    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = httpx2.get(f"{self.url}/counts", timeout=60).json()
        return counts

    def accepted(self) -> frozenset[str]:
        """The phones that got something."""
        return frozenset(httpx2.get(f"{self.url}/accepted", timeout=60).json())

    def reset(self) -> None:
        httpx2.post(f"{self.url}/reset").raise_for_status()


@contextmanager
def running_gateway() -> Iterator[Gateway]:
    port = int(settings.MITTO_API_BASE.rsplit(":", 1)[1])
    silent = {**os.environ, "SIM_LATENCY_MS": "0", "SIM_REPORT_URL": ""}
    service = programs.gateway(port, silent, report_to="")
    with tempfile.TemporaryDirectory() as logs, Processes() as processes:
        supervisor = Supervisor(processes, Path(logs))
        supervisor.start([service])
        supervisor.wait_until_answering([service])
        yield Gateway(settings.MITTO_API_BASE)
        supervisor.stop()


@contextmanager
def running_worker() -> Iterator[int]:
    """A Celery worker as `run.py` starts it; yields its pid."""
    service = programs.worker(os.environ)
    with tempfile.TemporaryDirectory() as logs, Processes() as processes:
        supervisor = Supervisor(processes, Path(logs))
        supervisor.start([service])
        yield supervisor.pids()["worker"]
        supervisor.stop()


def peak_memory(pid: int) -> float:
    """MB that any one process of the worker's pool has held at its peak since it started."""
    return max(_high_water_mark(process) for process in [pid, *descendants(pid)])


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="],  # noqa: S607
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    parents = {
        int(child): int(parent) for child, parent in map(str.split, listed.stdout.splitlines())
    }
    return [child for child in parents if pid in _ancestors(child, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> list[int]:
    line = []
    while pid := parents.get(pid, 0):
        line.append(pid)
    return line


def _high_water_mark(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # ended meanwhile
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


_CONTACTS = """
INSERT INTO contacts_contact (business_id, phone, email, first_name, last_name, gender, attributes,
    is_subscribed, updated_at)
SELECT %s, '+3069' || (40000000 + n)::text, '', 'Maria', 'Papadopoulou', '', '{}', true, now()
FROM generate_series(%s, %s) n
"""


def insert_contacts(business_id: int, number: int, *, first: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, [business_id, first, first + number - 1])
        cursor.execute("ANALYZE contacts_contact")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
