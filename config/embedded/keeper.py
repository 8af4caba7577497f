"""Ends what the supervisor leaves behind when it is killed.

    python -I -S keeper.py < orders

The supervisor holds the other end of standard input, so its death, of whatever kind, is the end of
the file. Whole process groups are ended, since a parent's death signal does not reach
grandchildren. Orders, one JSON array per line:

["watch", PID, SIGNAL]   end this process group with SIGNAL, or SIGKILL if that does not help
["forget", PID]          it has ended
["remove", PATH]         delete this throwaway folder when all have ended
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
PATIENCE = 8.0  # seconds, then SIGKILL


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _living(leaders: Iterable[int]) -> set[int]:
    """The groups in which somebody still runs: a zombie whose init is slow does not count."""
    if not (PROC / "self" / "stat").exists():
        return {leader for leader in leaders if _exists(leader)}
    found = set()
    for stat in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # pid (name, which may contain anything) state parent group ...
            state, _parent, group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if state not in "ZX":
                found.add(int(group))
    return found.intersection(leaders)


def _exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of zombies
        return False
    return True


def end_groups(watched: dict[int, int]) -> None:
    for leader, number in watched.items():
        _signal_group(leader, number)
    deadline = time.monotonic() + PATIENCE
    while _living(watched) and time.monotonic() < deadline:
        time.sleep(0.05)
    for leader in _living(watched):
        _signal_group(leader, signal.SIGKILL)


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watched: dict[int, int] = {}
    folders: list[str] = []
    for line in sys.stdin:
        match json.loads(line):
            case ["watch", int(leader), int(number)]:
                watched[leader] = number
            case ["forget", int(leader)]:
                watched.pop(leader, None)
            case ["remove", str(folder)]:
                folders.append(folder)
    end_groups(watched)
    for folder in folders:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
