"""A cache whose answers are those of the database, also under concurrent readers and writers.

A value carries the generation tokens under which it was computed. A writer deletes the generation
keys after its commit; a reader that finds none sets random ones before its query. So a reader that
computed from an old snapshot stores a value that nobody will match, and eviction, a flush, a late
or doubled delete only cause misses. Guarantees, bounds and failure modes: docs/redis.md.

    get_or_compute(
        key="stats:campaign:v1:1:5", generations=["gen:stats:1"], ttl=30, compute=statistics_as_json
    )
    invalidate("gen:stats:1")  # by whoever changed the statistics, inside the transaction

A key names its resource, the version of the value's shape and its owner; a change of the shape
takes another version.
"""

import random
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote
from zlib import crc32

from django.conf import settings
from django.db import transaction

from rediskit import connection, failover
from rediskit.failover import Away
from rediskit.models import Invalidation

GENERATION_SECONDS: Final = 7 * 24 * 3600
LOCK_MILLISECONDS: Final = 3000
WAIT_SECONDS = 2.0  # for another reader's computation, before one's own
SCAN_COUNT: Final = 200
REPLAYED_AT_ONCE: Final = 1000

State = Literal["hit", "miss", "bypass"]
Id = TypeVar("Id")


@dataclass(frozen=True, slots=True)
class Cached:
    """hit: from the cache; miss: computed; bypass: computed without asking the cache."""

    body: bytes
    state: State


@dataclass(frozen=True, slots=True)
class CachedMany(Generic[Id]):
    """Those that exist, by id. hit: all came from the cache."""

    bodies: dict[Id, bytes]
    state: State


def versioned_key(resource: str, version: int, owner: int, *parts: object) -> str:
    """`{resource}:v{version}:{owner}:{parts}`; no part can be taken for two.

    >>> versioned_key("stats:campaign", 1, 1, 5)
    'stats:campaign:v1:1:5'
    >>> versioned_key("cache:templates", 1, 7, 2, "50% off: now")
    'cache:templates:v1:7:2:50%25%20off%3A%20now'
    """
    encoded = [quote(str(part), safe="") for part in parts]
    return ":".join([resource, f"v{version}", str(owner), *encoded])


def generation_key(resource: str, owner: int | str) -> str:
    return f"gen:{resource}:{owner}"


def get_or_compute(
    *,
    key: str,
    generations: Sequence[str],
    ttl: int | None = None,
    compute: Callable[[], bytes],
    fresh: bool = False,
) -> Cached:
    """The value of one key; see `get_many_or_compute`."""
    found = get_many_or_compute(
        keys={key: key},
        generations=generations,
        ttl=ttl,
        compute=lambda _: {key: compute()},
        fresh=fresh,
    )
    return Cached(found.bodies[key], found.state)


def get_many_or_compute(
    *,
    keys: Mapping[Id, str],
    generations: Sequence[str],
    ttl: int | None = None,
    compute: Callable[[list[Id]], Mapping[Id, bytes]],
    fresh: bool = False,
) -> CachedMany[Id]:
    """The value of each key: JSON, as it goes to the client.

    compute: given the ids that are missing, the bodies of those that exist; its errors are passed
    on. ttl: seconds; CACHE_TTLS["default"] if not given. A hit is one round trip. On a miss one
    reader computes and the others wait for it; with Redis away everybody computes. Inside a
    transaction the cache is left alone: the caller may see what nobody else may see yet.
    """
    if fresh or transaction.get_connection().in_atomic_block:
        return CachedMany(dict(compute(list(keys))), "bypass")
    reading = _Reading(keys, generations)
    try:
        found = reading.look()
        if len(found) == len(keys):
            return CachedMany(found, "hit")
        found = reading.take_turn()
    except Away:
        return CachedMany(dict(compute(list(keys))), "miss")
    missing = [each for each in keys if each not in found]
    computed: Mapping[Id, bytes] = {}
    try:
        computed = compute(missing) if missing else {}
    finally:
        reading.end_turn(computed, ttl or settings.CACHE_TTLS["default"])
    return CachedMany({**found, **computed}, "miss" if missing else "hit")


