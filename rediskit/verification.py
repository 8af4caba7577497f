"""What `redis_check` tries on the live cache: each promise of the Redis layer, by doing it."""

import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from redis import exceptions

from rediskit import connection, failover, families, ratelimits
from rediskit.failover import Away
from rediskit.versioned_cache import delete_prefix, generation_key, get_or_compute, invalidate
from rediskit.versioned_cache import versioned_key as versioned

RESOURCE = "cache:redis_check"  # what is written here lives for a minute at most
LOOKED_AT = 10_000  # keys
MANY = 500  # keys, written and removed by their prefix


class Failed(Exception):
    """The promise is not kept: why."""


class Doubtful(Exception):
    """It is kept, or could not be tried, but somebody should know."""


def one_pool() -> str:
    """More threads than the pool has connections share them."""
    if connection.client() is not connection.client():
        raise Failed("each call makes a client of its own")
    threads = settings.REDIS_POOL_SIZE * 3
    with ThreadPoolExecutor(threads) as executor:
        asked = [executor.submit(_now, connection.client().client_id) for _ in range(threads)]
        ids = {each.result() for each in asked}
    _require(0 < len(ids) <= settings.REDIS_POOL_SIZE, f"{len(ids)} connections were opened")
    return f"{threads} threads used {len(ids)} of {settings.REDIS_POOL_SIZE} connections"


def lazy() -> str:
    with _deaf_server() as (url, listener):
        connection.connect_lazily(url, connection.REQUESTS)
        _require(not _is_called(listener), "it connects before the first command")
    return "no connection before the first command"


def errors_are_handled() -> str:
    """A server that fails costs one attempt; the next caller does not even try."""
    circuit = failover.Circuit("A server that is not there (redis_check)")
    with _quiet(), _deaf_server() as (url, listener):
        _expect_away(circuit, url)
        listener.accept()[0].close()
        took = _expect_away(circuit, url)
        _require(not _is_called(listener), "callers still try while the server is away")
    return f"after the first failure a caller waits {took * 1000:.2f} ms"


def reconnects() -> str:
    client = connection.client()
    before = _now(client.client_id)
    try:
        _now(client.client_kill_filter, _id=str(before), skipme=False)
    except Away as error:
        if isinstance(error.__cause__, exceptions.ResponseError):
            raise Doubtful("not tried: we may not use CLIENT KILL here") from error
    _require(_now(client.client_id) != before, "the connection was not replaced")
    return "a killed connection is replaced by the next command"


def timeouts_protect() -> str:
    """The profile of requests, on a server that takes connections and never answers."""
    with _quiet(), _deaf_server() as (url, _):
        hung = connection.connect_lazily(url, connection.REQUESTS)
        began = time.monotonic()
        with _away():
            failover.Circuit("A server that hangs (redis_check)").call(hung.ping)
        took = time.monotonic() - began
    # Ten times what it should be: a busy machine is no broken promise.
    _require(took < connection.REQUESTS.reply * 10, f"it took {took:.1f} s")
    return f"a server that hangs costs {took:.2f} s, once per process"


def keys_are_ours() -> str:
    count, strangers = 0, []
    for keys in families.scan(limit=LOOKED_AT):
        count += len(keys)
        strangers += [key for key in keys if families.family_of(key) is None]
    if strangers:
        raise Doubtful(f"{len(strangers)} of {count} keys are not ours, such as {strangers[0]!r}")
    return f"all of {count} keys have the form of their family"


def keys_have_versions_and_owners() -> str:
    values = [
        key.decode()
        for keys in families.scan(limit=LOOKED_AT)
        for key in keys
        if key.startswith((b"stats:", b"campaigns:"))
    ]
    without = [key for key in values if not families.VERSIONED.match(key)]
    _require(not without, f"without version and owner: {without[:1]}")
    return f"{len(values)} cached answers, each with version and owner"


def keys_expire() -> str:
    longest = max(settings.CACHE_TTLS.values())
    count = 0
    for keys in families.scan(limit=LOOKED_AT):
        pipeline = connection.client().pipeline(transaction=False)
        answers = [key for key in keys if families.VERSIONED.match(key.decode(errors="replace"))]
        for key in answers:
            pipeline.ttl(key)
        count += len(answers)
        for key, ttl in zip(answers, _now(pipeline.execute), strict=True):
            _require(ttl != -1, f"{key!r} never expires")
            _require(ttl <= longest, f"{key!r} expires in {ttl} s, the longest is {longest} s")
    return f"each of {count} cached answers expires, in {longest} s at the latest"


