"""Contacts over HTTP, as an integrator sees them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from contacts import services
from contacts.models import Consent, Contact, Suppression
from contacts.tests.factories import EVIDENCE, make_contact, make_contacts, make_list, sign_up

pytestmark = pytest.mark.django_db

URL = "/api/v1/contacts/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business, role="manager"))


def phones(response: Any) -> set[str]:
    assert response.status_code == 200, response.json()
    return {contact["phone"] for contact in response.json()["results"]}


def test_create_normalises_the_phone_and_records_consent(client: APIClient) -> None:
    answer = client.post(
        URL,
        {
            "phone": "694 000 0001",
            "first_name": "Μαρία",
            "attributes": {"city": "Πάτρα", "vip": True},
        },
    )

    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert (body["phone"], body["is_subscribed"]) == ("+306940000001", True)
    assert body["attributes"] == {"city": "Πάτρα", "vip": True}
    assert body["created_at"].endswith("Z")
    (consent,) = client.get(f"{URL}{body['id']}/consents/").json()["results"]
    assert (consent["kind"], consent["source"]) == ("granted", "api")


def test_consents_show_what_was_agreed_to(
    client: APIClient, business: Business, django_assert_max_num_queries: Any
) -> None:
    contact = make_contact(business)
    sign_up(business, contact.phone)
    sign_up(business, contact.phone)

    with django_assert_max_num_queries(4):
        consents = client.get(f"{URL}{contact.pk}/consents/").json()["results"]

    agreed, _, created = consents
    assert (agreed["text"], agreed["language"]) == (EVIDENCE.text, "el")
    assert (agreed["version"], agreed["tag"], agreed["page"]) == (3, EVIDENCE.tag, EVIDENCE.page)
    assert (agreed["source"], agreed["reference"]) == ("form", "7")
    assert (created["text"], created["language"], created["version"]) == ("", "", None)
    assert "203.0.113.9" not in str(consents)


def test_create_unsubscribed_suppresses_the_phone(client: APIClient) -> None:
    body = client.post(URL, {"phone": "6940000001", "is_subscribed": False}).json()

    assert body["is_subscribed"] is False
    assert body["unsubscribed_at"]
    assert Suppression.objects.get().phone == "+306940000001"
    assert Consent.objects.get().kind == "withdrawn"


def test_a_phone_in_another_spelling_is_the_same_contact(client: APIClient) -> None:
    client.post(URL, {"phone": "6940000001"})

    answer = client.post(URL, {"phone": "0030 694 0000 001"})

    assert (answer.status_code, answer.json()["code"]) == (409, "CONTACT_EXISTS")
    assert Consent.objects.count() == 1


def test_two_businesses_may_know_the_same_phone(client: APIClient) -> None:
    make_contact(make_business(), "+306940000001")

    assert client.post(URL, {"phone": "6940000001"}).status_code == 201


def test_a_deleted_opt_out_stays_out_when_it_is_created_again(client: APIClient) -> None:
    contact_id = client.post(URL, {"phone": "6940000001", "is_subscribed": False}).json()["id"]
    assert client.delete(f"{URL}{contact_id}/").status_code == 204

    body = client.post(URL, {"phone": "6940000001", "is_subscribed": True}).json()

    assert body["is_subscribed"] is False


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("phone", "123", "INVALID_PHONE"),
        ("phone", "", "BLANK"),
        ("phone", "6940000001\0", "NULL_CHARACTERS_NOT_ALLOWED"),
        ("email", "nobody", "INVALID"),
        ("gender", "robot", "INVALID_CHOICE"),
        ("birthday", "31/02/1990", "INVALID"),
        ("attributes", {"a b": 1}, "INVALID_ATTRIBUTES"),
        ("attributes", {"a": {"b": 1}}, "INVALID_ATTRIBUTES"),
        ("attributes", {"a": "x" * 501}, "INVALID_ATTRIBUTES"),
        ("attributes", {f"a{number}": 1 for number in range(51)}, "INVALID_ATTRIBUTES"),
        ("attributes", [1], "INVALID_ATTRIBUTES"),
        ("attributes", {"a": "\0"}, "INVALID_ATTRIBUTES"),
        ("colour", "red", "UNKNOWN_FIELD"),
    ],
)
def test_bad_input_names_the_field(client: APIClient, field: str, value: Any, code: str) -> None:
    answer = client.post(URL, {"phone": "6940000001"} | {field: value})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{field}", code)
    assert not Contact.objects.exists()


def test_unsubscribing_is_final_for_the_business(client: APIClient, business: Business) -> None:
    contact = make_contact(business)
    url = f"{URL}{contact.pk}/"

    assert client.post(f"{url}unsubscribe/").json()["is_subscribed"] is False
    assert client.post(f"{url}unsubscribe/").status_code == 200
    answer = client.patch(url, {"is_subscribed": True})

    assert (answer.status_code, answer.json()["code"]) == (409, "CONSENT_WITHDRAWN")
    assert [consent.kind for consent in contact.consents.order_by("id")] == ["granted", "withdrawn"]


def test_patch_false_unsubscribes_and_changes_the_rest(
    client: APIClient, business: Business
) -> None:
    contact = make_contact(business)

    body = client.patch(
        f"{URL}{contact.pk}/", {"is_subscribed": False, "first_name": "Άννα"}
    ).json()

    assert (body["is_subscribed"], body["first_name"]) == (False, "Άννα")
    assert Suppression.objects.filter(phone=contact.phone).exists()


def test_a_new_number_does_not_escape_either_opt_out(client: APIClient, business: Business) -> None:
    out = make_contact(business, "+306940000001", is_subscribed=False)
    subscribed = make_contact(business, "+306940000002")
    services.unsubscribe(business_id=business.pk, phone="+306940000009", source="api")

    moved = client.patch(f"{URL}{out.pk}/", {"phone": "6940000008"}).json()
    onto = client.patch(f"{URL}{subscribed.pk}/", {"phone": "6940000009"}).json()

    assert moved["is_subscribed"] is False
    assert onto["is_subscribed"] is False
    assert Suppression.objects.filter(phone="+306940000008").exists()
    taken = client.patch(f"{URL}{out.pk}/", {"phone": "6940000009"})
    assert taken.json()["code"] == "CONTACT_EXISTS"


def test_search_finds_any_part_whatever_its_case(client: APIClient, business: Business) -> None:
    maria = make_contact(
        business,
        "+306940000001",
        first_name="Μαρία",
        last_name="Παππά",
        email="M.Pappa@example.com",
    )
    make_contact(business, "+306950000002", first_name="Nikos")

    for text in ("ΜΑΡΊΑ", "μαρία παπ", "pappa@", "0000001", "694 000", "0030694", "+3069400"):
        assert phones(client.get(URL, {"q": text})) == {maria.phone}, text
    assert phones(client.get(URL, {"q": "%"})) == set()


def test_filters_combine(client: APIClient, business: Business) -> None:
    first, second, third = make_contacts(business, 3)
    services.update_contact(contact=first, source="api", gender="female")
    services.unsubscribe(business_id=business.pk, phone=second.phone, source="api")
    regulars = make_list(business, first, second)

    assert phones(client.get(URL, {"list": regulars.pk})) == {first.phone, second.phone}
    assert phones(client.get(URL, {"list": str(regulars.pk), "is_subscribed": "true"})) == {
        first.phone
    }
    assert phones(client.get(URL, {"gender": "female"})) == {first.phone}
    assert phones(client.get(URL, {"created_after": "2100-01-01T00:00:00Z"})) == set()
    assert phones(client.get(URL, {"created_before": "2100-01-01T00:00:00Z"})) >= {third.phone}


@pytest.mark.parametrize(
    "query", [{"list": "999"}, {"age_min": "old"}, {"age_min": "-1"}, {"colour": "red"}]
)
def test_bad_filters_are_refused(client: APIClient, query: dict[str, str]) -> None:
    answer = client.get(URL, query)

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


def test_pages_are_newest_first_and_cheap(
    client: APIClient, business: Business, django_assert_max_num_queries: Any
) -> None:
    made = make_contacts(business, 5)

    with django_assert_max_num_queries(4):
        first = client.get(URL, {"page_size": 3}).json()
    second = client.get(first["next"]).json()

    seen = [contact["id"] for contact in first["results"] + second["results"]]
    assert seen == sorted((contact.pk for contact in made), reverse=True)
    assert set(first) == {"next", "previous", "results"}


def test_an_outsider_finds_nothing(business: Business) -> None:
    contact = make_contact(business)
    outsider = api_client(make_member(make_business()))
    url = f"{URL}{contact.pk}/"

    assert phones(outsider.get(URL)) == set()
    assert outsider.get(url).status_code == 404
    assert outsider.patch(url, {"first_name": "X"}).status_code == 404
    assert outsider.delete(url).status_code == 404
    assert outsider.post(f"{url}unsubscribe/").status_code == 404
    assert outsider.get(f"{url}consents/").status_code == 404
    assert outsider.get(URL, {"list": make_list(business).pk}).status_code == 400
    assert APIClient().get(URL).status_code == 401
    contact.refresh_from_db()
    assert contact.is_subscribed


def test_the_till_may_not_read_contacts(business: Business) -> None:
    assert api_client(make_member(business, role="till")).get(URL).status_code == 403


def test_an_idempotency_key_creates_once(client: APIClient) -> None:
    headers = {"Idempotency-Key": "one"}

    first = client.post(URL, {"phone": "6940000001"}, headers=headers)
    second = client.post(URL, {"phone": "6940000001"}, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
