"""What comes of a file: contacts, consents, counts, and a line for whatever was not taken."""

import pytest

from contacts.models import Contact, ContactImport, Suppression
from contacts.tests.factories import run

pytestmark = pytest.mark.django_db

HEADER = "phone,email,first_name,last_name,gender,birthday,is_subscribed,attributes.city\n"


def counts(contact_import: ContactImport) -> dict[str, int]:
    names = ("total", "processed", "created", "updated", "skipped", "failed")
    return {name: getattr(contact_import, name) for name in names if getattr(contact_import, name)}


def errors(contact_import: ContactImport) -> list[tuple[int, str, str]]:
    rows = contact_import.errors.order_by("line", "column")
    return list(rows.values_list("line", "column", "code"))


def test_a_row_becomes_a_subscribed_contact_with_its_consent() -> None:
    done = run(
        HEADER + "694 000 0001,maria@example.com,Μαρία,Παππά,γυναίκα,31/12/1990,,Αθήνα\n"
        "+306940000002,,,,,,no,\n"
    )

    assert done.status == "completed"
    assert counts(done) == {"total": 2, "processed": 2, "created": 2}
    maria, other = Contact.objects.order_by("phone")
    assert maria.phone == "+306940000001"
    assert (maria.first_name, maria.gender, str(maria.birthday)) == (
        "Μαρία",
        "female",
        "1990-12-31",
    )
    assert maria.attributes == {"city": "Αθήνα"}
    assert maria.is_subscribed
    consent = maria.consents.get()
    assert (consent.kind, consent.source, consent.reference) == ("granted", "import", str(done.pk))
    assert not other.is_subscribed
    assert other.consents.get().kind == "withdrawn"
    assert list(Suppression.objects.values_list("phone", flat=True)) == [other.phone]
