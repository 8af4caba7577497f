"""Counting within one process."""

from concurrent.futures import ThreadPoolExecutor

import time_machine

from rediskit.local_counters import LocalCounters


def test_counts_each_key_until_its_end() -> None:
    counters = LocalCounters()
    with time_machine.travel(1_000_000, tick=False) as now:
        assert [counters.add("a", 1, seconds=10) for _ in range(3)] == [1, 2, 3]
        assert counters.add("b", 1, seconds=10) == 1
        now.shift(10)
        assert counters.add("a", 1, seconds=10) == 1


def test_what_is_taken_back_never_becomes_credit() -> None:
    counters = LocalCounters()
    counters.add("a", 1, seconds=10)
    assert [counters.add("a", -1, seconds=10) for _ in range(2)] == [0, 0]


def test_no_count_is_lost_between_threads() -> None:
    counters = LocalCounters()
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: counters.add("a", 1, seconds=60), range(4000)))
    assert sorted(counts) == list(range(1, 4001))


def test_endless_names_do_not_fill_the_memory() -> None:
    counters = LocalCounters(capacity=100)
    for number in range(1000):
        counters.add(f"name {number}", 1, seconds=60)
    assert len(counters) <= 100
    assert counters.add("name 999", 1, seconds=60) == 2