class _Reading(Generic[Id]):
    """One reader's way through a miss."""

    def __init__(self, keys: Mapping[Id, str], generations: Sequence[str]) -> None:
        self._keys = keys
        self._generations = list(generations)
        self._names = [*generations, *keys.values()]
        # Heads of the values that are right for this reader: those of tokens that were valid at
        # any moment since it began. The last one is that of now.
        self._heads: list[bytes] = []
        self._lock: str | None = None

    def look(self) -> dict[Id, bytes]:
        values: Any = failover.cache.call(connection.client().mget, self._names)
        return self._take(values)

    def take_turn(self) -> dict[Id, bytes]:
        """Wait until this reader may compute; what others have computed meanwhile.

        Whoever waits too long computes as well, and stores nothing.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        pause = 0.005
        lock = f"lock:{min(self._keys.values())}"
        while True:
            found, has_lock = self._look_with(lock)
            self._lock = lock if has_lock else None
            if has_lock or len(found) == len(self._keys) or time.monotonic() > deadline:
                return found
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - not a secret
            pause = min(pause * 2, 0.16)

    def _look_with(self, lock: str) -> tuple[dict[Id, bytes], bool]:
        """Look again, having tried to take the lock, with tokens where there were none."""
        pipeline = connection.client().pipeline(transaction=False)
        pipeline.set(lock, b"1", nx=True, px=LOCK_MILLISECONDS)
        for generation in self._generations:
            pipeline.set(generation, secrets.token_hex(8), nx=True, ex=GENERATION_SECONDS)
        pipeline.mget(self._names)
        has_lock, *_, values = failover.cache.call(pipeline.execute)
        found = self._take(values)
        if not self._heads:
            raise Away("the server drops keys as soon as it has them")
        return found, bool(has_lock)

    def _take(self, values: list[bytes | None]) -> dict[Id, bytes]:
        count = len(self._generations)
        tokens = [token for token in values[:count] if token is not None]
        if len(tokens) == count:
            self._heads.append(b" ".join(tokens))
        pairs = zip(self._keys, values[count:], strict=True)
        bodies = ((each, self._unpack(value)) for each, value in pairs)
        return {each: body for each, body in bodies if body is not None}

    def _unpack(self, value: bytes | None) -> bytes | None:
        """The body, if it is whole and of a generation that is right for us."""
        head, separator, body = (value or b"").partition(b"\n")
        tokens, _, checksum = head.rpartition(b" ")
        if not separator or tokens not in self._heads or checksum != _checksum(body):
            return None
        return body

    def end_turn(self, computed: Mapping[Id, bytes], ttl: int) -> None:
        """Store what was computed under the tokens read before, and let the next one in."""
        if self._lock is None:
            return
        pipeline = connection.client().pipeline(transaction=False)
        for each, body in computed.items():
            value = b"%s %s\n%s" % (self._heads[-1], _checksum(body), body)
            pipeline.set(self._keys[each], value, ex=ttl)
        # It may have run out and be another's by now: that costs one computation more.
        pipeline.unlink(self._lock)
        try:
            failover.cache.call(pipeline.execute)
        except Away:
            return  # nothing stored; the lock runs out


def _checksum(body: bytes) -> bytes:
    return b"%08x" % crc32(body)


def invalidate(*generations: str) -> None:
    """After the commit, turn all values of the generations into misses.

    If the process dies in between, or Redis is away, they live on until their TTL ends: only for
    values of a minute at most.
    """
    transaction.on_commit(partial(_drop, *generations), robust=True)


def invalidate_durably(*generations: str) -> None:
    """As `invalidate`, but a row of the same transaction remembers it until it is done."""
    if not settings.REDIS_ENABLED:
        return
    rows = Invalidation.objects.bulk_create(
        Invalidation(generation=generation) for generation in generations
    )
    transaction.on_commit(partial(_settle, {row.pk: row.generation for row in rows}), robust=True)


def replay_invalidations() -> int:
    """Do what a crash or an outage left undone; how many. Twice or too early is harmless."""
    done = 0
    while True:
        rows = Invalidation.objects.order_by("pk").values_list("pk", "generation")
        waiting = dict(rows[:REPLAYED_AT_ONCE])
        if not waiting or not _settle(waiting):
            return done
        done += len(waiting)


def _settle(rows: Mapping[int, str]) -> bool:
    if not _drop(*set(rows.values())):
        return False
    Invalidation.objects.filter(pk__in=rows).delete()
    return True


def _drop(*generations: str) -> bool:
    try:
        failover.cache.call(connection.client().unlink, *generations)
    except Away:
        return False
    return True


def delete_prefix(prefix: str) -> int:
    """For operators: delete every key that starts so; how many. Raises Away, ValueError."""
    return sum(
        failover.cache.call(connection.client().unlink, *keys)
        for keys in keys_by_prefix(prefix)
        if keys
    )


def keys_by_prefix(prefix: str) -> Iterator[list[bytes]]:
    """Keys in batches, by SCAN: never blocks the server; a key may come twice."""
    if not prefix:
        raise ValueError("An empty prefix would mean every key.")
    pattern = re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + "*"
    cursor = 0
    while True:
        keys: Any
        cursor, keys = failover.cache.call(
            connection.client().scan, cursor, match=pattern, count=SCAN_COUNT
        )
        yield keys
        if cursor == 0:
            return
