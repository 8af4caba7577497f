"""Signing up by a public form, and what a stranger cannot do with it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import Model
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts import services, tasks
from contacts.models import (
    Consent,
    ConsentText,
    Contact,
    ContactList,
    DailySignups,
    OptInRequest,
    Suppression,
)
from contacts.services import Outcome
from contacts.signals import contact_opted_in
from contacts.tests.factories import EVIDENCE, make_contact, make_list, sign_up

pytestmark = pytest.mark.django_db

PHONE = "+306940000001"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def heard() -> Any:
    """What the apps above are told."""
    told: list[dict[str, Any]] = []

    def listen(signal: object, sender: object, **said: Any) -> None:
        told.append(said)

    contact_opted_in.connect(listen)
    yield told
    contact_opted_in.disconnect(listen)


def stop(business: Business, phone: str = PHONE) -> None:
    assert services.unsubscribe(business_id=business.pk, phone=phone, source="opt_out_link")


def values(row: Model) -> dict[str, Any]:
    return type(row)._default_manager.filter(pk=row.pk).values().get()


def test_a_new_phone_becomes_a_contact_and_the_proof_is_kept(
    business: Business, heard: list[dict[str, Any]]
) -> None:
    signed_up = sign_up(
        business, first_name="Μαρία", birthday=date(1990, 2, 3), attributes={"city": "Πάτρα"}
    )

    contact = Contact.objects.get()
    assert (signed_up.outcome, signed_up.contact) == (Outcome.CREATED, contact)
    assert (contact.phone, contact.first_name, contact.is_subscribed) == (PHONE, "Μαρία", True)
    assert (contact.birthday, contact.attributes) == (date(1990, 2, 3), {"city": "Πάτρα"})
    consent = contact.consents.get()
    assert (consent.kind, consent.source, consent.reference) == ("granted", "form", "7")
    assert (consent.version, consent.tag, consent.page) == (3, EVIDENCE.tag, EVIDENCE.page)
    assert consent.text
    assert (consent.text.text, consent.text.language) == (EVIDENCE.text, "el")
    person = consent.person
    assert (person.phone, person.ip, person.user_agent) == (PHONE, "203.0.113.9", "Mozilla/5.0")
    (told,) = heard
    assert (told["contact"], told["consent"]) == (contact, consent)
    assert (told["is_first"], told["tag"]) == (True, EVIDENCE.tag)


def test_words_are_kept_once_for_each_business_and_language(business: Business) -> None:
    for number, evidence in enumerate(
        [EVIDENCE, EVIDENCE, replace(EVIDENCE, language="en"), replace(EVIDENCE, text="Yes.")]
    ):
        sign_up(business, f"+30694000000{number}", evidence=evidence)
    sign_up(make_business())

    assert ConsentText.objects.filter(business=business).count() == 3
    assert ConsentText.objects.count() == 4


def test_of_who_is_known_only_blanks_are_filled_in(
    business: Business, heard: list[dict[str, Any]]
) -> None:
    contact = make_contact(
        business, first_name="Μαρία", gender="female", attributes={"city": "Πάτρα"}
    )

    signed_up = sign_up(
        business,
        first_name="Eve",
        last_name="Παππά",
        gender="",
        birthday=None,
        attributes={"city": "Athens", "shoe": 39},
    )

    assert (signed_up.outcome, signed_up.contact) == (Outcome.COMPLETED, contact)
    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name) == ("Μαρία", "Παππά")
    assert (contact.gender, contact.birthday) == ("female", None)
    assert contact.attributes == {"city": "Πάτρα", "shoe": 39}
    sources = contact.consents.order_by("id").values_list("kind", "source")
    assert list(sources) == [("granted", "api"), ("granted", "form")]
    assert [told["is_first"] for told in heard] == [False]


def test_a_stranger_cannot_subscribe_who_has_stopped(
    business: Business, heard: list[dict[str, Any]]
) -> None:
    contact = make_contact(business, first_name="Μαρία", last_name="")
    stop(business)
    before, consents = values(contact), Consent.objects.count()

    signed_up = sign_up(business, first_name="Eve", last_name="Eve")

    assert (signed_up.outcome, signed_up.contact) == (Outcome.MUST_CONFIRM, None)
    assert values(contact) == before
    assert Consent.objects.count() == consents
    assert Suppression.objects.filter(phone=PHONE).exists()
    assert not heard


def test_a_stopped_phone_that_is_nobodys_contact_must_confirm_too(business: Business) -> None:
    stop(business)

    assert sign_up(business).outcome is Outcome.MUST_CONFIRM
    assert not Contact.objects.exists()


def test_the_person_themselves_can_come_back(
    business: Business, heard: list[dict[str, Any]]
) -> None:
    contact = make_contact(business)
    regulars = make_list(business)
    stop(business)
    token = sign_up(
        business, contact_list=regulars, first_name="Μαρία", birthday=date(1990, 2, 3)
    ).token
    assert token

    confirmed = services.confirm_opt_in(
        token=token, evidence_ip="198.51.100.7", evidence_user_agent="Phone"
    )

    assert confirmed == contact
    contact.refresh_from_db()
    assert (contact.is_subscribed, contact.unsubscribed_at) == (True, None)
    assert (contact.first_name, contact.birthday) == ("Μαρία", date(1990, 2, 3))
    assert regulars.members.get().contact == contact
    assert not Suppression.objects.exists()
    consent = contact.consents.latest("id")
    assert (consent.kind, consent.source, consent.tag) == ("granted", "confirmation", EVIDENCE.tag)
    assert consent.text
    assert consent.text.text == EVIDENCE.text
    assert (consent.person.ip, consent.person.user_agent) == ("198.51.100.7", "Phone")
    assert [told["is_first"] for told in heard] == [False]


def test_a_form_that_wants_it_has_new_phones_confirm(
    business: Business, heard: list[dict[str, Any]]
) -> None:
    signed_up = sign_up(business, must_confirm=True, first_name="Μαρία")
    assert signed_up.outcome is Outcome.MUST_CONFIRM
    assert signed_up.token
    assert not Contact.objects.exists()
    assert not heard

    contact = services.confirm_opt_in(token=signed_up.token)

    assert contact == Contact.objects.get()
    assert (contact.phone, contact.first_name, contact.is_subscribed) == (PHONE, "Μαρία", True)
    assert [told["is_first"] for told in heard] == [True]
    assert sign_up(business, must_confirm=True).outcome is Outcome.COMPLETED


def test_pressing_twice_is_harmless_and_a_later_stop_stands(business: Business) -> None:
    token = sign_up(business, must_confirm=True).token or ""
    contact = services.confirm_opt_in(token=token)
    assert services.confirm_opt_in(token=token) == contact
    assert Consent.objects.count() == 1

    stop(business)

    again = services.confirm_opt_in(token=token)
    assert again == contact
    assert again
    assert not again.is_subscribed
    assert Suppression.objects.exists()


def test_a_confirmation_is_a_newer_word_than_a_stop_before_it(business: Business) -> None:
    token = sign_up(business, must_confirm=True).token or ""
    stop(business)

    contact = services.confirm_opt_in(token=token)

    assert contact
    assert contact.is_subscribed
    assert not Suppression.objects.exists()


def test_only_the_token_confirms_and_only_for_three_days(business: Business) -> None:
    stop(business)
    token = sign_up(business).token or ""
    request = OptInRequest.objects.get()
    assert token not in str(values(request))
    assert services.find_request(token=token) == request

    for wrong in ("", "x", token[:-1], request.token_hash):
        assert services.find_request(token=wrong) is None
        assert services.confirm_opt_in(token=wrong) is None
    OptInRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert services.find_request(token=token) is None
    assert services.confirm_opt_in(token=token) is None
    assert Suppression.objects.exists()
    assert timedelta(hours=71) < request.expires_at - request.created_at < timedelta(hours=73)


def test_nobody_is_asked_twice_a_day(business: Business) -> None:
    stop(business)
    sign_up(business)

    again = sign_up(business, first_name="Eve")

    assert (again.outcome, again.token) == (Outcome.ALREADY_ASKED, None)
    assert sign_up(make_business(), must_confirm=True).outcome is Outcome.MUST_CONFIRM
    OptInRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert sign_up(business).outcome is Outcome.MUST_CONFIRM


def test_who_confirmed_and_stopped_again_is_asked_again(business: Business) -> None:
    services.confirm_opt_in(token=sign_up(business, must_confirm=True).token or "")
    stop(business)

    assert sign_up(business).outcome is Outcome.MUST_CONFIRM


def test_a_business_takes_so_many_a_day_and_no_more(business: Business) -> None:
    business.daily_signup_cap = 3
    outcomes = [sign_up(business).outcome, sign_up(business).outcome]
    outcomes.append(sign_up(business, "+306940000002", must_confirm=True).outcome)
    contacts, consents = Contact.objects.count(), Consent.objects.count()

    assert outcomes == [Outcome.CREATED, Outcome.COMPLETED, Outcome.MUST_CONFIRM]
    assert sign_up(business).outcome is Outcome.CAPPED
    assert sign_up(business, "+306940000003").outcome is Outcome.CAPPED
    assert sign_up(business, "+306940000004", must_confirm=True).outcome is Outcome.CAPPED
    assert (Contact.objects.count(), Consent.objects.count()) == (contacts, consents)
    assert DailySignups.objects.get().count == 3
    assert sign_up(make_business()).outcome is Outcome.CREATED
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert sign_up(business, "+306940000003").outcome is Outcome.CREATED
    business.daily_signup_cap = 0
    assert sign_up(business, "+306940000005").outcome is Outcome.CAPPED


def test_a_sign_up_joins_the_list_if_that_takes_members(business: Business) -> None:
    regulars = make_list(business)
    found = ContactList.objects.create(business=business, name="Women", filter={})
    foreign = make_list(make_business())
    gone = make_list(business, name="Gone")
    services.delete_list(contact_list=ContactList.objects.get(pk=gone.pk))

    for contact_list in (regulars, regulars, found, foreign, gone):
        signed_up = sign_up(business, contact_list=contact_list)

    assert signed_up.contact
    assert regulars.members.get().contact == signed_up.contact
    assert not foreign.members.exists()
    assert not found.members.exists()
    assert sign_up(business, "+306940000002", contact_list=gone, must_confirm=True).token


def test_what_browsers_send_does_not_break_a_sign_up(business: Business) -> None:
    evidence = replace(EVIDENCE, ip="unknown", user_agent="\0" + "x" * 900, page="/" + "y" * 900)

    contact = sign_up(business, evidence=evidence).contact
    token = sign_up(business, "+306940000002", must_confirm=True, evidence=evidence).token

    assert contact
    person = contact.consents.get().person
    assert (person.ip, person.user_agent) == (None, "x" * 400)
    assert services.confirm_opt_in(token=token or "", evidence_ip="unknown")


def test_requests_are_forgotten_when_they_expire(business: Business) -> None:
    services.confirm_opt_in(token=sign_up(business, must_confirm=True).token or "")
    sign_up(business, "+306940000002", must_confirm=True)
    OptInRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    sign_up(business, "+306940000003", must_confirm=True)
    DailySignups.objects.create(business=business, day=date(2020, 1, 1), count=9)

    tasks.forget_requests()

    assert OptInRequest.objects.get().phone == "+306940000003"
    assert DailySignups.objects.get().count == 3
