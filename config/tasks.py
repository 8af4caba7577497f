"""The sign of life of beat, broker and workers together."""

from contextlib import suppress

from celery import shared_task
from django.utils import timezone

from rediskit import connection, failover

HEARTBEAT = "beat:heartbeat"
HEARTBEAT_SECONDS = 60  # six ticks


@shared_task
def heartbeat() -> None:
    """Beat sends it, the broker carries it, a worker writes it: its absence names trouble."""
    now = timezone.now().isoformat()
    with suppress(failover.Away):
        failover.cache.call(connection.client().set, HEARTBEAT, now, ex=HEARTBEAT_SECONDS)
