"""Where things lie: the checkout, what all its runs share, and the data folder of one stack."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.console import Failure

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VENDOR = ROOT / "vendor"
SHARED = ROOT / ".data"
BINARIES = SHARED / "bin"


@dataclass(frozen=True)
class DataFolder:
    """Everything one stack keeps; nothing of it lies elsewhere but its sockets."""

    path: Path

    @classmethod
    def of(cls, path: Path) -> "DataFolder":
        path = path.expanduser().absolute()
        path.mkdir(parents=True, exist_ok=True)
        return cls(path.resolve())

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def state(self) -> Path:
        """stack.json: what runs, and where. There only while the stack answers."""
        return self.path / "stack.json"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Hold the folder for one stack; yields the lock's descriptor.

        After a `kill -9` the keeper holds it on for the moment it takes to end what is left.
        """
        with (self.path / "lock").open("a+", encoding="ascii") as file:
            deadline = time.monotonic() + 15
            while not _locked(file.fileno()):
                file.seek(0)
                pid = file.read().strip()
                if time.monotonic() > deadline or (pid.isdecimal() and is_running(int(pid))):
                    raise Failure(
                        f"A stack is running on {self.path} already (pid {pid}). What it serves is"
                        f" in {self.state.name} there; TAPLINE_DATA names another folder."
                    )
                time.sleep(0.1)
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            yield file.fileno()

    def socket_folder(self) -> Path:
        """A short private folder: a socket's path must stay within about 100 bytes."""
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        name = f"tapline-{os.geteuid()}-{digest}"
        temporary = "/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir()  # noqa: S108
        return Path(temporary) / name

    def make_socket_folder(self) -> Path:
        """Create it afresh: a killed stack leaves its own, and we hold the data folder's lock."""
        folder = self.socket_folder()
        with contextlib.suppress(FileNotFoundError):
            if os.geteuid() not in (0, folder.lstat().st_uid):
                raise Failure(f"{folder} belongs to somebody else: have it removed, then retry.")
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        return folder


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private_json(path: Path, value: dict[str, Any]) -> None:
    """Replace the file at once, so that a reader or a crash never meets half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty if there is none, or half of one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
