"""Running an import: claim it, read its file, commit chunk by chunk, end it.

A long one runs in slices, so that it takes turns with whatever else the worker has to do.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import BinaryIO, Final, cast
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from contacts import csv_import
from contacts.csv_file import FileRefused, Position
from contacts.models import Contact, ContactImport, ImportedPhone
from contacts.selectors import today_in
from contacts.services.import_chunk import Counts, store_rows
from contacts.signals import contacts_changed

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)  # many times what a chunk takes
SLICE: Final = 3.0  # seconds
CHUNK_ROWS: Final = 2_000
MAX_ATTEMPTS: Final = 5  # without a row committed in between


class LeaseLost(Exception):
    """Somebody cancelled the import, or took it over because this run looked dead."""


def run_import(*, import_id: int) -> bool:
    """Bring an open import on by a slice, from the first row that is not committed.

    True if rows may be left: the caller rings for the next slice. May be called at any time and any
    number of times: one call at a time gets the lease, and every chunk is committed together with
    its counters and its place in the file, if the lease still holds.
    """
    token = _claim(import_id)
    if token is None:
        return False
    with suppress(LeaseLost):
        try:
            return _run(import_id, token)
        except FileRefused as refusal:
            _end(import_id, token, ContactImport.Status.FAILED, refusal.code, refusal.detail)
    return False


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


def _run(import_id: int, token: UUID) -> bool:
    """True if the slice ended before the file did."""
    stop = monotonic() + SLICE
    contact_import = _held(import_id, token).select_related("business").first()
    if contact_import is None:
        raise LeaseLost
    if contact_import.attempts > MAX_ATTEMPTS:
        raise FileRefused("INTERNAL_ERROR", "The import broke off again and again: tell support.")
    business = contact_import.business
    renew = partial(_renew, import_id, token)
    with _opened(contact_import) as file:
        chunks = csv_import.read_chunks(
            file,
            _inspected(contact_import, file, renew),
            size=CHUNK_ROWS,
            country=business.country,
            today=today_in(business),
            start=Position(contact_import.read_bytes, contact_import.read_lines),
            heartbeat=renew,
        )
        for chunk in chunks:
            _commit(import_id, token, chunk)
            if monotonic() >= stop:
                _release(import_id, token)
                return True
    _end(import_id, token, ContactImport.Status.COMPLETED)
    return False


def _opened(contact_import: ContactImport) -> BinaryIO:
    try:
        return cast("BinaryIO", contact_import.file.open("rb"))
    except FileNotFoundError as error:
        raise FileRefused("FILE_MISSING", "The uploaded file is no longer there.") from error


def _inspected(
    contact_import: ContactImport, file: BinaryIO, renew: Callable[..., None]
) -> csv_import.Sheet:
    """The whole file is read by the first slice only."""
    if contact_import.total is not None:
        return csv_import.read_sheet(file, contact_import.encoding)
    sheet, total = csv_import.inspect(file, heartbeat=renew)
    renew(total=total, encoding=sheet.encoding)
    return sheet


def _renew(import_id: int, token: UUID, **changes: int | str) -> None:
    if not _held(import_id, token).update(lease_until=Now() + LEASE, **changes):
        raise LeaseLost


def _release(import_id: int, token: UUID) -> None:
    if not _held(import_id, token).update(lease_token=None, lease_until=None):
        raise LeaseLost


@transaction.atomic
def _commit(import_id: int, token: UUID, chunk: csv_import.Chunk) -> None:
    """The rows, their errors, the counters and the place: all or nothing, and under the lease."""
    contact_import = _held(import_id, token).select_for_update(no_key=True).first()
    if contact_import is None:
        raise LeaseLost
    counts: Counts = store_rows(contact_import, chunk.rows)
    _held(import_id, token).update(
        processed=F("processed") + len(chunk.rows),
        created=F("created") + counts.created,
        updated=F("updated") + counts.updated,
        skipped=F("skipped") + counts.skipped,
        failed=F("failed") + counts.failed,
        read_bytes=chunk.end.offset,
        read_lines=chunk.end.line,
        lease_until=Now() + LEASE,
        attempts=0,
    )
    contacts_changed.send(sender=Contact, business_ids={contact_import.business_id})


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
