"""What must not be forgotten: the outbox of invalidations, through crashes and outages."""

import os
import signal
import subprocess
import sys
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from pytest_django import Settings

from config.embedded.addresses import with_database
from rediskit import connection, failover
from rediskit.models import Invalidation
from rediskit.tasks import replay_invalidations
from rediskit.versioned_cache import get_or_compute, invalidate, invalidate_durably

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def generation() -> str:
    """One under which a value is cached."""
    name = f"gen:test:{uuid4().hex}"
    assert read(name) == "miss"
    assert read(name) == "hit"
    return name


def read(generation: str) -> str:
    return get_or_compute(
        key=f"test:{generation}", generations=[generation], compute=lambda: b"1"
    ).state


def test_the_row_goes_with_the_key(generation: str) -> None:
    with transaction.atomic():
        invalidate_durably(generation)
        assert Invalidation.objects.get().generation == generation
        assert connection.client().exists(generation)
    assert not connection.client().exists(generation)
    assert not Invalidation.objects.exists()


def test_a_rollback_leaves_nothing(generation: str) -> None:
    with transaction.atomic():
        invalidate_durably(generation)
        transaction.set_rollback(True)
    assert not Invalidation.objects.exists()
    assert read(generation) == "hit"


_DIES_AFTER_THE_COMMIT = """
import os, signal, sys
import django
django.setup()
from django.db import transaction
from rediskit.versioned_cache import invalidate_durably
with transaction.atomic():
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    invalidate_durably(sys.argv[1])
"""


def test_a_process_killed_between_commit_and_delete(generation: str) -> None:
    address = with_database(os.environ["DATABASE_URL"], database.settings_dict["NAME"])
    process = subprocess.run(
        [sys.executable, "-c", _DIES_AFTER_THE_COMMIT, generation],
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=settings.BASE_DIR,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    assert read(generation) == "hit"  # stale
    replay_invalidations()
    assert read(generation) == "miss"
    assert not Invalidation.objects.exists()


def test_what_happened_while_redis_was_away_is_done_when_it_is_back(
    generation: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = settings.REDIS_URL
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(failover, "cache", failover.Circuit("The cache of this test"))
    with transaction.atomic():
        invalidate_durably(generation)
        invalidate(generation)
    replay_invalidations()
    assert Invalidation.objects.count() == 1
    settings.REDIS_URL = address
    monkeypatch.undo()
    assert read(generation) == "hit"
    replay_invalidations()
    assert read(generation) == "miss"
    assert not Invalidation.objects.exists()


def test_replaying_twice_or_too_early_is_harmless(generation: str) -> None:
    Invalidation.objects.bulk_create(Invalidation(generation=generation) for _ in range(2500))
    replay_invalidations()
    assert not Invalidation.objects.exists()
    assert read(generation) == "miss"
    replay_invalidations()
    assert read(generation) == "hit"


def test_without_redis_nothing_is_remembered(settings: Settings) -> None:
    settings.REDIS_ENABLED = False
    invalidate_durably("gen:test:1")
    assert not Invalidation.objects.exists()
