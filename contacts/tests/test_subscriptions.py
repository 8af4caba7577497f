"""Opting out, whatever else happens at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from accounts.tests.factories import make_business
from contacts import services
from contacts.models import Consent, Contact, Suppression
from contacts.signals import contact_opted_out
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


@pytest.mark.django_db
def test_an_opt_out_keeps_whose_it_was_and_is_told_once() -> None:
    contact, told = make_contact(make_business()), []

    def listen(signal: object, sender: object, **said: Any) -> None:
        told.append(said)

    contact_opted_out.connect(listen)
    try:
        for phone in (contact.phone, contact.phone, "+306949999999"):
            services.unsubscribe(
                business_id=contact.business_id,
                phone=phone,
                source="opt_out_link",
                reference="abc",
                ip="203.0.113.9",
                user_agent="Mozilla",
            )
    finally:
        contact_opted_out.disconnect(listen)

    person = contact.consents.latest("id").person
    assert (person.phone, person.ip, person.user_agent) == (contact.phone, "203.0.113.9", "Mozilla")
    assert [(said["phone"], said["contact"]) for said in told] == [
        (contact.phone, contact),
        ("+306949999999", None),
    ]
    assert (told[0]["business_id"], told[0]["source"]) == (contact.business_id, "opt_out_link")
    assert told[0]["reference"] == "abc"


@pytest.mark.django_db
def test_the_person_can_take_an_opt_out_back() -> None:
    business = make_business()
    contact = make_contact(business)
    services.unsubscribe(business_id=business.pk, phone=contact.phone, source="opt_out_link")

    def undo(phone: str) -> bool:
        return services.resubscribe(
            business_id=business.pk, phone=phone, source="opt_out_undo", reference="abc"
        )

    assert (undo(contact.phone), undo(contact.phone)) == (True, False)
    contact.refresh_from_db()
    assert (contact.is_subscribed, contact.unsubscribed_at) == (True, None)
    assert not Suppression.objects.exists()
    last = contact.consents.latest("id")
    assert (last.kind, last.source, last.reference) == ("granted", "opt_out_undo", "abc")
    assert not undo("+306949999999")
    services.unsubscribe(business_id=business.pk, phone="+306949999999", source="opt_out_link")
    assert undo("+306949999999")
    assert make_contact(business, "+306949999999").is_subscribed


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
