"""Whom a broadcast reaches."""

from datetime import date
from typing import Any

import pytest

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts import selectors, services
from contacts.filters import AudienceFilter, years_before
from contacts.models import ContactList
from contacts.tests.factories import make_contact, make_contacts, make_list

pytestmark = pytest.mark.django_db


def reached(
    business: Business,
    *,
    list_id: int | None = None,
    filter_: AudienceFilter | None = None,
    on: str = "2026-05-01",
) -> list[str]:
    spec: selectors.Audience = {"list": list_id, "filter": filter_, "on": on}
    contacts = selectors.audience(business_id=business.pk, spec=spec).order_by("id")
    return list(contacts.values_list("phone", flat=True))


def test_only_subscribed_contacts_of_the_business() -> None:
    business = make_business()
    first, second = make_contacts(business, 2)
    make_contact(make_business(), "+306940000009")
    services.unsubscribe(business_id=business.pk, phone=second.phone, source="opt_out_link")

    assert reached(business) == [first.phone]
    phones = [first.phone, second.phone]
    assert selectors.suppressed_phones(business_id=business.pk, phones=phones) == {second.phone}


@pytest.mark.parametrize(
    ("on", "age"),
    [("2026-02-27", 25), ("2026-02-28", 25), ("2026-03-01", 26), ("2028-02-29", 28)],
)
def test_ages_are_counted_on_the_day(on: str, age: int) -> None:
    business = make_business()
    born = make_contact(business, birthday=date(2000, 2, 29))
    make_contact(business, "+306940000002")

    assert reached(business, filter_={"age_min": age, "age_max": age}, on=on) == [born.phone]
    assert reached(business, filter_={"age_min": age + 1}, on=on) == []
    assert reached(business, filter_={"age_max": age - 1}, on=on) == []


def test_lists_and_filters_intersect() -> None:
    business = make_business()
    woman = make_contact(business, "+306940000001", gender="female", birthday=date(1990, 1, 1))
    girl = make_contact(business, "+306940000002", gender="female", birthday=date(2015, 1, 1))
    man = make_contact(business, "+306940000003", gender="male", birthday=date(1990, 1, 1))
    regulars = make_list(business, woman, man)
    women = ContactList.objects.create(business=business, name="Women", filter={"gender": "female"})

    assert reached(business, list_id=regulars.pk) == [woman.phone, man.phone]
    assert reached(business, list_id=regulars.pk, filter_={"gender": "male"}) == [man.phone]
    assert reached(business, list_id=women.pk) == [woman.phone, girl.phone]
    assert reached(business, list_id=women.pk, filter_={"age_min": 18}) == [woman.phone]


def test_a_list_of_another_business_reaches_nobody() -> None:
    business = make_business()
    contact = make_contact(business)
    foreign = ContactList.objects.create(business=make_business(), name="All", filter={})

    assert reached(business) == [contact.phone]
    assert reached(business, list_id=foreign.pk) == []
    assert reached(business, list_id=999_999_999) == []


def test_an_audience_costs_at_most_two_queries(django_assert_num_queries: Any) -> None:
    business = make_business()
    regulars = make_list(business, *make_contacts(business, 3))

    with django_assert_num_queries(2):
        assert len(reached(business, list_id=regulars.pk)) == 3


def test_years_before_a_leap_day() -> None:
    assert years_before(date(2028, 2, 29), 1) == date(2027, 2, 28)
    assert years_before(date(2028, 2, 29), 4) == date(2024, 2, 29)
