"""Ticks of the Redis layer; each may be lost or doubled."""

from celery import shared_task

from rediskit import versioned_cache


@shared_task
def replay_invalidations() -> None:
    versioned_cache.replay_invalidations()
