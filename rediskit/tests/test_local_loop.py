"""The loop that stands in for worker and beat where there is no Redis."""

import threading
import time
from collections.abc import Iterator

import pytest
from celery import Celery

from rediskit.local_loop import LocalLoop


@pytest.fixture
def app() -> Celery:
    return Celery("loop", set_as_current=False, broker="memory://")


@pytest.fixture
def loop(app: Celery) -> Iterator[LocalLoop]:
    loop = LocalLoop(app, threads=2)
    yield loop
    loop.stop()


def wait_for(event: threading.Event) -> bool:
    return event.wait(60)


@pytest.mark.django_db(transaction=True)
def test_a_task_that_rings_itself_a_thousand_times_comes_to_its_end(
    app: Celery, loop: LocalLoop
) -> None:
    done = threading.Event()

    @app.task(name="again", shared=False)
    def again(number: int) -> None:
        if number == 1000:
            done.set()
        else:
            loop.ring("again", (number + 1,))

    loop.start()
    loop.ring("again", (0,))

    assert wait_for(done)


@pytest.mark.django_db(transaction=True)
def test_ticks_come_by_themselves(app: Celery, loop: LocalLoop) -> None:
    times: list[float] = []
    thrice = threading.Event()

    @app.task(name="tick", shared=False)
    def tick() -> None:
        times.append(time.monotonic())
        if len(times) == 3:
            thrice.set()

    began = time.monotonic()
    app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": 0.3}}
    loop.start()

    assert wait_for(thrice)
    assert times[2] - began > 0.6


@pytest.mark.django_db(transaction=True)
def test_a_task_that_fails_stops_nobody(app: Celery, loop: LocalLoop) -> None:
    done = threading.Event()

    @app.task(name="fails", shared=False)
    def fails() -> None:
        raise ValueError

    @app.task(name="works", shared=False)
    def works() -> None:
        done.set()

    loop.start()
    for _ in range(3):
        loop.ring("fails")
    loop.ring("unknown task")
    loop.ring("works")

    assert wait_for(done)


def test_no_more_rings_wait_than_can_be_answered(app: Celery, loop: LocalLoop) -> None:
    for _ in range(10):
        loop.ring("again", (1,))
    loop.ring("again", (2,))

    assert loop.waiting("scheduler") == 3


@pytest.mark.django_db(transaction=True)
def test_stopping_waits_for_the_task_in_hand(app: Celery, loop: LocalLoop) -> None:
    begun, ended = threading.Event(), threading.Event()

    @app.task(name="slow", shared=False)
    def slow() -> None:
        begun.set()
        loop._stopping.wait(60)
        time.sleep(0.3)
        ended.set()

    loop.start()
    loop.ring("slow")
    assert wait_for(begun)
    loop.stop()

    assert ended.is_set()
