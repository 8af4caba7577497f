"""Messages over HTTP."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from contacts.models import Contact, Suppression
from messaging import services
from messaging.models import Broadcast, Message
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded

pytestmark = pytest.mark.django_db

URL = "/api/v1/messages/"


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


@pytest.mark.django_db(transaction=True)
def test_one_transactional_message_goes_out_through_the_engine(client: APIClient) -> None:
    answer = client.post(URL, {"phone": "694 123 4567", "text": "Your order is ready."})

    assert answer.status_code == 202
    assert answer.json()["phone"] == "+306941234567"
    assert answer.json()["status"] == "queued"
    services.send_next_batch(ScriptedGateway(accept_all))
    read = client.get(answer["Location"]).json()
    assert read["status"] == "sent"
    assert read["text"] == "Your order is ready.", "no opt-out link: it is no marketing"
    assert Broadcast.objects.get().status == "completed"


def test_a_contact_fills_the_placeholders(client: APIClient, business: Business) -> None:
    contact = Contact.objects.create(business=business, phone="+306941234567", first_name="Eleni")

    answer = client.post(URL, {"contact": contact.pk, "text": "Hello {{first_name}}"})

    assert answer.json()["text"] == "Hello Eleni"
    assert answer.json()["contact"] == contact.pk


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"text": "Hi"}, "", "PHONE_OR_CONTACT"),
        ({"phone": "12", "text": "Hi"}, "/phone", "INVALID_PHONE"),
        ({"contact": 9_999_999, "text": "Hi"}, "/contact", "DOES_NOT_EXIST"),
        ({"phone": "+306941234567", "text": "{{name}}"}, "/text", "UNKNOWN_PLACEHOLDER"),
        ({"phone": "+306941234567", "text": "x" * 2000}, "/text", "TEXT_TOO_LONG"),
        ({"phone": "+306941234567", "text": "Hi", "to": "x"}, "/to", "UNKNOWN_FIELD"),
        ({"phone": "+306941234567", "text": "Hi", "sender": "Ωραίο"}, "/sender", "INVALID_SENDER"),
    ],
)
def test_bad_input_is_named_and_sends_nothing(
    client: APIClient, body: dict[str, object], pointer: str, code: str
) -> None:
    answer = client.post(URL, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    errors = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert (pointer, code) in errors
    assert not Message.objects.exists()


def test_who_opted_out_is_not_texted(client: APIClient, business: Business) -> None:
    Suppression.objects.create(business=business, phone="+306941234567", source="api")

    answer = client.post(URL, {"phone": "+306941234567", "text": "Hi"})

    assert (answer.status_code, answer.json()["code"]) == (409, "PHONE_UNSUBSCRIBED")
    assert not Broadcast.objects.exists()


def test_a_business_that_is_not_approved_sends_nothing() -> None:
    client = api_client(make_member(make_business(daily_message_cap=0)))

    answer = client.post(URL, {"phone": "+306941234567", "text": "Hi"})

    assert (answer.status_code, answer.json()["code"]) == (403, "SENDING_NOT_APPROVED")


def test_a_repeated_request_sends_once(client: APIClient) -> None:
    body = {"phone": "+306941234567", "text": "Hi"}
    first = client.post(URL, body, headers={"Idempotency-Key": "order-7"})
    second = client.post(URL, body, headers={"Idempotency-Key": "order-7"})

    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Message.objects.count() == 1


def test_an_outsider_sees_none(client: APIClient) -> None:
    make_expanded(contacts=1, business=make_business(name="Other"))
    message = Message.objects.get()

    assert client.get(URL).json()["results"] == []
    assert client.get(f"{URL}{message.public_id}/").status_code == 404


def test_the_list_is_cheap_and_newest_first(
    client: APIClient, business: Business, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_expanded(contacts=30, business=business)

    with django_assert_max_num_queries(3):
        page = client.get(URL, {"page_size": 20}).json()

    newest = Message.objects.order_by("-id").values_list("public_id", flat=True)[:20]
    assert [message["id"] for message in page["results"]] == list(newest)
    rest = client.get(page["next"]).json()
    assert len(rest["results"]) == 10
    assert rest["next"] is None


def test_messages_are_found_by_status_and_phone(client: APIClient, business: Business) -> None:
    make_expanded(contacts=2, business=business)
    phone = Message.objects.earliest("id").phone

    assert len(client.get(URL, {"status": "queued"}).json()["results"]) == 2
    assert client.get(URL, {"status": "sent"}).json()["results"] == []
    for spelling in (phone, phone.removeprefix("+"), phone.removeprefix("+30")):
        found = client.get(URL, {"phone": spelling}).json()["results"]
        assert [row["phone"] for row in found] == [phone]
    assert client.get(URL, {"phone": "nobody"}).json()["results"] == []
    assert client.get(URL, {"contact": "1.5"}).status_code == 400
    assert client.get(URL, {"colour": "red"}).status_code == 400