def set_with_ttl() -> str:
    key = _own_key()
    _cached(key, b"1")
    ttl = _now(connection.client().ttl, key)
    _require(0 < ttl <= 60, f"the TTL is {ttl}")
    return "a value and its TTL are one command"


def invalidates() -> str:
    key = _own_key()
    states = [_cached(key, b"1"), _cached(key, b"2")]
    invalidate(generation_key("redis_check", 0))
    states += [_cached(key, b"2"), _cached(key, b"3")]
    expected = [("miss", b"1"), ("hit", b"1"), ("miss", b"2"), ("hit", b"2")]
    _require(states == expected, f"answers were {states}")
    return "a changed value is computed again, then served from the cache"


def removes_by_prefix() -> str:
    prefix = f"{RESOURCE}:{secrets.token_hex(4)}:"
    pipeline = connection.client().pipeline(transaction=False)
    for number in range(MANY):
        pipeline.set(f"{prefix}{number}", b"1", ex=60)
    _now(pipeline.execute)
    before = _calls("keys"), _calls("unlink")
    removed = delete_prefix(prefix)
    keys, unlink = _calls("keys") - before[0], _calls("unlink") - before[1]
    _require(removed == MANY, f"{removed} of {MANY} keys were removed")
    _require(keys == 0, "KEYS was used")
    return f"{MANY} keys removed by SCAN and {unlink or 'a few'} UNLINK, no KEYS"


def works_without_redis() -> str:
    """The circuit of this process opened by hand: the database answers, one warning is logged."""
    with _outage(failover.cache) as warnings:
        began = time.monotonic()
        states = [_cached(_own_key(), b"1") for _ in range(10)]
        took = time.monotonic() - began
    _require(states == [("miss", b"1")] * 10, "answers are wrong while Redis is away")
    _require(len(warnings) == 1, f"{len(warnings)} warnings for one outage")
    return f"10 answers without Redis in {took * 1000:.1f} ms, and one warning"


def limits_without_redis() -> str:
    scope, (limit, _) = next(iter(settings.RATE_LIMITS.items()))
    value = f"redis_check-{secrets.token_hex(4)}"
    with _outage(failover.limits):
        counts = [ratelimits.count(scope, value).count for _ in range(3)]
    _require(counts == [1, 2, 3], f"counted {counts}")
    return f"{scope} is counted in the process, of {limit}"


def _now(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return failover.cache.call(function, *args, **kwargs)


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001
    if not condition:
        raise Failed(problem)


def _own_key() -> str:
    return versioned(RESOURCE, 1, 0, secrets.token_hex(4))


def _cached(key: str, value: bytes) -> tuple[str, bytes]:
    found = get_or_compute(
        key=key, generations=[generation_key("redis_check", 0)], ttl=60, compute=lambda: value
    )
    return found.state, found.body


def _calls(command: str) -> int:
    """How often the server has run it; 0 where INFO is closed to us."""
    try:
        statistics = _now(connection.client().info, "commandstats")
    except Away:
        return 0
    return int(statistics.get(f"cmdstat_{command}", {}).get("calls", 0))


@contextmanager
def _deaf_server() -> Iterator[tuple[str, socket.socket]]:
    """An address where connections are taken, and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0", listener


def _is_called(listener: socket.socket) -> bool:
    listener.settimeout(0.1)
    with suppress(TimeoutError):
        listener.accept()[0].close()
        return True
    return False


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except Away:
        return
    raise Failed("a command succeeded where no server is")


def _expect_away(circuit: failover.Circuit, url: str) -> float:
    began = time.monotonic()
    with _away():
        circuit.call(connection.connect_lazily(url, connection.REQUESTS).ping)
    return time.monotonic() - began


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _quiet() -> Iterator[list[logging.LogRecord]]:
    """What the circuits warn of here is no news to anybody; the warnings are returned."""
    handler = _Warnings()
    failover.logger.addHandler(handler)
    propagated, failover.logger.propagate = failover.logger.propagate, False
    try:
        yield handler.records
    finally:
        failover.logger.propagate = propagated
        failover.logger.removeHandler(handler)


@contextmanager
def _outage(circuit: failover.Circuit) -> Iterator[list[logging.LogRecord]]:
    """This process takes its Redis for away."""

    def fail() -> None:
        raise exceptions.ConnectionError("tried by redis_check")

    circuit.reset()
    with _quiet() as warnings:
        with _away():
            circuit.call(fail)
        try:
            yield warnings
        finally:
            circuit.reset()
