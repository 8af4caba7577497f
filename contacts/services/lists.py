"""Lists and who is in them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.problems import Problem
from contacts.filters import AudienceFilter
from contacts.models import Contact, ContactImport, ContactList

MAX_MEMBERS_PER_CALL: Final = 10_000

# Until the transaction ends neither the list nor a contact of it is deleted.
_HOLD_LIST = "SELECT id FROM contacts_contactlist WHERE id = %(list)s FOR KEY SHARE"
_HOLD_CONTACTS = """
SELECT id FROM contacts_contact
WHERE business_id = %(business)s AND id = ANY(%(contacts)s) ORDER BY id FOR KEY SHARE
"""
_ADD = """
INSERT INTO contacts_listmembership (contact_list_id, contact_id)
SELECT %(list)s, unnest(%(contacts)s::bigint[])
ON CONFLICT (contact_list_id, contact_id) DO NOTHING
"""


class ListExists(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "LIST_EXISTS"
    title: ClassVar[str] = "Another list has this name"


class ListInUse(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "LIST_IN_USE"
    title: ClassVar[str] = "A campaign or a running import uses this list"


class ListIsDynamic(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "LIST_IS_DYNAMIC"
    title: ClassVar[str] = "The members of this list are chosen by its filter"


class ListKindFixed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "LIST_KIND_FIXED"
    title: ClassVar[str] = "A list stays static or dynamic: make a new one of the other kind"


class ListGone(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "NOT_FOUND"
    title: ClassVar[str] = "The list has just been deleted"


class UnknownContacts(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "CONTACTS_NOT_FOUND"
    title: ClassVar[str] = "Some of the contacts do not exist"


def create_list(
    *,
    business_id: int,
    name: str,
    filter: AudienceFilter | None = None,  # noqa: A002
) -> ContactList:
    """A static list, or with a filter a dynamic one. Raises ListExists."""
    with _explaining_duplicates(), transaction.atomic():
        return ContactList.objects.create(business_id=business_id, name=name, filter=filter)


@transaction.atomic
def update_list(
    *, contact_list: ContactList, **changes: str | AudienceFilter | None
) -> ContactList:
    """Change name or filter. Raises ListExists, ListKindFixed, ListGone."""
    current = ContactList.objects.select_for_update(no_key=True).filter(pk=contact_list.pk).first()
    if current is None:
        raise ListGone
    if "filter" in changes and (changes["filter"] is None) != (current.filter is None):
        raise ListKindFixed
    for name, value in changes.items():
        setattr(current, name, value)
    with _explaining_duplicates():
        current.save(update_fields=[*changes, "updated_at"])
    return current


@transaction.atomic
def delete_list(*, contact_list: ContactList) -> None:
    """Delete the list, not its contacts. Raises ListInUse."""
    # The lock keeps new imports from naming the list.
    ContactList.objects.select_for_update().filter(pk=contact_list.pk).first()
    if ContactImport.objects.filter(
        contact_list=contact_list, status__in=ContactImport.OPEN
    ).exists():
        raise ListInUse
    try:
        contact_list.delete()
    except ProtectedError as error:
        raise ListInUse from error


@transaction.atomic
def add_members(*, contact_list: ContactList, contact_ids: Sequence[int]) -> int:
    """Put contacts of the same business on the list, all or none; how many were not on it yet.

    Raises ListIsDynamic, UnknownContacts, ListGone.
    """
    _check_static(contact_list)
    names: dict[str, Any] = {
        "list": contact_list.pk,
        "business": contact_list.business_id,
        "contacts": sorted(set(contact_ids)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_LIST, names)
        if cursor.fetchone() is None:
            raise ListGone
        cursor.execute(_HOLD_CONTACTS, names)
        _check_known(contact_ids, {pk for (pk,) in cursor.fetchall()})
        cursor.execute(_ADD, names)
        return int(cursor.rowcount)


def remove_members(*, contact_list: ContactList, contact_ids: Sequence[int]) -> int:
    """Take contacts off the list; how many were on it. Raises ListIsDynamic, UnknownContacts."""
    _check_static(contact_list)
    contacts = Contact.objects.filter(business_id=contact_list.business_id, pk__in=contact_ids)
    _check_known(contact_ids, set(contacts.values_list("pk", flat=True)))
    removed, _ = contact_list.members.filter(contact_id__in=contact_ids).delete()
    return removed


def _check_static(contact_list: ContactList) -> None:
    if contact_list.filter is not None:
        raise ListIsDynamic


def _check_known(contact_ids: Sequence[int], known: set[int]) -> None:
    unknown = sorted(set(contact_ids) - known)
    if unknown:
        named = ", ".join(map(str, unknown[:20])) + (", …" if len(unknown) > 20 else "")
        raise UnknownContacts(f"There are no contacts {named}.", pointer="/contacts")


@contextmanager
def _explaining_duplicates() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "contact_list_name_once" in str(error):
            raise ListExists from error
        raise
