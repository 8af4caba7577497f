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

PATIENCE = 8.0  # seconds, then SIGKILL


def _signal_group(leader: int, number: int) -> bool:
    """Whether anybody was left to be told."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def _is_running(leader: int) -> bool:
    return _signal_group(leader, 0)


def end_groups(watched: dict[int, int]) -> None:
    for leader, number in watched.items():
        _signal_group(leader, number)
    deadline = time.monotonic() + PATIENCE
    while any(map(_is_running, watched)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for leader in watched:
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
