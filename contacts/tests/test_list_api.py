"""Lists over HTTP."""

from datetime import date
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from contacts.models import ContactList, ListMembership
from contacts.tests.factories import make_contact, make_contacts, make_import, make_list

pytestmark = pytest.mark.django_db

URL = "/api/v1/lists/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def test_a_static_list_takes_members_in_bulk(client: APIClient, business: Business) -> None:
    ids = [contact.pk for contact in make_contacts(business, 3)]
    url = f"{URL}{client.post(URL, {'name': 'Regulars'}).json()['id']}/"

    assert client.post(f"{url}contacts/", {"contacts": ids}).json() == {"changed": 3}
    assert client.post(f"{url}contacts/", {"contacts": ids}).json() == {"changed": 0}
    assert client.get(url).json()["count"] == 3
    assert client.delete(f"{url}contacts/", {"contacts": ids[:2]}).json() == {"changed": 2}
    assert client.get(url).json()["count"] == 1


def test_a_dynamic_list_counts_whom_its_filter_finds(client: APIClient, business: Business) -> None:
    make_contact(business, "+306940000001", gender="female", birthday=date(1990, 1, 1))
    make_contact(business, "+306940000002", gender="female")
    make_contact(business, "+306940000003", gender="male", birthday=date(1990, 1, 1))

    answer = client.post(URL, {"name": "Women", "filter": {"gender": "female", "age_min": 18}})

    assert answer.status_code == 201, answer.json()
    assert answer.json()["count"] == 1
    refused = client.post(f"{URL}{answer.json()['id']}/contacts/", {"contacts": [1]})
    assert (refused.status_code, refused.json()["code"]) == (409, "LIST_IS_DYNAMIC")
    fixed = client.patch(f"{URL}{answer.json()['id']}/", {"filter": None})
    assert fixed.json()["code"] == "LIST_KIND_FIXED"


@pytest.mark.parametrize(
    ("filter_", "pointer"),
    [
        ({"gender": "robot"}, "/filter/gender"),
        ({"gender": ["female"]}, "/filter/gender"),
        ({"age_min": "18"}, "/filter/age_min"),
        ({"age_min": True}, "/filter/age_min"),
        ({"age_max": 200}, "/filter/age_max"),
        ({"age_min": 40, "age_max": 30}, "/filter/age_max"),
        ({"city": "Athens"}, "/filter/city"),
        ([], "/filter"),
    ],
)
def test_a_bad_filter_is_refused(client: APIClient, filter_: Any, pointer: str) -> None:
    answer = client.post(URL, {"name": "X", "filter": filter_})

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not ContactList.objects.exists()


def test_foreign_and_unknown_contacts_are_named_and_nobody_joins(
    client: APIClient, business: Business
) -> None:
    own, foreign = make_contact(business), make_contact(make_business())
    url = f"{URL}{make_list(business).pk}/contacts/"

    answer = client.post(url, {"contacts": [own.pk, foreign.pk]})

    assert (answer.status_code, answer.json()["code"]) == (404, "CONTACTS_NOT_FOUND")
    assert str(foreign.pk) in answer.json()["detail"]
    assert not ListMembership.objects.exists()
    assert client.post(url, {"contacts": []}).status_code == 400
    assert client.post(url, {"contacts": [2**70]}).status_code == 400


def test_an_empty_filter_finds_everybody(client: APIClient, business: Business) -> None:
    make_contacts(business, 2)

    assert client.post(URL, {"name": "All", "filter": {}}).json()["count"] == 2
    assert client.get(URL).json()["results"][0]["count"] == 2


def test_names_are_unique_within_the_business(client: APIClient, business: Business) -> None:
    make_list(make_business(), name="Regulars")
    assert client.post(URL, {"name": "Regulars"}).status_code == 201

    answer = client.post(URL, {"name": "Regulars"})

    assert (answer.status_code, answer.json()["code"]) == (409, "LIST_EXISTS")


def test_a_list_that_an_import_fills_stays(client: APIClient, business: Business) -> None:
    contact_list = make_list(business)
    make_import("phone\n6940000001\n", business=business, contact_list=contact_list)

    answer = client.delete(f"{URL}{contact_list.pk}/")

    assert (answer.status_code, answer.json()["code"]) == (409, "LIST_IN_USE")


def test_deleting_a_list_keeps_its_contacts(client: APIClient, business: Business) -> None:
    contact = make_contact(business)
    contact_list = make_list(business, contact)

    assert client.delete(f"{URL}{contact_list.pk}/").status_code == 204
    contact.refresh_from_db()


def test_counts_of_a_page_cost_two_queries(
    client: APIClient, business: Business, django_assert_max_num_queries: Any
) -> None:
    contacts = make_contacts(business, 3)
    for number in range(5):
        make_list(business, *contacts[: number % 4], name=f"Static {number}")
        ContactList.objects.create(
            business=business, name=f"Dynamic {number}", filter={"age_min": number}
        )

    with django_assert_max_num_queries(7):
        body = client.get(URL).json()

    counts = {item["name"]: item["count"] for item in body["results"]}
    assert body["count"] == 10
    assert (counts["Static 0"], counts["Static 3"], counts["Dynamic 1"]) == (0, 3, 0)


def test_an_outsider_finds_nothing(business: Business) -> None:
    contact_list = make_list(business)
    outsider_business = make_business()
    outsider = api_client(make_member(outsider_business))
    own = make_contact(outsider_business)
    url = f"{URL}{contact_list.pk}/"

    assert outsider.get(URL).json()["results"] == []
    assert outsider.get(url).status_code == 404
    assert outsider.patch(url, {"name": "X"}).status_code == 404
    assert outsider.delete(url).status_code == 404
    assert outsider.post(f"{url}contacts/", {"contacts": [own.pk]}).status_code == 404
    assert outsider.delete(f"{url}contacts/", {"contacts": [own.pk]}).status_code == 404
