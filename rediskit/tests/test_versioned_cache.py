"""Readers and writers of the cache against each other, on a real server."""

import pickle
import shlex
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from pytest_django import Settings

from config.tests.running import wait_for
from rediskit import connection, failover, versioned_cache
from rediskit.versioned_cache import (
    Cached,
    delete_prefix,
    generation_key,
    get_many_or_compute,
    get_or_compute,
    invalidate,
    versioned_key,
)

# Without pytest-django's transaction around the test: inside one, the cache is left alone.
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def commands_about(*keys: str) -> Iterator[list[list[str]]]:
    """What the server is told about the keys meanwhile; others may use it too."""
    seen: list[list[str]] = []
    monitored: Any = connection.client()
    with monitored.monitor() as monitor:
        yield seen
        monitored.echo(keys[0])
        while True:
            words = shlex.split(monitor.next_command()["command"])
            if words == ["ECHO", keys[0]]:
                return
            if any(key in word for word in words for key in keys):
                seen.append(words)


def names(commands: list[list[str]]) -> list[str]:
    return [words[0] for words in commands]


class Source:
    """What the cache answers from: one value, and how often it was asked for."""

    def __init__(self) -> None:
        self.value = b'"old"'
        self.asked = 0
        self.key = versioned_key("test", 1, 1, uuid4().hex)
        self.generation = generation_key("test", uuid4().hex)

    def compute(self) -> bytes:
        self.asked += 1
        return self.value

    def read(self, compute: Callable[[], bytes] | None = None, *, fresh: bool = False) -> Cached:
        return get_or_compute(
            key=self.key,
            generations=[self.generation],
            ttl=60,
            compute=compute or self.compute,
            fresh=fresh,
        )

    def write(self, value: bytes) -> None:
        with transaction.atomic():
            self.value = value
            invalidate(self.generation)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(200) as pool:
        yield pool


def test_computed_once_and_then_taken_from_redis(source: Source) -> None:
    assert source.read() == Cached(b'"old"', "miss")
    assert source.read() == Cached(b'"old"', "hit")
    assert source.asked == 1
    assert 0 < connection.client().ttl(source.key) <= 60
    assert 0 < connection.client().ttl(source.generation) <= versioned_cache.GENERATION_SECONDS


def test_the_commands_of_a_hit_a_miss_and_a_write(source: Source) -> None:
    with commands_about(source.key, source.generation) as commands:
        source.read()
    assert names(commands) == ["MGET", "SET", "SET", "MGET", "SET", "UNLINK"]
    assert all({"EX", "PX"} & set(words) for words in commands if words[0] == "SET")
    with commands_about(source.key, source.generation) as commands:
        source.read()
    assert names(commands) == ["MGET"]
    with commands_about(source.key, source.generation) as commands:
        source.write(b'"new"')
    assert names(commands) == ["UNLINK"]
    with commands_about(source.key, source.generation) as commands:
        delete_prefix(source.key)
    assert set(names(commands)) <= {"SCAN", "UNLINK"}


def test_a_write_is_seen_at_once(source: Source) -> None:
    source.read()
    source.write(b'"new"')
    assert source.read() == Cached(b'"new"', "miss")
    assert source.read() == Cached(b'"new"', "hit")


def test_what_is_rolled_back_invalidates_nothing(source: Source) -> None:
    source.read()
    with transaction.atomic():
        invalidate(source.generation)
        transaction.set_rollback(True)
    assert source.read().state == "hit"


def test_fresh_and_transactions_go_around_the_cache(source: Source) -> None:
    source.read()
    source.value = b'"new"'
    assert source.read(fresh=True) == Cached(b'"new"', "bypass")
    with transaction.atomic():
        assert source.read() == Cached(b'"new"', "bypass")
    assert source.read() == Cached(b'"old"', "hit")


@pytest.mark.parametrize("warm", [False, True])
def test_a_reader_that_pauses_before_it_stores_makes_nothing_stale_visible(
    source: Source, warm: bool, threads: ThreadPoolExecutor
) -> None:
    if warm:
        source.read()
        connection.client().delete(source.key)
    has_queried, may_store = threading.Event(), threading.Event()

    def pausing() -> bytes:
        value = source.compute()
        has_queried.set()
        assert may_store.wait(60)
        return value

    paused = threads.submit(source.read, pausing)
    assert has_queried.wait(60)
    source.write(b'"new"')
    may_store.set()
    assert paused.result().body == b'"old"'  # it began before the write
    assert connection.client().exists(source.key)
    assert source.read() == Cached(b'"new"', "miss")


def test_a_reader_that_pauses_longer_than_the_lock_lasts(
    source: Source, threads: ThreadPoolExecutor
) -> None:
    has_queried, may_store = threading.Event(), threading.Event()

    def pausing() -> bytes:
        value = source.compute()
        has_queried.set()
        assert may_store.wait(60)
        return value

    paused = threads.submit(source.read, pausing)
    assert has_queried.wait(60)
    connection.client().delete(f"lock:{source.key}")  # as if it had run out
    source.write(b'"new"')
    assert source.read() == Cached(b'"new"', "miss")
    may_store.set()
    paused.result()
    assert source.read() == Cached(b'"new"', "miss")
    assert source.read() == Cached(b'"new"', "hit")


