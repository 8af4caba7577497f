"""What comes of a file: contacts, consents, counts, and a line for whatever was not taken."""

from pathlib import Path

import pytest

from accounts.tests.factories import make_business
from contacts import services
from contacts.models import Contact, ContactImport, ImportedPhone, Suppression
from contacts.samples import SHIPPED, write_sample
from contacts.selectors import due_imports
from contacts.services import import_run
from contacts.tests.factories import finish, make_contact, make_import, make_list, run

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


def test_bad_rows_and_duplicates_are_listed_and_the_rest_goes_in() -> None:
    done = run("phone,birthday\n6940000001,\n123,31/02/1990\n+30 694 0000001,\n6940000002,\n")

    assert counts(done) == {"total": 4, "processed": 4, "created": 2, "skipped": 1, "failed": 1}
    assert errors(done) == [
        (3, "birthday", "INVALID_DATE"),
        (3, "phone", "INVALID_PHONE"),
        (4, "phone", "DUPLICATE_IN_FILE"),
    ]
    assert "line 2" in done.errors.get(line=4).reason


def test_duplicates_are_found_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 2)

    done = run("phone\n6940000001\n6940000002\n6940000003\n6940000001\n")

    assert counts(done) == {"total": 4, "processed": 4, "created": 3, "skipped": 1}
    assert errors(done) == [(5, "phone", "DUPLICATE_IN_FILE")]
    assert not ImportedPhone.objects.exists()


def test_a_long_import_takes_turns_and_reads_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 2)
    monkeypatch.setattr(import_run, "SLICE", 0.0)
    content = "phone,first_name\n6940000001,Ά\n123,\n6940000002,\n6940000001,Ω\n12,\n"
    contact_import = make_import("\ufeff" + content)

    assert services.run_import(import_id=contact_import.pk)

    contact_import.refresh_from_db()
    assert counts(contact_import) == {"total": 5, "processed": 2, "created": 1, "failed": 1}
    assert (contact_import.lease_token, contact_import.attempts) == (None, 0)
    assert due_imports() == [contact_import.pk]
    path = Path(contact_import.file.path)
    done = contact_import.read_bytes
    path.write_bytes(b"phone,first_name".ljust(done, b"\n") + path.read_bytes()[done:])
    finish(contact_import)
    contact_import.refresh_from_db()
    assert contact_import.status == "completed"
    whole = {"total": 5, "processed": 5, "created": 2, "skipped": 1, "failed": 2}
    assert counts(contact_import) == whole
    assert errors(contact_import) == [
        (3, "phone", "INVALID_PHONE"),
        (5, "phone", "DUPLICATE_IN_FILE"),
        (6, "phone", "INVALID_PHONE"),
    ]


def test_a_padded_column_name_is_refused_or_fits() -> None:
    longest = "phone".ljust(100, "!")

    assert errors(run(f"{longest}\n123\n")) == [(2, longest, "INVALID_PHONE")]
    assert run(f"{longest}!\n123\n").failure_code == "COLUMN_NAME_TOO_LONG"


@pytest.mark.parametrize(
    ("content", "code"),
    [("", "EMPTY_FILE"), ("phone\n", "NO_ROWS"), ("who\n6940000001\n", "NO_PHONE_COLUMN")],
)
def test_a_refused_file_says_why_and_changes_nothing(content: str, code: str) -> None:
    done = run(content)

    assert (done.status, done.failure_code) == ("failed", code)
    assert done.failure
    assert done.finished_at
    assert not Contact.objects.exists()


def test_a_broken_byte_far_down_refuses_the_file_before_anything_is_written() -> None:
    people = "".join(f"694{number:07d},Ά\n" for number in range(5_000))

    done = run(f"phone,first_name\n{people}".encode() + b"6949999999,\x81\n")

    assert (done.status, done.failure_code) == ("failed", "UNKNOWN_ENCODING")
    assert not Contact.objects.exists()


