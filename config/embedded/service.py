"""One long-running program of a stack."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded.process import Identity


def _nothing() -> None:
    """No preparation."""


@dataclass(frozen=True)
class Service:
    name: str
    command: tuple[str, ...]
    cwd: Path
    # None: the caller's own environment.
    env: Mapping[str, str] | None = field(default=None, repr=False)
    identity: Identity = "same"
    stop_signal: signal.Signals = signal.SIGTERM
    # What it gets when the supervisor is killed.
    orphan_signal: signal.Signals = signal.SIGKILL
    # Whether its warnings are worth the terminal; all its lines are logged.
    warns: bool = False
    # Seconds to end by itself after the stop signal.
    patience: float = 10
    before_start: Callable[[], None] = _nothing
    # Whether it does its work by now.
    answers: Callable[[], bool] = lambda: True
