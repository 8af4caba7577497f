"""So many a second: over all processes by Redis, by shares while it is away."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import count

import pytest
from pytest_django import Settings

from rediskit import connection, failover, pacing
from rediskit.pacing import PREFIX, Pace, Turn, give_back, take
from rediskit.tests.servers import RedisServer
from rediskit.tests.test_versioned_cache import commands_about

names = count(1)


@pytest.fixture
def name() -> str:
    """Of a pace that nobody has used."""
    return f"test{next(names)}"


@pytest.fixture(autouse=True)
def _unused_paces() -> None:
    redis = connection.client()
    if keys := list(redis.scan_iter(f"{PREFIX}test*", count=1000)):
        redis.unlink(*keys)


@pytest.fixture
def _no_redis(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.PACE_PROCESSES = 4


def test_nobody_takes_more_than_a_second_of_the_pace_at_once(name: str) -> None:
    turn = take(500, [Pace(name, 100)])
    assert (turn.granted, turn.most) == (100, 100)


def ask_too_early(first: int, second: int, paces: list[Pace], *, given_back: int = 0) -> Turn:
    """The answer to the second of two that ask within a second, however slow this machine is."""
    for _ in range(100):
        for pace in paces:
            connection.client().unlink(PREFIX + pace.name)
        pacing.reset()
        give_back(given_back, paces)
        take(first, paces)
        turn = take(second, paces)
        if not turn.granted:
            return turn
    raise AssertionError("everybody is let through")


def test_who_asks_too_early_hears_how_long_to_wait(name: str) -> None:
    turn = ask_too_early(100, 50, [Pace(name, 100)])
    assert 0 < turn.wait <= 0.5
    assert set(pacing.waits.left()) <= {name}


def test_small_takers_share_one_second(name: str) -> None:
    assert ask_too_early(90, 30, [Pace(name, 100)]).wait <= 0.2
    assert take(30, [Pace(f"{name}s", 100)]).granted == 30
    assert take(30, [Pace(f"{name}s", 100)]).granted == 30


def test_the_slower_of_two_paces_decides_and_a_refusal_counts_at_neither(name: str) -> None:
    gateway, shop, other = Pace(f"{name}g", 1000), Pace(f"{name}a", 10), Pace(f"{name}b", 1000)
    turn = ask_too_early(500, 500, [gateway, shop])
    assert (turn.granted, turn.most) == (0, 10)
    assert gateway.name not in pacing.waits.left()
    assert take(990, [gateway, other]).granted == 990


def test_what_did_not_go_may_go_at_once(name: str) -> None:
    paces = [Pace(name, 100)]
    assert take(100, paces).granted == 100
    give_back(100, paces)
    assert take(100, paces).granted == 100


def test_what_is_given_back_late_never_becomes_credit(name: str) -> None:
    turn = ask_too_early(100, 10, [Pace(name, 100)], given_back=1000)
    assert 0 < turn.wait <= 0.1


def server_time() -> int:
    """In microseconds, as the script counts."""
    seconds, microseconds = connection.client().time()
    return int(seconds) * 1_000_000 + int(microseconds)


def test_every_key_ends_by_itself(name: str) -> None:
    with commands_about(PREFIX + name) as commands:
        take(100, [Pace(name, 100)])
    [(*_, unit, milliseconds)] = [words for words in commands if words[0] == "SET"]
    assert unit == "PX"
    assert 0 < int(milliseconds) <= 1001


def test_a_server_whose_clock_was_set_back_holds_nobody_for_long(name: str) -> None:
    connection.client().set(PREFIX + name, "9" * 16)
    assert take(1, [Pace(name, 100)]).wait <= 1


def test_what_is_no_number_is_taken_for_nothing(name: str) -> None:
    connection.client().set(PREFIX + name, "?")
    assert take(10, [Pace(name, 100)]).granted == 10


def test_all_who_ask_at_once_get_no_more_than_the_pace(name: str) -> None:
    granted: list[int] = []
    paces = [Pace(name, 1_000_000), Pace(f"{name}s", 70)]

    def ask() -> None:
        granted.extend(take(7, paces).granted for _ in range(30))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    began = server_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = (server_time() - began) / 1_000_000
    assert 70 <= sum(granted) <= 70 * (seconds + 1)


ASK = """
import django
django.setup()
from rediskit.connection import client
from rediskit.pacing import Pace, take
paces = [Pace({name!r}, 1_000_000), Pace({name!r} + "s", 70)]
print(take(1, [Pace({name!r} + "other", 70)]).granted, flush=True)  # it has connected
input()
print(sum(take(7, paces).granted for _ in range(50)), *client().time())
"""


def test_several_processes_get_no_more_than_the_pace_together(name: str) -> None:
    command = [sys.executable, "-c", ASK.format(name=name)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    assert [process.stdout.readline() for process in processes] == ["1\n"] * 3

    began = server_time()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0].split() for process in processes]
    # Not the time now: to come to its end takes a process longer than all that it has asked.
    ended = max(int(seconds) * 1_000_000 + int(micro) for _, seconds, micro in told)
    granted = sum(int(number) for number, *_ in told)

    assert 70 <= granted <= 70 * ((ended - began) / 1_000_000 + 1)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass on this process's clock, which stands still otherwise."""
    now = [1000.0]
    monkeypatch.setattr("rediskit.pacing.time.monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


@pytest.mark.usefixtures("_no_redis")
def test_without_redis_a_process_keeps_to_its_share(
    name: str, later: Callable[[float], None]
) -> None:
    paces = [Pace(name, 100)]
    assert take(500, paces) == Turn(granted=25, most=25)
    assert take(500, paces) == Turn(granted=0, most=25, wait=1.0)
    assert pacing.waits.left() == {name: 1.0}
    later(0.4)
    assert take(10, paces).granted == 10
    later(1)
    assert pacing.waits.left() == {}
    assert take(500, paces).granted == 25


@pytest.mark.usefixtures("_no_redis")
def test_a_share_below_one_still_lets_one_go(name: str, later: Callable[[float], None]) -> None:
    paces = [Pace(name, 1)]
    assert take(5, paces).granted == 1
    assert take(5, paces) == Turn(granted=0, most=1, wait=4.0)
    give_back(1, paces)
    assert take(5, paces).granted == 1
    later(3.9)
    assert take(5, paces).granted == 0
    later(0.1)
    assert take(5, paces).granted == 1


def test_an_installation_without_redis_has_one_process(name: str, settings: Settings) -> None:
    settings.REDIS_URL, settings.REDIS_ENABLED = connection.DISABLED, False
    assert take(500, [Pace(name, 100)]).granted == 100


def test_redis_is_asked_once(name: str, redis_server: RedisServer, settings: Settings) -> None:
    """On a server of its own: that of all tests counts the commands of others, too."""
    redis_server.start()
    settings.REDIS_URL = redis_server.url
    take(1, [Pace(name, 100)])  # it knows the script from now on
    before = _commands()
    take(1, [Pace(name, 100), Pace(f"{name}s", 10)])
    assert _commands() - before == 2, "and once for the number of commands"


def _commands() -> int:
    # What a script calls counts as commands, too: a script of ours calls TIME, GET and SET.
    statistics = failover.cache.call(connection.client().info, "commandstats")
    return sum(
        int(entry["calls"])
        for name, entry in statistics.items()
        if name in {"cmdstat_evalsha", "cmdstat_eval", "cmdstat_info", "cmdstat_script"}
    )


def test_what_another_thread_notes_meanwhile_disturbs_nobody(name: str) -> None:
    class Noting(float):
        """Compared, it is as if another thread had its turn at that moment."""

        def __le__(self, other: float) -> bool:
            pacing.waits.note("another", 1)
            return super().__le__(other)

        def __gt__(self, other: float) -> bool:
            return not self <= other

    pacing.waits._until[name] = Noting(time.monotonic() + 1)
    assert name in pacing.waits.left()
    assert "another" in pacing.waits.left()
