"""Contacts for tests, made by the services that make real ones."""

from typing import Final, Unpack

from django.core.files.base import ContentFile
from django.db import connection

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts import services
from contacts.models import Consent, Contact, ContactImport, ContactList, ListMembership
from contacts.services import ContactFields, Evidence, OptIn

EVIDENCE: Final = Evidence(
    text="Θέλω προσφορές με SMS.",
    language="el",
    version=3,
    reference="7",
    tag="abcdefghijklmnop",
    page="/nfc/abcdefghijklmnop/",
    ip="203.0.113.9",
    user_agent="Mozilla/5.0",
)


def make_contact(
    business: Business,
    phone: str = "+306940000001",
    *,
    is_subscribed: bool = True,
    **fields: Unpack[ContactFields],
) -> Contact:
    return services.create_contact(
        business_id=business.pk,
        phone=phone,
        source=Consent.Source.API,
        is_subscribed=is_subscribed,
        **fields,
    )


def make_contacts(business: Business, number: int, *, start: int = 1) -> list[Contact]:
    phones = [f"+30694{index:07d}" for index in range(start, start + number)]
    return [make_contact(business, phone) for phone in phones]


def sign_up(
    business: Business,
    phone: str = "+306940000001",
    *,
    evidence: Evidence = EVIDENCE,
    contact_list: ContactList | None = None,
    must_confirm: bool = False,
    **fields: Unpack[ContactFields],
) -> OptIn:
    """As by the form of a tag."""
    return services.opt_in(
        business=business,
        phone=phone,
        fields=fields,
        evidence=evidence,
        contact_list=contact_list,
        must_confirm=must_confirm,
    )


def make_list(business: Business, *contacts: Contact, name: str = "Regulars") -> ContactList:
    contact_list = ContactList.objects.create(business=business, name=name)
    ListMembership.objects.bulk_create(
        ListMembership(contact_list=contact_list, contact=contact) for contact in contacts
    )
    return contact_list


def make_import(
    content: str | bytes,
    *,
    business: Business | None = None,
    contact_list: ContactList | None = None,
    dry_run: bool = False,
    update_existing: bool = False,
) -> ContactImport:
    data = content.encode() if isinstance(content, str) else content
    return services.create_import(
        business=business or make_business(),
        created_by=None,
        file=ContentFile(data),
        name="contacts.csv",
        contact_list=contact_list,
        dry_run=dry_run,
        update_existing=update_existing,
    )


def finish(contact_import: ContactImport) -> None:
    """Slice by slice, as the task does."""
    while services.run_import(import_id=contact_import.pk):
        pass


def run(content: str | bytes, **options: object) -> ContactImport:
    """A finished import of the content."""
    contact_import = make_import(content, **options)  # type: ignore[arg-type]
    finish(contact_import)
    contact_import.refresh_from_db()
    return contact_import


def settle() -> None:
    """What the database does when a transaction commits, which those of most tests never do."""
    connection.check_constraints()
