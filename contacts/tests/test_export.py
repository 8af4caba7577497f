"""Contacts out, as CSV that comes back in."""

import csv
import io

import pytest
from django.core.files.base import ContentFile
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from contacts import export, services
from contacts.models import Contact
from contacts.tests.factories import make_contact

pytestmark = pytest.mark.django_db

URL = "/api/v1/contacts/export/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def exported(client: APIClient, **query: str) -> list[dict[str, str]]:
    answer = client.get(URL, query)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_all_that_is_known_and_nothing_of_others(client: APIClient, business: Business) -> None:
    make_contact(business, first_name="Ελένη", attributes={"city": "Πάτρα", "visits": 3})
    make_contact(business, "+306940000002", first_name="=1+1")
    make_contact(make_business())

    first, second = exported(client)

    assert (first["first_name"], first["attributes.city"]) == ("Ελένη", "Πάτρα")
    assert (first["attributes.visits"], first["is_subscribed"]) == ("3", "true")
    assert second["first_name"] == "'=1+1", "no spreadsheet calculates it"


def test_the_filters_of_the_list_hold(client: APIClient, business: Business) -> None:
    make_contact(business, first_name="Eleni")
    make_contact(business, "+306940000002", first_name="Nikos")

    assert [row["first_name"] for row in exported(client, q="niko")] == ["Nikos"]
    assert client.get(URL, {"colour": "red"}).status_code == 400


def test_what_goes_out_comes_back_in(client: APIClient, business: Business) -> None:
    contact = make_contact(business, first_name="Eleni", attributes={"city": "Patra"})
    other = make_business()
    content = client.get(URL).getvalue()

    contact_import = services.create_import(
        business=other, created_by=None, file=ContentFile(content, "c.csv"), name="contacts.csv"
    )
    while services.run_import(import_id=contact_import.pk):
        pass

    copy = Contact.objects.get(business=other)
    assert (copy.phone, copy.first_name) == (contact.phone, "Eleni")
    assert copy.attributes == {"city": "Patra"}


def test_a_query_for_each_chunk(
    business: Business,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(export, "_CHUNK", 2)
    for number in range(5):
        make_contact(business, f"+30694000000{number}")

    with django_assert_num_queries(1 + 4):  # names of attributes, then chunks of 2, 2, 1 and none
        rows = list(export.stream_contacts(Contact.objects.filter(business=business)))
    assert len(rows) == 1 + 1 + 5  # mark, header, contacts
