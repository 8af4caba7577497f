"""Who rings for an import, and when nobody does."""

from contextlib import suppress

import pytest

from contacts import tasks
from contacts.services import import_run
from contacts.tests.factories import make_import
from rediskit import failover
from rediskit.doorbell import waiting

pytestmark = pytest.mark.django_db


def test_the_sweep_rings_for_what_waits_unless_a_ring_does() -> None:
    make_import("phone\n6940000001\n")

    tasks.sweep_imports()
    rings = waiting("imports")
    tasks.sweep_imports()

    assert waiting("imports") == rings >= 1


def test_an_import_that_is_not_done_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    monkeypatch.setattr(import_run, "SLICE", 0.0)
    contact_import = make_import("phone\n6940000001\n6940000002\n")
    rings = waiting("imports")

    tasks.run_import(contact_import.pk)
    tasks.run_import(contact_import.pk)
    assert waiting("imports") == rings + 2
    tasks.run_import(contact_import.pk)

    assert waiting("imports") == rings + 2
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.created) == ("completed", 2)


def test_the_sweep_leaves_it_at_that_while_the_broker_is_away() -> None:
    contact_import = make_import("phone\n6940000001\n")

    def unplug() -> None:
        raise ConnectionError

    with suppress(failover.Away):
        failover.broker.call(unplug)
    try:
        tasks.sweep_imports()
    finally:
        failover.broker.reset()

    contact_import.refresh_from_db()
    assert contact_import.status == "pending", "the next tick rings for it"
