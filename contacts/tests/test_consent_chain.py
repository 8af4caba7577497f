"""The record of consent shows whatever was done to it, also by who may do all in the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts import services
from contacts.models import (
    Consent,
    ConsentHead,
    ConsentLink,
    ConsentPerson,
    ConsentText,
)
from contacts.tests.factories import (
    make_contact,
    make_contacts,
    settle,
    sign_up,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def consents(business: Business) -> list[Consent]:
    """Five that are chained: of four sign-ups and of one who has left."""
    for number in range(4):
        sign_up(business, f"+30694000000{number}")
    services.unsubscribe(business_id=business.pk, phone="+306940000000", source="opt_out_link")
    settle()
    return list(Consent.objects.order_by("id"))


@contextmanager
def database_administrator() -> Iterator[None]:
    """Who may switch off what protects the tables."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


def sql(statement: str, *values: int | str | None) -> None:
    with database_administrator(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount


def verify(business: Business | None = None) -> list[str]:
    """What the command complains of; without complaint it says that all is well."""
    out = StringIO()
    options = {"business": business.pk} if business else {}
    try:
        call_command("verify_consents", stdout=out, **options)
    except CommandError:
        assert "All consents" not in out.getvalue()
        lines = [line for line in out.getvalue().splitlines() if ", head " not in line]
        assert lines
        return [line.partition(": ")[2].rstrip(".") for line in lines]
    assert "All consents are as they were written" in out.getvalue()
    return []


def test_an_untouched_record_passes_and_tells_its_head(
    business: Business, consents: list[Consent]
) -> None:
    out = StringIO()

    call_command("verify_consents", stdout=out)

    head = ConsentHead.objects.get(business=business)
    assert head.count == 5
    assert f"Business {business.pk}: 5 consents, head {head.last_hash}" in out.getvalue()
    assert re.fullmatch("[0-9a-f]{64}", head.last_hash)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "withdrawn"),
        ("source", "import"),
        ("reference", "8"),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("version", 4),
        ("version", None),
        ("tag", "another"),
        ("page", "/elsewhere/"),
        ("text_id", None),
    ],
)
def test_a_changed_row_is_named(
    consents: list[Consent], column: str, value: int | str | None
) -> None:
    third = consents[2]

    sql(f"UPDATE contacts_consent SET {column} = %s WHERE id = %s", value, third.pk)  # noqa: S608

    assert verify() == [f"consent {third.pk} (number 3) was changed"]


def test_a_row_given_to_another_business_is_named(consents: list[Consent]) -> None:
    sql(
        "UPDATE contacts_consent SET business_id = %s WHERE id = %s",
        make_business().pk,
        consents[2].pk,
    )

    assert verify() == [f"consent {consents[2].pk} (number 3) was changed"]


def test_a_hash_that_was_made_to_fit_betrays_the_next_row(consents: list[Consent]) -> None:
    third, fourth = consents[2:4]
    sql("UPDATE contacts_consent SET reference = 'x' WHERE id = %s", third.pk)
    sql(
        """
        UPDATE contacts_consentlink AS link SET hash = consent_hash(
            before.hash, link.number, c.id, c.business_id, c.kind, c.source, c.reference,
            c.created_at, t.sha256, t.language, c.version, c.tag, c.page, c.person_hash)
        FROM contacts_consent AS c JOIN contacts_consenttext AS t ON t.id = c.text_id,
            contacts_consentlink AS before
        WHERE c.id = link.consent_id AND link.number = 3 AND before.number = 2
        """
    )

    assert verify() == [f"consent {fourth.pk} (number 4) was changed"]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_row_is_named(consents: list[Consent], number: int) -> None:
    removed = consents[number - 1]

    sql("DELETE FROM contacts_consent WHERE id = %s", removed.pk)

    assert f"consent {removed.pk} (number {number}) was removed" in verify()


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        (1, "numbers 1 to 1 of the chain were removed"),
        (3, "numbers 3 to 3 of the chain were removed"),
        (5, "numbers 5 to 5, the end of the chain, were removed"),
    ],
)
def test_a_row_removed_with_its_link_leaves_a_gap(
    consents: list[Consent], number: int, complaint: str
) -> None:
    removed = consents[number - 1]

    sql("DELETE FROM contacts_consentlink WHERE consent_id = %s", removed.pk)
    sql("DELETE FROM contacts_consent WHERE id = %s", removed.pk)

    assert verify() == [complaint]


