"""Ringing a Celery task. Redis is a doorbell only: a sweep finds what a lost ring left waiting."""

import logging
from typing import Any, cast

from celery import Task, current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def ring_on_commit(task: "Task[Any, Any]", *args: int | str) -> None:
    """Ring the task after the commit (at once outside a transaction)."""
    transaction.on_commit(lambda: ring(task, *args))


def ring(task: "Task[Any, Any]", *args: int | str) -> bool:
    """Publish the task once, without retry; False when the broker is away, which is no error."""
    try:
        task.apply_async(args=args, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("The broker did not take %s (%s); the sweep will.", task.name, error)
        return False
    return True


def waiting(queue: str) -> int:
    """The number of tasks waiting in a queue; 0 when the broker is away."""
    try:
        with current_app.connection_for_write() as connection:
            channel = cast("Channel", connection.default_channel)
            return int(channel.client.llen(queue))
    except (OperationalError, RedisError, OSError):
        return 0


def ring_senders(task: "Task[Any, Any]") -> None:
    """Ring until as many rings wait as there are workers; more would only be answered in vain."""
    queue = settings.CELERY_TASK_ROUTES[task.name]["queue"]
    for _ in range(max(0, settings.SENDERS - waiting(queue))):
        if not ring(task):
            return
