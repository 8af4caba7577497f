"""The sign of life of beat, broker and workers together."""

from celery import shared_task
from django.utils import timezone
from django_redis import get_redis_connection

HEARTBEAT = "beat:heartbeat"
HEARTBEAT_SECONDS = 60  # six ticks


@shared_task
def heartbeat() -> None:
    """Beat sends it, the broker carries it, a worker writes it: its absence names trouble."""
    get_redis_connection("default").set(HEARTBEAT, timezone.now().isoformat(), ex=HEARTBEAT_SECONDS)
