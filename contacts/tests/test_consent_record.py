"""Whoever writes consents: the database chains them, and lets nobody change them."""

from collections.abc import Callable
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.state import ProjectState

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent, ConsentHead, ConsentLink, ConsentPerson, ConsentText
from contacts.services.consent_chain import Chain, verify_chain
from contacts.tests.factories import (
    finish,
    make_contact,
    make_contacts,
    make_import,
    settle,
    sign_up,
)

pytestmark = pytest.mark.django_db

MIGRATION = import_module("contacts.migrations.0004_consent_chain").Migration


@pytest.fixture
def business() -> Business:
    return make_business()


def check(business: Business, *, count: int) -> None:
    settle()
    (chain,) = verify_chain(business_id=business.pk)
    assert isinstance(chain, Chain), chain
    assert chain.count == count == Consent.objects.filter(business=business).count()


def test_every_way_in_is_chained(business: Business) -> None:
    make_contact(business)
    finish(make_import("phone,is_subscribed\n6940000002,\n6940000003,no\n", business=business))
    Consent.objects.bulk_create(
        Consent(business=business, kind="granted", source="demo") for _ in range(3)
    )
    with connection.cursor() as cursor:
        columns = "(business_id, kind, source, reference)"
        with cursor.copy(f"COPY contacts_consent {columns} FROM STDIN") as copy:
            copy.write_row((business.pk, "granted", "api", 'a, "b"]\n\\'))

    check(business, count=7)
    numbers = ConsentLink.objects.order_by("consent_id").values_list("number", flat=True)
    assert list(numbers) == [*range(1, 8)]


@pytest.mark.parametrize(
    "write",
    [
        lambda: ConsentLink.objects.update(number=9),
        lambda: ConsentLink.objects.all().delete(),
        lambda: ConsentLink.objects.create(consent_id=1, business_id=1, number=9, hash=""),
        lambda: ConsentHead.objects.update(count=1),
        lambda: ConsentHead.objects.all().delete(),
        lambda: ConsentText.objects.update(text="All of it."),
        lambda: ConsentText.objects.all().delete(),
        lambda: ConsentPerson.objects.update(phone="+306949999999"),
        lambda: Consent.objects.update(tag="x"),
    ],
)
def test_the_application_cannot_rewrite_the_record(
    business: Business, write: Callable[[], object]
) -> None:
    sign_up(business)
    settle()

    with pytest.raises(IntegrityError), transaction.atomic():
        write()

    check(business, count=1)


def test_a_consent_of_a_transaction_that_fails_leaves_no_gap(business: Business) -> None:
    make_contact(business)
    with transaction.atomic():
        make_contact(business, "+306940000002")
        settle()
        transaction.set_rollback(True)
    make_contact(business, "+306940000003")

    check(business, count=2)


def test_consents_of_before_are_chained_when_the_chain_comes(business: Business) -> None:
    elsewhere = make_business()
    migration, state = MIGRATION("0004_consent_chain", "contacts"), ProjectState()
    with connection.schema_editor() as editor:
        migration.unapply(state, editor)
    make_contacts(business, 3)
    make_contact(elsewhere)
    settle()
    assert not ConsentHead.objects.exists()

    with connection.schema_editor() as editor:
        migration.apply(state, editor)

    check(business, count=3)
    check(elsewhere, count=1)
    make_contact(business, "+306940000009")
    check(business, count=4)
    with pytest.raises(IntegrityError), transaction.atomic():
        ConsentHead.objects.update(count=1)
