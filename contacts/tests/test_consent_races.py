"""Sign-ups, opt-outs, confirmations and imports at the same moment: none fails, all agree."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connections, transaction

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts import services
from contacts.models import Consent, ConsentHead, Contact, ContactList, DailySignups, Suppression
from contacts.services.consent_chain import Chain, verify_chain
from contacts.tests.factories import finish, make_contact, make_import, make_list, sign_up

pytestmark = pytest.mark.django_db(transaction=True)

PHONES = [f"+30694{number:07d}" for number in range(60)]


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture(autouse=True)
def _all_agree() -> Iterator[None]:
    """Whatever the order was: subscribed means not suppressed, and the chain is whole."""
    yield
    suppressed = set(Suppression.objects.values_list("business_id", "phone"))
    for contact in Contact.objects.all():
        is_suppressed = (contact.business_id, contact.phone) in suppressed
        assert contact.is_subscribed != is_suppressed, contact.phone
    for head in ConsentHead.objects.all():
        (chain,) = verify_chain(business_id=head.business_id)
        assert isinstance(chain, Chain), chain
        assert chain.count == Consent.objects.filter(business_id=head.business_id).count()


def at_once(*works: Callable[[], object]) -> list[Any]:
    barrier = Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(run, work) for work in works]]


def stop(business: Business, phone: str) -> bool:
    return services.unsubscribe(business_id=business.pk, phone=phone, source="opt_out_link")


def each(work: Callable[[Business, str], object], business: Business, phones: list[str]) -> None:
    for phone in phones:
        work(business, phone)


def create_or_update(business: Business, phone: str) -> None:
    try:
        make_contact(business, phone)
    except services.ContactExists:
        contact = Contact.objects.get(business=business, phone=phone)
        services.update_contact(contact=contact, source="api", first_name="A")


def sign_up_and_confirm(business: Business, phone: str) -> None:
    regulars = ContactList.objects.get(business=business)
    if token := sign_up(business, phone, contact_list=regulars).token:
        services.confirm_opt_in(token=token)


def test_two_sign_ups_of_a_phone_make_one_contact(business: Business) -> None:
    for phone in PHONES[:10]:
        signed_up = at_once(*[partial(sign_up, business, phone)] * 3)

        outcomes = sorted(each.outcome for each in signed_up)
        assert outcomes == ["completed", "completed", "created"]
    assert Contact.objects.count() == 10
    assert Consent.objects.count() == 30


def test_two_sign_ups_of_a_phone_ask_the_person_once(business: Business) -> None:
    signed_up = at_once(*[partial(sign_up, business, must_confirm=True)] * 4)

    outcomes = sorted(each.outcome for each in signed_up)
    assert outcomes == [*["already_asked"] * 3, "must_confirm"]


def test_a_sign_up_never_undoes_a_stop(business: Business) -> None:
    sign_all_up = partial(each, sign_up, business, PHONES)

    at_once(partial(each, stop, business, PHONES), sign_all_up, sign_all_up)

    assert Suppression.objects.count() == len(PHONES)
    assert not Contact.objects.filter(is_subscribed=True).exists()


def test_a_confirmation_is_done_once_and_a_stop_beside_it_comes_before_or_after(
    business: Business,
) -> None:
    for phone in PHONES[:15]:
        token = sign_up(business, phone, must_confirm=True).token or ""
        confirm = partial(services.confirm_opt_in, token=token)

        at_once(confirm, partial(stop, business, phone), confirm)

        consents = Consent.objects.filter(person__phone=phone).order_by("link__number")
        kinds = list(consents.values_list("kind", flat=True))
        assert sorted(kinds) == ["granted", "withdrawn"]
        assert Contact.objects.get(phone=phone).is_subscribed == (kinds[-1] == "granted")


def test_an_undone_opt_out_beside_a_new_contact_leaves_them_subscribed(business: Business) -> None:
    for phone in PHONES[:15]:
        stop(business, phone)
        undo = partial(services.resubscribe, business_id=business.pk, source="opt_out_undo")

        undone, _ = at_once(partial(undo, phone=phone), partial(make_contact, business, phone))

        assert undone
        assert Contact.objects.get(phone=phone).is_subscribed


def test_a_cap_holds_whoever_comes_at_once(business: Business) -> None:
    business.daily_signup_cap = 7

    at_once(*[partial(each, sign_up, business, PHONES[start::4]) for start in range(4)])

    assert Contact.objects.count() == Consent.objects.count() == 7
    assert DailySignups.objects.get().count == 7


def test_every_way_in_and_out_at_once_comes_to_an_end(business: Business) -> None:
    regulars = make_list(business)
    rows = [f"{phone},{'no' if n % 9 == 0 else ''}\n" for n, phone in enumerate(PHONES)]
    imports = [
        make_import(
            "".join(["phone,is_subscribed\n", *content]),
            business=business,
            contact_list=regulars,
            update_existing=True,
        )
        for content in (rows, rows[::-1])
    ]

    at_once(
        partial(each, create_or_update, business, PHONES),
        partial(each, sign_up_and_confirm, business, PHONES),
        partial(each, sign_up_and_confirm, business, PHONES[::-1]),
        partial(each, stop, business, PHONES[::3]),
        *[partial(finish, contact_import) for contact_import in imports],
    )

    assert Contact.objects.count() == regulars.members.count() == len(PHONES)
    for contact_import in imports:
        contact_import.refresh_from_db()
        assert contact_import.status == "completed"


def test_rows_may_be_locked_before_a_consent_by_one_and_after_it_by_another(
    business: Business,
) -> None:
    """The head of the chain is locked at the commit only: nobody waits for both."""
    contact = make_contact(business)
    met = Barrier(2)

    def rename() -> None:
        services.update_contact(contact=contact, source="api", first_name="A")

    def row_first() -> None:
        with transaction.atomic():
            rename()
            met.wait()
            make_contact(business, PHONES[2])

    def consent_first() -> None:
        with transaction.atomic():
            make_contact(business, PHONES[3])
            met.wait()
            rename()

    at_once(row_first, consent_first)

    assert Consent.objects.count() == 3
