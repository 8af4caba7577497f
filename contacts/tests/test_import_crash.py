"""Imports that are killed, doubled or raced: every row counts once."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event, Semaphore
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connections
from django.db.models.functions import Now

from accounts.tests.factories import make_business
from contacts import selectors, services
from contacts.models import Consent, Contact, ContactImport, ImportedPhone, Suppression
from contacts.samples import write_sample
from contacts.services import import_run
from contacts.tests.factories import finish, make_import

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 12_000


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """Good rows, and at the end one that repeats the first."""
    write_sample(tmp_path / "sample.csv", ROWS)
    data = (tmp_path / "sample.csv").read_bytes()
    return data + data.splitlines(keepends=True)[1]


def run_in_thread(contact_import: ContactImport) -> None:
    try:
        finish(contact_import)
    finally:
        connections.close_all()


def die_after_a_chunk(contact_import: ContactImport) -> None:
    commit = import_run._commit

    def commit_and_die(*chunk: Any) -> None:
        commit(*chunk)
        os.kill(os.getpid(), signal.SIGKILL)

    with patch.object(import_run, "_commit", commit_and_die):
        finish(contact_import)


def kill_after_a_chunk(contact_import: ContactImport) -> None:
    """Run the import in a process of its own, which is killed in the middle."""
    connections.close_all()  # a forked child must not share them
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=die_after_a_chunk, args=[contact_import], daemon=True)
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL


def let_lease_run_out(contact_import: ContactImport) -> None:
    ContactImport.objects.filter(pk=contact_import.pk).update(
        lease_until=Now() - timedelta(seconds=1)
    )


def test_a_killed_import_goes_on_after_the_committed_rows(content: bytes) -> None:
    contact_import = make_import(content)
    kill_after_a_chunk(contact_import)
    contact_import.refresh_from_db()
    assert contact_import.processed == import_run.CHUNK_ROWS
    assert Contact.objects.count() == contact_import.created == contact_import.processed

    assert selectors.due_imports() == []  # the dead run still holds its lease
    let_lease_run_out(contact_import)
    assert selectors.due_imports() == [contact_import.pk]
    finish(contact_import)

    contact_import.refresh_from_db()
    assert contact_import.status == "completed"
    assert (contact_import.processed, contact_import.created) == (ROWS + 1, ROWS)
    assert contact_import.skipped == 1
    assert Contact.objects.count() == Consent.objects.count() == ROWS
    assert contact_import.errors.get().code == "DUPLICATE_IN_FILE"
    assert not ImportedPhone.objects.exists()


def test_two_runs_of_one_import_do_it_once(content: bytes) -> None:
    contact_import = make_import(content)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run_in_thread, [contact_import] * 2))

    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.created) == ("completed", ROWS)
    assert Consent.objects.count() == ROWS


def test_cancelling_stops_between_chunks(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    contact_import = make_import(content)
    commit, committed, cancelled = import_run._commit, Event(), Event()

    def commit_and_wait(*chunk: Any) -> None:
        commit(*chunk)
        committed.set()
        assert cancelled.wait(60)

    monkeypatch.setattr(import_run, "_commit", commit_and_wait)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_in_thread, contact_import)
        assert committed.wait(60)
        services.cancel_import(contact_import=contact_import)
        cancelled.set()
        running.result()

    contact_import.refresh_from_db()
    assert contact_import.status == "cancelled"
    assert contact_import.processed == import_run.CHUNK_ROWS
    assert Contact.objects.count() == contact_import.created
    assert not ImportedPhone.objects.exists()


def test_the_first_look_at_a_long_file_keeps_the_lease_and_can_be_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact_import = make_import("phone\n" + "6940000001\n" * 1_500_000)
    renew, renewed, may_go_on = import_run._renew, Semaphore(0), Semaphore(0)

    def renew_and_wait(*lease: Any, **changes: Any) -> None:
        renew(*lease, **changes)
        renewed.release()
        assert may_go_on.acquire(timeout=60)

    monkeypatch.setattr(import_run, "_renew", renew_and_wait)
    leases = []
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_in_thread, contact_import)
        for _ in range(3):
            assert renewed.acquire(timeout=60)
            contact_import.refresh_from_db()
            leases.append(contact_import.lease_until)
            if len(leases) == 3:
                services.cancel_import(contact_import=contact_import)
            may_go_on.release()
        running.result()

    contact_import.refresh_from_db()
    assert len(set(leases)) == 3
    assert (contact_import.status, contact_import.total) == ("cancelled", None)


@pytest.mark.parametrize("update_existing", [False, True])
def test_the_same_file_twice_at_once_creates_each_contact_once(
    content: bytes, update_existing: bool
) -> None:
    business = make_business()
    imports = [
        make_import(content, business=business, update_existing=update_existing) for _ in range(2)
    ]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run_in_thread, imports))

    for contact_import in imports:
        contact_import.refresh_from_db()
        assert contact_import.status == "completed"
    assert sum(contact_import.created for contact_import in imports) == ROWS
    assert Contact.objects.count() == Consent.objects.count() == ROWS


def test_an_import_that_breaks_off_again_and_again_is_given_up() -> None:
    contact_import = make_import("phone\n6940000001\n")
    ContactImport.objects.filter(pk=contact_import.pk).update(attempts=import_run.MAX_ATTEMPTS)

    services.run_import(import_id=contact_import.pk)

    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.failure_code) == ("failed", "INTERNAL_ERROR")


def test_opting_out_while_being_imported_always_holds(content: bytes) -> None:
    business = make_business()
    contact_import = make_import(content, business=business)
    phones = [f"+30694{(1_204_817 + index * 7_654_321) % 10_000_000:07d}" for index in range(ROWS)]

    def opt_out_some() -> None:
        try:
            for phone in phones[::60]:
                services.unsubscribe(business_id=business.pk, phone=phone, source="opt_out_link")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(run_in_thread, contact_import), pool.submit(opt_out_some)]
    for future in futures:
        future.result()

    suppressed = set(Suppression.objects.values_list("phone", flat=True))
    out = set(Contact.objects.filter(is_subscribed=False).values_list("phone", flat=True))
    assert out == suppressed == set(phones[::60])
