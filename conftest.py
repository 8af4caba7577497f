"""Fixtures of every test."""

from contextlib import suppress

import hypothesis
import pytest
from django.conf import settings
from django.test import Client

from config.celery import app
from rediskit import failover, pacing
from rediskit.connection import DISABLED, client
from rediskit.failover import Away
from rediskit.ratelimits import PREFIX, local_counters
from rediskit.tests.servers import forget_broker
from rediskit.versioned_cache import delete_prefix

# Hypothesis's own: the same examples in each run, and for each as long as a busy machine takes.
hypothesis.settings.load_profile("ci")


@pytest.fixture(autouse=True, scope="session")
def _nothing_cached() -> None:
    """A server that was there before may hold answers of an earlier run, whose ids come again."""
    with suppress(Away):
        delete_prefix("gen:")


@pytest.fixture(autouse=True)
def _unused_limits() -> None:
    """All tests ask from 127.0.0.1, and each begins with limits of which nothing is used up."""
    local_counters.clear()
    if settings.LIMITS_REDIS_URL == DISABLED:
        return
    redis = client(settings.LIMITS_REDIS_URL)
    if keys := list(redis.scan_iter(f"{PREFIX}*", count=1000)):
        redis.unlink(*keys)


@pytest.fixture(autouse=True)
def _no_outage_is_inherited() -> None:
    """A test that let Redis fail, or named another broker, left nothing of that to this one."""
    pacing.reset()
    for circuit in (failover.cache, failover.limits, failover.broker):
        circuit.reset()
    if app.pool.connection.as_uri() != app.connection_for_write().as_uri():
        forget_broker()


@pytest.fixture(name="client")
def english_client() -> Client:
    """A browser that prefers English: without a wish, public pages follow the shop's country."""
    return Client(headers={"Accept-Language": "en"})
