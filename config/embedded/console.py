"""What the person at the terminal reads: progress and failures, always on standard error."""

import sys
import time

_started = time.monotonic()


class Failure(Exception):
    """Something the person at the terminal has to know; shown without a traceback."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(message: str) -> None:
    print(f"[{time.monotonic() - _started:5.1f}s] {message}", file=sys.stderr, flush=True)


def show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
