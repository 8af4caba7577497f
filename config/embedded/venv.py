"""The checkout's virtual environment with the locked requirements, made without ensurepip."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded.console import Failure, say
from config.embedded.layout import PYTHON, ROOT, SHARED, VENDOR, VENV, read_json, write_private_json
from config.embedded.process import Processes

PIP_WHEEL = VENDOR / "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
RUNNING = "requirements.txt"
DEVELOPING = "requirements-dev.txt"
OLDEST_PYTHON = (3, 11)

# What is installed: {"python": version, file name: sha256 of its text}.
_STAMP = VENV / ".installed.json"
# There while anything is being installed: a package cut off in the middle looks whole to pip.
_UNFINISHED = VENV / ".unfinished"
_DOOMED = "doomed-venv-{}"


def make(processes: Processes) -> None:
    """A usable .venv, whatever an earlier start left; nothing is installed into it yet."""
    with install_lock("venv"):
        if PYTHON.exists() and not _UNFINISHED.exists() and _python_version() >= OLDEST_PYTHON:
            return
        _clear_away()
        say("Making .venv")
        VENV.mkdir()
        _UNFINISHED.touch()
        made = processes.run(
            [sys.executable, "-m", "venv", "--without-pip", VENV],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if made.returncode:
            raise Failure(
                "Python could not make a virtual environment (on Debian and Ubuntu: install"
                f" python3-venv).\n{made.stdout.strip()}"
            )
        _UNFINISHED.unlink()


def install(requirements: str, processes: Processes) -> None:
    """Install what the file locks, unless that was done before."""
    if is_current(requirements):
        return
    with install_lock("venv"):
        if is_current(requirements):
            return
        say(f"Installing {requirements}")
        _UNFINISHED.touch()
        options = ("install", "--quiet", "--require-hashes")
        result = processes.run(
            [*pip(PYTHON), *options, "-r", ROOT / requirements],
            env=pip_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if result.returncode:
            if result.returncode > 0:  # not killed
                # pip downloads everything before it touches the environment: it is still whole.
                _UNFINISHED.unlink()
            raise Failure(f"pip could not install {requirements}:\n{result.stderr.strip()[-3000:]}")
        installed = read_json(_STAMP)
        kept = installed if installed.get("python") == _recorded_python() else {}
        stamp = {"python": _recorded_python(), requirements: _digest(ROOT / requirements)}
        write_private_json(_STAMP, {**kept, **stamp})
        _UNFINISHED.unlink()
        say(f"Installed {requirements}")


def is_current(requirements: str) -> bool:
    """Whether the file was installed as it is now, completely, for this .venv's Python."""
    installed = read_json(_STAMP)
    return (
        PYTHON.exists()
        and not _UNFINISHED.exists()
        and installed.get("python") == _recorded_python()
        and installed.get(requirements) == _digest(ROOT / requirements)
    )


def pip(python: str | Path) -> list[str | Path]:
    """The vendored pip, run out of its wheel: ensurepip is missing from some systems' Python."""
    if _digest(PIP_WHEEL) != PIP_SHA256:
        raise Failure(f"{PIP_WHEEL.name} is damaged: check the files out again.")
    return [python, PIP_WHEEL / "pip"]


def pip_environment() -> dict[str, str]:
    """The caller's environment and so their index, without what would lead pip elsewhere."""
    misleading = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    return {**kept, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


@contextmanager
def install_lock(name: str) -> Iterator[None]:
    """One run at a time: two may start at once in the same checkout."""
    SHARED.mkdir(exist_ok=True)
    with (SHARED / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another start of this checkout")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _recorded_python() -> str:
    """The version in pyvenv.cfg, which may differ from ours; empty if there is none."""
    try:
        text = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    found = re.search(r"^version(?:_info)?\s*=\s*(\S+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def _python_version() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", _recorded_python())[:2])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _clear_away() -> None:
    for leftover in SHARED.glob(_DOOMED.format("*")):
        shutil.rmtree(leftover, ignore_errors=True)
    if not VENV.exists():
        return
    say("Clearing away a .venv that is unfinished or of an older Python")
    # Renamed first: a half-deleted environment must not be taken for a whole one.
    doomed = SHARED / _DOOMED.format(os.getpid())
    VENV.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
