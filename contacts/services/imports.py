"""Imports of contacts: taking the file, running it, cancelling it."""

from functools import partial
from typing import ClassVar
from uuid import uuid4
from weakref import finalize

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.db.models.fields.files import FieldFile
from django.db.models.functions import Now

from accounts.models import Business, User
from accounts.problems import Problem
from contacts.models import ContactImport, ContactList, ImportedPhone
from contacts.services.lists import ListGone, ListIsDynamic


class FileTooLarge(Problem):
    status: ClassVar[int] = 413
    code: ClassVar[str] = "FILE_TOO_LARGE"
    title: ClassVar[str] = "The file is too large"


class ImportOver(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "INVALID_STATUS"
    title: ClassVar[str] = "The import has ended already"


class _Rollback:
    """What goes away with the callbacks that wait for a commit, when it does not come."""


@transaction.atomic
def create_import(
    *,
    business: Business,
    created_by: User | None,
    file: "File[bytes]",
    name: str,
    contact_list: ContactList | None = None,
    dry_run: bool = False,
    update_existing: bool = False,
) -> ContactImport:
    """Keep the file for `run_import`; the caller rings contacts.tasks.run_import.

    name: the file's name at the sender's, for people only. If the transaction is rolled back, the
    file goes, too. Raises FileTooLarge, ListIsDynamic, ListGone.
    """
    check_size(file)
    if contact_list is not None:
        _hold_list(contact_list)
    contact_import = ContactImport(
        business=business,
        created_by=created_by,
        original_name=name[:255],
        contact_list=contact_list,
        dry_run=dry_run,
        update_existing=update_existing,
    )
    contact_import.file.save(f"{uuid4().hex}.csv", file, save=False)
    _remove_on_rollback(contact_import.file)
    contact_import.save(force_insert=True)
    return contact_import


def _hold_list(contact_list: ContactList) -> None:
    """Until the transaction ends the list is not deleted, afterwards the import keeps it."""
    lists = ContactList.objects.select_for_update(no_key=True)
    current = lists.filter(pk=contact_list.pk).first()
    if current is None:
        raise ListGone(pointer="/list")
    if current.filter is not None:
        raise ListIsDynamic(pointer="/list")


def _remove_on_rollback(file: FieldFile) -> None:
    """Django has no hook for it; but it drops what waited for the commit, of a savepoint too."""
    assert file.name
    rollback = _Rollback()
    removal = finalize(rollback, file.storage.delete, file.name)
    transaction.on_commit(partial(_keep, rollback, removal))


def _keep(_: _Rollback, removal: "finalize[..., _Rollback]") -> None:
    removal.detach()


def check_size(file: "File[bytes]") -> None:
    """Raises FileTooLarge."""
    if file.size > settings.IMPORT_MAX_BYTES:
        megabytes = settings.IMPORT_MAX_BYTES / 1024 / 1024
        raise FileTooLarge(f"A file may have {megabytes:g} MB at most: split it.", pointer="/file")


@transaction.atomic
def cancel_import(*, contact_import: ContactImport) -> None:
    """Stop after the rows that are committed; those stay. Raises ImportOver."""
    moved = ContactImport.objects.filter(
        pk=contact_import.pk, status__in=ContactImport.OPEN
    ).update(status=ContactImport.Status.CANCELLED, lease_until=None, finished_at=Now())
    if not moved:
        raise ImportOver
    ImportedPhone.objects.filter(contact_import=contact_import).delete()