def test_known_contacts_are_skipped_unless_they_are_to_be_updated() -> None:
    business = make_business()
    known = make_contact(business, first_name="Anna", attributes={"a": 1, "b": 2})
    content = "phone,first_name,last_name,attributes.b\n6940000001,,Παππά,3\n6940000002,,,\n"

    first = run(content, business=business)
    known.refresh_from_db()
    assert counts(first) == {"total": 2, "processed": 2, "created": 1, "skipped": 1}
    assert known.last_name == ""

    second = run(content, business=business, update_existing=True)
    known.refresh_from_db()
    assert counts(second) == {"total": 2, "processed": 2, "updated": 2}
    assert (known.first_name, known.last_name) == ("Anna", "Παππά")
    assert known.attributes == {"a": 1, "b": "3"}
    assert known.consents.count() == 1


@pytest.mark.parametrize("update_existing", [False, True])
def test_a_withdrawn_consent_is_never_restored(update_existing: bool) -> None:
    business = make_business()
    out = make_contact(business, "+306940000001", is_subscribed=False)
    services.unsubscribe(business_id=business.pk, phone="+306940000002", source="opt_out_link")

    run(
        "phone,is_subscribed\n6940000001,yes\n6940000002,yes\n",
        business=business,
        update_existing=update_existing,
    )

    out.refresh_from_db()
    assert not out.is_subscribed
    assert not Contact.objects.filter(is_subscribed=True).exists()
    newcomer = Contact.objects.get(phone="+306940000002")
    assert newcomer.consents.get().kind == "withdrawn"


def test_an_update_may_withdraw_a_consent() -> None:
    business = make_business()
    contact = make_contact(business)
    content = "phone,is_subscribed\n6940000001,no\n"

    run(content, business=business)
    contact.refresh_from_db()
    assert contact.is_subscribed

    for _ in range(2):
        run(content, business=business, update_existing=True)
    contact.refresh_from_db()
    assert not contact.is_subscribed
    assert contact.unsubscribed_at
    assert Suppression.objects.get().phone == contact.phone
    kinds = contact.consents.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["granted", "withdrawn"]


def test_a_dry_run_counts_and_reports_but_writes_no_contact() -> None:
    business = make_business()
    make_contact(business)

    done = run(
        "phone,is_subscribed\n6940000001,no\n6940000002,no\n123,\n",
        business=business,
        dry_run=True,
        update_existing=True,
    )

    assert counts(done) == {"total": 3, "processed": 3, "created": 1, "updated": 1, "failed": 1}
    assert errors(done) == [(4, "phone", "INVALID_PHONE")]
    assert Contact.objects.get().is_subscribed
    assert not Suppression.objects.exists()


def test_everybody_of_the_file_joins_the_list() -> None:
    business = make_business()
    make_contact(business)
    elsewhere = make_contact(make_business(), "+306940000002")
    regulars = make_list(business)

    run("phone\n6940000001\n6940000002\n", business=business, contact_list=regulars)

    members = set(regulars.members.values_list("contact__phone", "contact__business"))
    assert members == {("+306940000001", business.pk), ("+306940000002", business.pk)}
    assert elsewhere.pk not in regulars.members.values_list("contact", flat=True)


def test_an_ended_import_is_not_run_again() -> None:
    done = run("phone\n6940000001\n")
    Contact.objects.all().delete()

    services.run_import(import_id=done.pk)

    assert not Contact.objects.exists()


def test_a_cancelled_import_does_not_start() -> None:
    contact_import = make_import("phone\n6940000001\n")
    services.cancel_import(contact_import=contact_import)

    services.run_import(import_id=contact_import.pk)

    contact_import.refresh_from_db()
    assert contact_import.status == "cancelled"
    assert not Contact.objects.exists()


def test_a_file_that_is_gone_fails_the_import() -> None:
    contact_import = make_import("phone\n6940000001\n")
    Path(contact_import.file.path).unlink()

    services.run_import(import_id=contact_import.pk)

    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.failure_code) == ("failed", "FILE_MISSING")


def test_the_shipped_sample_goes_in_but_for_its_bad_rows() -> None:
    done = run(SHIPPED.read_bytes())

    assert done.status == "completed"
    assert done.total == 1_000
    assert (done.created, done.skipped, done.failed) == (991, 2, 7)
    assert not Contact.objects.exclude(phone__startswith="+30694").exists()


def test_generated_samples_are_all_good(tmp_path: Path) -> None:
    write_sample(tmp_path / "sample.csv", 3_000)

    done = run((tmp_path / "sample.csv").read_bytes())

    assert done.created == done.total == 3_000
