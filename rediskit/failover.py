"""What happens while Redis is away: one short time-out, then nobody waits for it any more."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from kombu.exceptions import OperationalError
from redis import exceptions

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PROBE_INTERVAL = 2.0  # seconds between two attempts while Redis is away
REFUSALS_END = 60.0  # seconds without a refusal after which refusing counts as over

# No answer, or one from a server that cannot serve us: it loads, it wants other credentials, it
# speaks another protocol, it has become a replica.
UNREACHABLE = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.InvalidResponse,
    exceptions.ReadOnlyError,
    exceptions.MasterDownError,
    OperationalError,
    OSError,
)


class Away(Exception):
    """Redis cannot be used now: read from the database, drop what was to be written."""


class Circuit:
    """Lets commands through until one fails; then one caller every two seconds tries its own.

    All threads of a process share it. It starts closed, in a forked child too: only the failure
    of a real command opens it, only the success of a real command closes it. A command that Redis
    refuses (out of memory, no permission) is `Away` for its caller and harms nobody else.
    One warning per outage, one line when it is over.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._when_opened: list[Callable[[], None]] = []
        self.reset()
        os.register_at_fork(after_in_child=self.reset)

    def reset(self) -> None:
        """Begin anew, as a new process does."""
        self._lock = threading.Lock()
        self._era = 0  # odd while open: each opening and each closing begins another
        self._next_probe = 0.0
        self._refused_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self._era % 2 == 1

    def when_opened(self, function: Callable[[], None]) -> None:
        """Have the function called at the beginning of each outage."""
        self._when_opened.append(function)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result, or `Away`; every other exception is passed on."""
        era = self._enter()
        try:
            result = function(*args, **kwargs)
        except UNREACHABLE as error:
            self._failed(era, error)
            raise Away(f"{self.name} is away: {error}") from error
        except exceptions.ResponseError as error:
            self._succeeded(era)
            self._refused(error)
            raise Away(f"{self.name} refuses: {error}") from error
        self._succeeded(era)
        return result

    def _enter(self) -> int:
        """The era in which the call begins; `Away` if it may not."""
        era = self._era
        if era % 2 == 0:
            return era
        with self._lock:
            now = time.monotonic()
            if self.is_open and now < self._next_probe:
                raise Away(f"{self.name} is away")
            self._next_probe = now + PROBE_INTERVAL
            return self._era

    def _failed(self, era: int, error: Exception) -> None:
        with self._lock:
            if era != self._era:  # begun before others saw it go, or come back
                return
            self._next_probe = time.monotonic() + PROBE_INTERVAL
            if self.is_open:
                return
            self._era += 1
        logger.warning("%s is away, doing without it: %s", self.name, _describe(error))
        for function in self._when_opened:
            function()

    def _succeeded(self, era: int) -> None:
        if era % 2 == 0:
            self._forget_refusals()
            return
        with self._lock:
            if era != self._era:
                return
            self._era += 1
        logger.info("%s is back", self.name)

    def _refused(self, error: Exception) -> None:
        with self._lock:
            known = self._refused_at is not None
            self._refused_at = time.monotonic()
        if not known:
            logger.warning("%s refuses commands: %s", self.name, _describe(error))

    def _forget_refusals(self) -> None:
        if self._refused_at is None:
            return
        with self._lock:
            began = self._refused_at
            if began is None or time.monotonic() - began < REFUSALS_END:
                return
            self._refused_at = None
        logger.info("%s takes all commands again", self.name)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


cache = Circuit("The cache")
limits = Circuit("The store of rate limits")
broker = Circuit("The broker")
