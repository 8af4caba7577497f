"""Fixtures of every test."""

import pytest
from django.conf import settings

from rediskit.connection import DISABLED, client
from rediskit.ratelimits import PREFIX, local_counters


@pytest.fixture(autouse=True)
def _unused_limits() -> None:
    """All tests ask from 127.0.0.1, and each begins with limits of which nothing is used up."""
    local_counters.clear()
    if settings.LIMITS_REDIS_URL == DISABLED:
        return
    redis = client(settings.LIMITS_REDIS_URL)
    if keys := list(redis.scan_iter(f"{PREFIX}*", count=1000)):
        redis.unlink(*keys)
