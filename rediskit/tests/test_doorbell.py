"""Ringing: once, after the commit, and never an error when nobody is there to hear it."""

from typing import cast

import pytest
from celery import Celery, shared_task
from django.conf import settings
from django.db import transaction
from kombu.transport.redis import Channel
from pytest_django import DjangoCaptureOnCommitCallbacks

from config.celery import app
from rediskit import doorbell


@shared_task(name="rediskit.tests.bell")
def bell() -> None:
    """Rung in these tests, answered by nobody."""


@pytest.fixture(autouse=True)
def _empty_queue() -> None:
    with app.connection_for_write() as connection:
        channel = cast("Channel", connection.default_channel)
        channel.queue_purge(settings.CELERY_TASK_DEFAULT_QUEUE)


def waiting() -> int:
    return doorbell.waiting(settings.CELERY_TASK_DEFAULT_QUEUE)


def test_a_ring_waits_in_the_queue() -> None:
    assert doorbell.ring(bell)
    assert waiting() == 1


@pytest.mark.django_db
def test_a_ring_waits_for_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        doorbell.ring_on_commit(bell)
        assert waiting() == 0
    assert waiting() == 1


def test_a_broker_that_is_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL")  # it would win over the app's own
    deaf = Celery("deaf", set_as_current=False, broker="redis+socket:///nowhere/broker.sock")
    deaf.conf.broker_transport_options = app.conf.broker_transport_options

    @deaf.task(name="rediskit.tests.unheard")
    def unheard() -> None:
        """Never rung."""

    assert not doorbell.ring(unheard)