def test_all_rows_gone_is_not_nothing_amiss(consents: list[Consent]) -> None:
    sql("DELETE FROM contacts_consentlink")
    sql("DELETE FROM contacts_consent")

    assert verify() == ["numbers 1 to 5, the end of the chain, were removed"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contacts_consenthead SET count = 4",
        "UPDATE contacts_consenthead SET last_hash = repeat('0', 64)",
        "DELETE FROM contacts_consenthead",
    ],
)
def test_a_head_that_does_not_fit_is_told(consents: list[Consent], statement: str) -> None:
    sql(statement)

    (complaint,) = verify()

    assert "the head of the chain was changed or removed" in complaint


def test_other_words_put_into_a_mouth_are_noticed(consents: list[Consent]) -> None:
    words = ConsentText.objects.get()

    sql("UPDATE contacts_consenttext SET text = 'All of it.'")
    assert verify() == [f"text {words.pk} was changed"]

    sql("UPDATE contacts_consenttext SET sha256 = encode(sha256(text::bytea), 'hex')")
    assert verify() == [
        f"consent {consent.pk} (number {number}) was changed"
        for number, consent in enumerate(consents[:4], start=1)
    ]


@pytest.mark.parametrize(
    "change",
    ["phone = '+306949999999'", "ip = '198.51.100.1'", "ip = NULL", "user_agent = 'curl'"],
)
def test_another_person_is_noticed(consents: list[Consent], change: str) -> None:
    second = consents[1]

    sql(f"UPDATE contacts_consentperson SET {change} WHERE consent_id = %s", second.pk)  # noqa: S608

    assert verify() == [f"consent {second.pk} (number 2): its personal data was changed"]


def test_a_person_added_later_is_noticed(business: Business) -> None:
    consent = make_contact(business).consents.get()
    settle()

    ConsentPerson.objects.create(consent=consent, phone="+306940000001", salt=b"x" * 16)

    assert verify() == [f"consent {consent.pk} (number 1): its personal data was changed"]


def test_a_row_put_in_beside_the_chain_is_named(
    business: Business, consents: list[Consent]
) -> None:
    sql(
        "INSERT INTO contacts_consent (business_id, kind, source, reference)"
        " VALUES (%s, 'granted', 'form', '')",
        business.pk,
    )
    forged = Consent.objects.latest("id")

    assert verify() == [f"consent {forged.pk} was put in beside the chain"]

    sign_up(business, "+306940000009")
    settle()
    assert verify() == [f"consent {forged.pk} was put in beside the chain"]


def test_an_erased_person_leaves_the_record_valid(
    business: Business, consents: list[Consent]
) -> None:
    consents[1].person.delete()
    out = StringIO()

    call_command("verify_consents", stdout=out)

    assert f"Business {business.pk}: 5 consents, 1 erased, head" in out.getvalue()


def test_a_deleted_contact_leaves_the_record_valid(
    business: Business, consents: list[Consent]
) -> None:
    contact = consents[1].contact
    assert contact
    services.delete_contact(contact=contact)

    assert not verify()
    assert ConsentLink.objects.filter(consent=consents[1]).exists()


def test_each_business_has_a_chain_of_its_own(business: Business, consents: list[Consent]) -> None:
    elsewhere = make_business()
    make_contacts(elsewhere, 2)
    settle()
    assert ConsentHead.objects.get(business=elsewhere).count == 2

    sql("UPDATE contacts_consent SET reference = 'x' WHERE id = %s", consents[0].pk)

    assert len(verify(business)) == 1
    assert not verify(elsewhere)
    with pytest.raises(CommandError, match="There is no business 0"):
        call_command("verify_consents", business=0)
