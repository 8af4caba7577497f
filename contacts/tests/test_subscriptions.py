"""Opting out, whatever else happens at the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connections, transaction

from accounts.tests.factories import make_business
from contacts import services
from contacts.models import Consent, Contact, Suppression
from contacts.tests.factories import make_contact


@pytest.mark.django_db
def test_unsubscribe_says_whether_it_changed_anything() -> None:
    contact = make_contact(make_business())

    def opt_out() -> bool:
        return services.unsubscribe(
            business_id=contact.business_id,
            phone=contact.phone,
            source="opt_out_link",
            reference="abc",
        )

    assert (opt_out(), opt_out()) == (True, False)
    contact.refresh_from_db()
    assert not contact.is_subscribed
    last = contact.consents.latest("id")
    assert (last.kind, last.source, last.reference) == ("withdrawn", "opt_out_link", "abc")


@pytest.mark.django_db
def test_a_stranger_can_opt_out_and_other_businesses_are_not_concerned() -> None:
    business = make_business()
    elsewhere = make_contact(make_business(), "+306940000001")

    assert services.unsubscribe(
        business_id=business.pk, phone="+306940000001", source="opt_out_link"
    )

    elsewhere.refresh_from_db()
    assert elsewhere.is_subscribed
    assert not make_contact(business, "+306940000001").is_subscribed


@pytest.mark.django_db
def test_consents_cannot_be_changed_but_outlive_the_contact() -> None:
    contact = make_contact(make_business())
    consent = contact.consents.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.update(kind="withdrawn")
    with pytest.raises(IntegrityError), transaction.atomic():
        consent.delete()
    services.delete_contact(contact=contact)

    consent.refresh_from_db()
    assert consent.contact_id is None


@pytest.mark.django_db(transaction=True)
def test_creating_and_opting_out_at_once_always_agree() -> None:
    business = make_business()
    phones = [f"+30694{number:07d}" for number in range(60)]

    def create() -> None:
        for phone in phones:
            make_contact(business, phone)
        connections.close_all()

    def opt_out() -> None:
        for phone in phones:
            services.unsubscribe(business_id=business.pk, phone=phone, source="opt_out_link")
        connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(create), pool.submit(opt_out), pool.submit(opt_out)]:
            future.result()

    assert Contact.objects.filter(is_subscribed=False).count() == len(phones)
    assert Suppression.objects.count() == len(phones)
    withdrawn = Consent.objects.filter(kind="withdrawn", source="opt_out_link")
    assert withdrawn.count() == len(phones)
