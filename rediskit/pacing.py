"""So many a second and no more, over all processes together: counted in Redis.

    turn = take(500, [Pace("mitto", 1000), Pace("7", 200)])
    turn.granted  # 200: nobody takes more than one second of a pace at once
    take(200, [Pace("7", 200)]).wait  # 1.0: seconds until it is worth asking again

In any span of time at most (its seconds + 1) x pace are granted. All paces grant, or none counts.
While Redis is away each process keeps to its share of the pace, by itself.
"""

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from rediskit import connection, failover
from rediskit.failover import Away

PREFIX: Final = "pace:"

# At each key: until when, in microseconds of the server's clock, what was taken fills its pace.
# What ends more than a second ahead has to wait. A server whose clock was set back must not hold
# anybody for longer.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local taken, wait, slowest = {}, 0, 0
for i, key in ipairs(KEYS) do
    local before = tonumber(redis.call('GET', key)) or now
    before = math.min(math.max(before, now), now + 1000000)
    taken[i] = before + math.floor(ARGV[1] * 1000000 / ARGV[i + 1])
    if taken[i] - now - 1000000 > wait then
        wait, slowest = taken[i] - now - 1000000, i
    end
end
if wait == 0 then
    for i, key in ipairs(KEYS) do
        local lasts = math.max(math.ceil((taken[i] - now) / 1000), 1)
        redis.call('SET', key, string.format('%.0f', taken[i]), 'PX', lasts)
    end
end
return {wait, slowest}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    name: str  # of a gateway, or the id of an owner
    per_second: int


@dataclass(frozen=True, slots=True)
class Turn:
    """`granted` may go now, and counts. If it is 0, ask again after `wait` seconds."""

    granted: int
    most: int  # that ever go at once
    wait: float = 0.0


def take(count: int, paces: Sequence[Pace]) -> Turn:
    """One round trip, and half a second of a Redis that does not answer."""
    most = min(pace.per_second for pace in paces)
    granted = min(count, most)
    try:
        wait, slowest = _take_in_redis(granted, paces)
    except Away:
        return _take_here(count, paces)
    if slowest:
        waits.note(paces[slowest - 1].name, wait / 1_000_000)
        return Turn(0, most, wait / 1_000_000)
    return Turn(granted, most)


def give_back(count: int, paces: Sequence[Pace]) -> None:
    """What was granted and did not go after all."""
    try:
        _take_in_redis(-count, paces)
    except Away:
        _local.take(-count, [(pace.name, _share(pace)) for pace in paces])


def reset() -> None:
    """Forget what this process knows, as a new one does."""
    waits.clear()
    _local.clear()


def _take_in_redis(count: int, paces: Sequence[Pace]) -> tuple[int, int]:
    # Whoever asks may hold a transaction: never the patience of a worker.
    redis = connection.client(profile=connection.REQUESTS)
    keys = [PREFIX + pace.name for pace in paces]
    arguments = [count, *(pace.per_second for pace in paces)]
    wait, slowest = failover.cache.call(redis.register_script(_TAKE), keys, arguments)
    return int(wait), int(slowest)


def _take_here(count: int, paces: Sequence[Pace]) -> Turn:
    shares = [(pace.name, _share(pace)) for pace in paces]
    most = max(math.floor(min(share for _, share in shares)), 1)
    granted = min(count, most)
    wait, slowest = _local.take(granted, shares)
    if slowest:
        waits.note(slowest, wait)
        return Turn(0, most, wait)
    return Turn(granted, most)


def _share(pace: Pace) -> float:
    # Without any Redis, one process does all the sending there is.
    return pace.per_second / (settings.PACE_PROCESSES if settings.REDIS_ENABLED else 1)


class _Waits:
    """The names that have to wait, as far as this process knows: it need not ask for them."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def note(self, name: str, seconds: float) -> None:
        self._until[name] = time.monotonic() + seconds

    def left(self) -> dict[str, float]:
        """Seconds by name; those that are over are forgotten."""
        if not self._until:
            return {}
        now = time.monotonic()
        for name, until in tuple(self._until.items()):  # another thread may note one meanwhile
            if until <= now:
                self._until.pop(name, None)
        return {name: until - now for name, until in tuple(self._until.items())}

    def clear(self) -> None:
        self._until = {}


class _Local:
    """What the script does, in the memory of this process."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, count: int, paces: Sequence[tuple[str, float]]) -> tuple[float, str]:
        """Seconds to wait, and for whose pace; "" if granted. A share may be below one."""
        with self._lock:
            now = time.monotonic()
            self._taken = {name: end for name, end in self._taken.items() if end > now}
            taken = {name: self._taken.get(name, now) + count / pace for name, pace in paces}
            waits = {name: taken[name] - now - max(1.0, 1 / pace) for name, pace in paces}
            slowest = max(waits, key=waits.__getitem__)
            if waits[slowest] > 1e-6:  # less is a matter of rounding
                return waits[slowest], slowest
            self._taken |= taken
            return 0.0, ""

    def clear(self) -> None:
        self._taken = {}


waits = _Waits()
_local = _Local()