@pytest.mark.parametrize("evicted", ["key", "generation", "both"])
def test_evictions_cost_a_computation_only(source: Source, evicted: str) -> None:
    source.read()
    gone = {"key": [source.key], "generation": [source.generation]}
    connection.client().delete(*gone.get(evicted, [source.key, source.generation]))
    source.value = b'"new"'
    assert source.read() == Cached(b'"new"', "miss")


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a computation takes here, nobody gives up waiting or takes over its lock."""
    monkeypatch.setattr(versioned_cache, "WAIT_SECONDS", 60)
    monkeypatch.setattr(versioned_cache, "LOCK_MILLISECONDS", 60_000)


def test_two_hundred_misses_at_once_compute_once(
    source: Source, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many threads as this share a pool in no process: they may wait for it longer than usual.
    monkeypatch.setattr(connection.client().connection_pool, "timeout", 60)
    be_patient(monkeypatch)
    start = threading.Barrier(200)

    def slow() -> bytes:
        threading.Event().wait(0.3)
        return source.compute()

    def read() -> Cached:
        start.wait(30)
        return source.read(slow)

    answers = [each.result() for each in [threads.submit(read) for _ in range(200)]]
    assert {answer.body for answer in answers} == {b'"old"'}
    assert source.asked <= 2


def test_readers_that_wait_are_served_although_writes_go_on(
    source: Source, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(monkeypatch)
    has_queried, may_store = threading.Event(), threading.Event()
    waiting: set[object] = set()
    look = versioned_cache._Reading._look_with

    def look_and_tell(reading: Any, lock: str) -> tuple[dict[Any, bytes], bool]:
        found = look(reading, lock)
        waiting.add(reading)
        return found

    def pausing() -> bytes:
        value = source.compute()
        has_queried.set()
        assert may_store.wait(60)
        return value

    first = threads.submit(source.read, pausing)
    assert has_queried.wait(60)
    monkeypatch.setattr(versioned_cache._Reading, "_look_with", look_and_tell)
    others = [threads.submit(source.read) for _ in range(5)]
    wait_for(lambda: len(waiting) == 5, seconds=60)
    source.write(b'"new"')
    may_store.set()
    assert {each.result().body for each in [first, *others]} <= {b'"old"', b'"new"'}
    assert source.asked <= 2
    assert source.read().body == b'"new"'


def test_an_error_while_computing_is_passed_on_and_blocks_nobody(source: Source) -> None:
    def failing() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        source.read(failing)
    assert not connection.client().exists(f"lock:{source.key}")
    assert source.read() == Cached(b'"old"', "miss")


class Poison:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return pytest.fail, ("a value from Redis was executed",)


@pytest.mark.parametrize(
    "value",
    [
        pickle.dumps(Poison()),
        b"",
        b"\n",
        b"\xff\xfe garbage",
        b'{"schema": 0}',
        b"0123456789abcdef 00000000\n{}",
        b"x" * 100_000,
    ],
)
def test_poisoned_values_are_misses(source: Source, value: bytes) -> None:
    source.read()
    connection.client().set(source.key, value, ex=60)
    assert source.read() == Cached(b'"old"', "miss")
    assert source.read() == Cached(b'"old"', "hit")


def test_a_damaged_value_is_a_miss(source: Source) -> None:
    source.read()
    stored = connection.client().get(source.key)
    assert isinstance(stored, bytes)
    for damaged in (stored[:-1], stored[:-1] + b"'", pickle.dumps(stored), b"2 " + stored):
        connection.client().set(source.key, damaged, ex=60)
        assert source.read() == Cached(b'"old"', "miss")


def test_values_and_tokens_of_another_type_are_misses(source: Source) -> None:
    source.read()
    for key in (source.key, source.generation):
        connection.client().delete(key)
        connection.client().rpush(key, "a", "list")
        assert source.read().body == b'"old"'
    connection.client().delete(source.generation)


def test_with_redis_away_the_database_answers(
    source: Source, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.read()
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(failover, "cache", failover.Circuit("The cache of this test"))
    source.value = b'"new"'
    assert source.read() == Cached(b'"new"', "miss")
    source.write(b'"newer"')  # the invalidation is lost
    assert source.read() == Cached(b'"newer"', "miss")
    assert failover.cache.is_open


def test_many_values_are_one_question(source: Source) -> None:
    asked: list[list[int]] = []
    keys = {number: f"{source.key}:{number}" for number in range(4)}

    def compute(missing: list[int]) -> dict[int, bytes]:
        asked.append(missing)
        return {number: b"%d" % number for number in missing if number != 3}

    def read(*numbers: int) -> tuple[dict[int, bytes], str]:
        found = get_many_or_compute(
            keys={number: keys[number] for number in numbers},
            generations=[source.generation],
            compute=compute,
        )
        return found.bodies, found.state

    assert read(0, 1) == ({0: b"0", 1: b"1"}, "miss")
    assert read(1, 0) == ({1: b"1", 0: b"0"}, "hit")
    assert read(0, 1, 2) == ({0: b"0", 1: b"1", 2: b"2"}, "miss")
    assert read(2, 3) == ({2: b"2"}, "miss")
    assert read(3) == ({}, "miss")  # what does not exist is not remembered
    assert read() == ({}, "hit")
    assert asked == [[0, 1], [2], [3], [3]]
    assert 0 < connection.client().ttl(keys[0]) <= 30


def test_deleting_a_prefix_takes_it_literally() -> None:
    mark = uuid4().hex
    names = [f"{mark}:{odd}" for odd in ("a*b", "a?b", "a[b]c", "a\\b", "axb", "ab")]
    connection.client().mset(dict.fromkeys(names, "1"))
    for name in names[:4]:
        assert delete_prefix(name) == 1
    assert connection.client().exists(*names) == 2
    connection.client().mset({f"{mark}:{number}": "1" for number in range(1000)})
    assert delete_prefix(mark) == 1002
    assert delete_prefix(mark) == 0
    with pytest.raises(ValueError, match="empty prefix"):
        delete_prefix("")
