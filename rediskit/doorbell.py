"""Ringing a Celery task. Redis is a doorbell only: a sweep finds what a lost ring left waiting."""

from typing import Any

from celery import Task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from rediskit import connection, failover, local_loop


def ring_on_commit(task: "Task[Any, Any]", *args: int | str) -> None:
    """Ring the task after the commit (at once outside a transaction)."""
    transaction.on_commit(lambda: ring(task, *args))


def ring(task: "Task[Any, Any]", *args: int | str) -> bool:
    """Publish the task once, without retry; False when the broker is away, which is no error."""
    if not settings.REDIS_ENABLED:
        return local_loop.ring(task.name, args)
    try:
        failover.broker.call(_publish, task, args)
    except failover.Away:
        return False
    return True


def waiting(queue: str) -> int:
    """The number of tasks waiting in a queue. Raises failover.Away."""
    if not settings.REDIS_ENABLED:
        return local_loop.waiting(queue)
    return failover.broker.call(_length, queue)


def ring_senders(task: "Task[Any, Any]") -> None:
    """Ring until as many rings wait as there are workers; more would only be answered in vain."""
    queue = settings.CELERY_TASK_ROUTES[task.name]["queue"]
    try:
        missing = settings.SENDERS - waiting(queue)
    except failover.Away:
        return
    for _ in range(missing):
        if not ring(task):
            return


def ring_senders_on_commit(task: "Task[Any, Any]") -> None:
    """The same after the commit (at once outside a transaction)."""
    transaction.on_commit(lambda: ring_senders(task))


def _publish(task: "Task[Any, Any]", args: tuple[int | str, ...]) -> None:
    try:
        task.apply_async(args=args, retry=False)
    except OperationalError as error:
        # Kombu's name for everything; what it was decides whether the broker is away.
        raise error.__cause__ or error from None


def _length(queue: str) -> int:
    # Not by a channel of Kombu's, on which somebody's reply may still be under way.
    broker = connection.client(connection.in_redis_words(settings.CELERY_BROKER_URL))
    return broker.llen(connection.BROKER_PREFIX + queue)
