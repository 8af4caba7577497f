"""The whole of Celery's work inside the web process, for an installation without Redis.

Ticks of the beat schedule and rings go to a queue in memory, a few threads take them from there.
As with Celery every ring may be lost: the sweeps find what is left to do in the database.
Celery's eager mode is no substitute: tasks that ring themselves end up in a recursion.
"""

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import close_old_connections

logger = logging.getLogger(__name__)

_STOP_PATIENCE = 25  # seconds: a gateway call in flight comes to its end

Ring = tuple[str, tuple[int | str, ...]]


@dataclass(slots=True)
class _Tick:
    task: str
    interval: float
    due: float = field(default=0.0)


def _queue(task: str) -> str:
    route: dict[str, str] = settings.CELERY_TASK_ROUTES.get(task, {})
    return route.get("queue", settings.CELERY_TASK_DEFAULT_QUEUE)


class LocalLoop:
    """Threads that do what workers and beat do elsewhere.

    At most `threads` equal rings wait at a time: more would be answered in vain.
    """

    def __init__(self, app: Celery, *, threads: int) -> None:
        self._app = app
        self._threads = threads
        self._rings: queue.SimpleQueue[Ring | None] = queue.SimpleQueue()
        self._waiting: dict[Ring, int] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._running: list[threading.Thread] = []

    def start(self) -> None:
        self._app.loader.import_default_modules()  # the tasks, as a worker does
        schedule: Mapping[str, Any] = self._app.conf.beat_schedule
        ticks = [_Tick(entry["task"], float(entry["schedule"])) for entry in schedule.values()]
        self._start_thread("ticks", lambda: self._tick(ticks))
        for number in range(self._threads):
            self._start_thread(f"worker {number + 1}", self._work)
        atexit.register(self.stop)

    def ring(self, task: str, args: tuple[int | str, ...] = ()) -> None:
        ring = (task, args)
        with self._lock:
            if self._waiting.get(ring, 0) >= self._threads:
                return
            self._waiting[ring] = self._waiting.get(ring, 0) + 1
        self._rings.put(ring)

    def waiting(self, queue_name: str) -> int:
        """Rings of the tasks that Celery would send to this queue."""
        with self._lock:
            return sum(
                count for (task, _), count in self._waiting.items() if _queue(task) == queue_name
            )

    def stop(self) -> None:
        """Let each thread finish the task in its hands."""
        self._stopping.set()
        for _ in self._running:
            self._rings.put(None)
        until = time.monotonic() + _STOP_PATIENCE
        for thread in self._running:
            thread.join(max(0.0, until - time.monotonic()))

    def _start_thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"local loop: {name}", daemon=True)
        self._running.append(thread)
        thread.start()

    def _tick(self, ticks: list[_Tick]) -> None:
        while not self._stopping.wait(0.1):
            now = time.monotonic()
            for tick in ticks:
                if now >= tick.due:
                    tick.due = now + tick.interval
                    self.ring(tick.task)

    def _work(self) -> None:
        while not self._stopping.is_set():
            ring = self._rings.get()
            if ring is None:
                return
            with self._lock:
                self._waiting[ring] -= 1
                if not self._waiting[ring]:
                    del self._waiting[ring]
            self._run(*ring)

    def _run(self, task: str, args: tuple[int | str, ...]) -> None:
        close_old_connections()
        try:
            self._app.tasks[task].run(*args)
        except Exception:
            # As a worker would: the next tick or sweep tries again.
            logger.exception("%s failed.", task)
        finally:
            close_old_connections()


_loop: LocalLoop | None = None


def start(app: Celery, *, threads: int) -> None:
    """Make this process the installation's worker and beat. Several of them do no harm."""
    global _loop  # noqa: PLW0603 - one loop a process
    _loop = LocalLoop(app, threads=threads)
    _loop.start()


def ring(task: str, args: tuple[int | str, ...]) -> bool:
    """False in a process without a loop, such as a command: the web process's next tick comes."""
    if _loop is None:
        return False
    _loop.ring(task, args)
    return True


def waiting(queue_name: str) -> int:
    return _loop.waiting(queue_name) if _loop else 0
