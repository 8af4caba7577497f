"""Running an import: claim it, read its file, commit chunk by chunk, end it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import BinaryIO, Final, TypeVar, cast
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from contacts import csv_import
from contacts.csv_file import FileRefused
from contacts.models import ContactImport, ImportedPhone
from contacts.selectors import today_in
from contacts.services.import_chunk import Counts, store_rows

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)  # many times what a chunk takes
CHUNK_ROWS: Final = 2_000
MAX_ATTEMPTS: Final = 5  # without a row committed in between

T = TypeVar("T")


class LeaseLost(Exception):
    """Somebody cancelled the import, or took it over because this run looked dead."""


def run_import(*, import_id: int) -> None:
    """Bring an open import to its end, from the first row that is not committed.

    May be called at any time and any number of times: one call at a time gets the lease, and
    every chunk is committed together with its counters, if the lease still holds.
    """
    token = _claim(import_id)
    if token is None:
        return
    with suppress(LeaseLost):
        try:
            _run(import_id, token)
        except FileRefused as refusal:
            _end(import_id, token, ContactImport.Status.FAILED, refusal.code, refusal.detail)


def _held(import_id: int, token: UUID) -> QuerySet[ContactImport]:
    return ContactImport.objects.filter(
        pk=import_id, lease_token=token, status=ContactImport.Status.PROCESSING
    )


def _claim(import_id: int) -> UUID | None:
    token = uuid4()
    claimed = ContactImport.objects.unclaimed().filter(pk=import_id)
    is_mine = claimed.update(
        status=ContactImport.Status.PROCESSING,
        lease_token=token,
        lease_until=Now() + LEASE,
        attempts=F("attempts") + 1,
    )
    return token if is_mine else None


def _run(import_id: int, token: UUID) -> None:
    contact_import = _held(import_id, token).select_related("business").get()
    if contact_import.attempts > MAX_ATTEMPTS:
        raise FileRefused("INTERNAL_ERROR", "The import broke off again and again: tell support.")
    business = contact_import.business
    with _opened(contact_import) as file:
        sheet = csv_import.inspect(file)
        _renew(import_id, token, total=sheet.total)
        rows = csv_import.read_rows(
            file,
            sheet,
            country=business.country,
            today=today_in(business),
            skip=contact_import.processed,
        )
        for chunk in _chunks(rows, CHUNK_ROWS):
            _commit(import_id, token, chunk)
    _end(import_id, token, ContactImport.Status.COMPLETED)


def _opened(contact_import: ContactImport) -> BinaryIO:
    try:
        return cast("BinaryIO", contact_import.file.open("rb"))
    except FileNotFoundError as error:
        raise FileRefused("FILE_MISSING", "The uploaded file is no longer there.") from error


def _chunks(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _renew(import_id: int, token: UUID, **changes: int) -> None:
    if not _held(import_id, token).update(lease_until=Now() + LEASE, **changes):
        raise LeaseLost


@transaction.atomic
def _commit(
    import_id: int, token: UUID, rows: Sequence[csv_import.Row | csv_import.RejectedRow]
) -> None:
    """The rows, their errors and the counters: all or nothing, and only under the lease."""
    contact_import = _held(import_id, token).select_for_update(no_key=True).first()
    if contact_import is None:
        raise LeaseLost
    counts: Counts = store_rows(contact_import, rows)
    _held(import_id, token).update(
        processed=F("processed") + len(rows),
        created=F("created") + counts.created,
        updated=F("updated") + counts.updated,
        skipped=F("skipped") + counts.skipped,
        failed=F("failed") + counts.failed,
        lease_until=Now() + LEASE,
        attempts=0,
    )


@transaction.atomic
def _end(import_id: int, token: UUID, status: str, code: str = "", detail: str = "") -> None:
    ended = _held(import_id, token).update(
        status=status,
        failure_code=code,
        failure=detail,
        lease_token=None,
        lease_until=None,
        finished_at=Now(),
    )
    if not ended:
        raise LeaseLost
    ImportedPhone.objects.filter(contact_import_id=import_id).delete()
    logger.info("Import %s: %s %s", import_id, status, code)
