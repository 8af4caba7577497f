"""Counters of this process alone, for while Redis is away."""

import threading
import time
from itertools import islice

CAPACITY = 50_000  # about 10 MB; whoever asks under ever new names must not fill the memory


class LocalCounters:
    """Thread-safe counters that end by themselves."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._counters: dict[str, tuple[int, float]] = {}  # count, end; the oldest first
        self._lock = threading.Lock()

    def add(self, key: str, amount: int, *, seconds: float) -> int:
        """The new count. `seconds` until the end, if the counter starts here."""
        now = time.time()
        with self._lock:
            count, end = self._counters.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + seconds
                self._make_room(now)
            count = max(count + amount, 0)
            self._counters[key] = (count, end)
            return count

    def clear(self) -> None:
        with self._lock:
            self._counters.clear()

    def __len__(self) -> int:
        return len(self._counters)

    def _make_room(self, now: float) -> None:
        """When full, forget what has ended, and of the rest the oldest beyond nine tenths."""
        if len(self._counters) < self._capacity:
            return
        live = {key: counter for key, counter in self._counters.items() if counter[1] > now}
        surplus = max(len(live) - self._capacity * 9 // 10, 0)
        self._counters = dict(islice(live.items(), surplus, None))
