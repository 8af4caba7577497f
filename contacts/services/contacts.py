"""Contacts, one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import ClassVar, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.problems import Problem
from contacts.models import Consent, Contact, Suppression
from contacts.services.locks import hold_suppressions, lock_suppressions
from contacts.services.subscriptions import unsubscribe


class ContactExists(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "CONTACT_EXISTS"
    title: ClassVar[str] = "Another contact has this phone number"


class ConsentWithdrawn(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "CONSENT_WITHDRAWN"
    title: ClassVar[str] = "This person has unsubscribed, and only they can subscribe again"


class ContactGone(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "NOT_FOUND"
    title: ClassVar[str] = "The contact has just been deleted"


class ContactFields(TypedDict, total=False):
    """What may be known of a contact beside the phone; attributes are checked by the caller."""

    email: str
    first_name: str
    last_name: str
    gender: str
    birthday: date | None
    attributes: dict[str, object]


def create_contact(
    *,
    business_id: int,
    phone: str,
    source: str,
    reference: str = "",
    is_subscribed: bool = True,
    **fields: Unpack[ContactFields],
) -> Contact:
    """A new contact with its consent. phone: E.164, by contacts.phone.normalise.

    A phone that has opted out before stays out, whatever is_subscribed says. Raises ContactExists.
    """
    contact = Contact(business_id=business_id, phone=phone, **fields)
    with _explaining_duplicates(), transaction.atomic():
        _insert(contact, source=source, reference=reference, is_subscribed=is_subscribed)
    return contact


def _insert(contact: Contact, *, source: str, reference: str, is_subscribed: bool) -> None:
    if is_subscribed:
        hold_suppressions(business_id=contact.business_id)
    else:
        lock_suppressions(business_id=contact.business_id)
        _suppress(contact, source=source)
    contact.is_subscribed = is_subscribed and not _is_suppressed(contact)
    contact.unsubscribed_at = None if contact.is_subscribed else timezone.now()
    contact.save(force_insert=True)
    _record_consent(contact, source=source, reference=reference)


@transaction.atomic
def update_contact(
    *,
    contact: Contact,
    source: str,
    phone: str | None = None,
    is_subscribed: bool | None = None,
    **fields: Unpack[ContactFields],
) -> Contact:
    """Change what is named. is_subscribed=False withdraws the consent; True cannot restore it.

    An unsubscribed person who changes numbers stays unsubscribed under the new one.
    Raises ContactExists, ConsentWithdrawn, ContactGone.
    """
    if phone is not None or is_subscribed is not None:
        lock_suppressions(business_id=contact.business_id)
    current = Contact.objects.select_for_update().filter(pk=contact.pk).first()
    if current is None:
        raise ContactGone
    if is_subscribed and not current.is_subscribed:
        raise ConsentWithdrawn
    for name, value in fields.items():
        setattr(current, name, value)
    changed = [*fields, "updated_at"]
    if phone is not None and phone != current.phone:
        _change_phone(current, phone, source=source)
        changed += ["phone", "is_subscribed", "unsubscribed_at"]
    with _explaining_duplicates():
        current.save(update_fields=changed)
    if is_subscribed is False and unsubscribe(
        business_id=current.business_id, phone=current.phone, source=source
    ):
        current.refresh_from_db(fields=["is_subscribed", "unsubscribed_at", "updated_at"])
    return current


@transaction.atomic
def delete_contact(*, contact: Contact) -> None:
    """Forget the person; a withdrawn consent stands on, by the phone."""
    # The contact before its places on lists, as everybody locks them who puts it there.
    Contact.objects.select_for_update().filter(pk=contact.pk).first()
    contact.delete()


def _change_phone(contact: Contact, phone: str, *, source: str) -> None:
    contact.phone = phone
    if not contact.is_subscribed:
        _suppress(contact, source=source)
    elif _is_suppressed(contact):
        contact.is_subscribed, contact.unsubscribed_at = False, timezone.now()
        _record_consent(contact, source=source)


def _suppress(contact: Contact, *, source: str) -> None:
    Suppression.objects.get_or_create(
        business_id=contact.business_id, phone=contact.phone, defaults={"source": source}
    )


def _is_suppressed(contact: Contact) -> bool:
    suppressions = Suppression.objects.filter(business_id=contact.business_id)
    return suppressions.filter(phone=contact.phone).exists()


def _record_consent(contact: Contact, *, source: str, reference: str = "") -> None:
    Consent.objects.create(
        business_id=contact.business_id,
        contact=contact,
        kind=Consent.Kind.GRANTED if contact.is_subscribed else Consent.Kind.WITHDRAWN,
        source=source,
        reference=reference,
    )


@contextmanager
def _explaining_duplicates() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "contact_phone_once" in str(error):
            raise ContactExists from error
        raise
