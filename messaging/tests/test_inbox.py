"""The inbox: what people wrote to a business, in the API and in the admin."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_member
from contacts.models import Contact
from contacts.tests.factories import make_contact
from messaging.models import InboundMessage
from messaging.tests.inbound import PHONE, campaign_to, make_shop, text_to, write

pytestmark = pytest.mark.django_db

URL = "/api/v1/inbox/"


@pytest.fixture
def shop() -> Business:
    return make_shop()


@pytest.fixture
def owner(shop: Business) -> APIClient:
    return api_client(make_member(shop))


def test_replies_come_newest_first_with_what_they_answer(shop: Business, owner: APIClient) -> None:
    contact = make_contact(shop, PHONE)
    message = text_to(shop)
    write("Are you open?\nToday?")
    write("STOP")

    listed = owner.get(URL).json()

    stop, question = listed["results"]
    assert (stop["keyword"], stop["effect"], stop["is_handled"]) == ("stop", "unsubscribed", True)
    assert question["text"] == "Are you open?\nToday?"
    assert question["is_handled"] is False
    assert (question["phone"], question["contact"]) == (PHONE, contact.pk)
    assert question["message"] == message.public_id
    assert owner.get(f"{URL}{question['id']}/").json() == question


def test_it_can_be_searched(shop: Business, owner: APIClient) -> None:
    contact = make_contact(shop, PHONE)
    text_to(shop)
    text_to(shop, "+306940000002")
    for text, phone in (("Hi", PHONE), ("HELP", PHONE), ("Hello", "+306940000002")):
        write(text, phone)

    def texts(**params: Any) -> list[str]:
        return [reply["text"] for reply in owner.get(URL, params).json()["results"]]

    assert texts(is_handled="false") == ["Hello", "Hi"]
    assert texts(is_handled="true") == ["HELP"]
    assert texts(keyword="help") == ["HELP"]
    assert texts(phone=PHONE) == ["HELP", "Hi"]
    assert texts(contact=contact.pk) == ["HELP", "Hi"]
    assert owner.get(URL, {"colour": "red"}).status_code == 400


def test_a_person_marks_a_reply_as_handled_and_takes_it_back(
    shop: Business, owner: APIClient
) -> None:
    text_to(shop)
    reply = write("Hi")

    answer = owner.patch(f"{URL}{reply.pk}/", {"is_handled": True})
    assert (answer.status_code, answer.json()["is_handled"]) == (200, True)
    reply.refresh_from_db()
    assert reply.handled_by is not None
    assert answer.json()["handled_at"] is not None

    assert owner.patch(f"{URL}{reply.pk}/", {"is_handled": False}).json()["handled_at"] is None
    assert owner.patch(f"{URL}{reply.pk}/", {"text": "Forged"}).json()["text"] == "Hi"
    assert owner.delete(f"{URL}{reply.pk}/").status_code == 405


def test_outsiders_see_nothing(shop: Business) -> None:
    text_to(shop)
    reply = write("Hi")
    outsider = api_client(make_member(make_shop("Other")))

    assert outsider.get(URL).json()["results"] == []
    assert outsider.get(f"{URL}{reply.pk}/").status_code == 404
    assert outsider.patch(f"{URL}{reply.pk}/", {"is_handled": True}).status_code == 404
    assert api_client(make_member(shop, role="till")).get(URL).status_code == 403
    assert Client().get(URL).status_code == 401


def test_what_belongs_to_nobody_is_in_no_inbox(shop: Business, owner: APIClient) -> None:
    write("Hi")
    assert owner.get(URL).json()["results"] == []


def test_a_deleted_contact_leaves_its_replies(shop: Business, owner: APIClient) -> None:
    contact = make_contact(shop, PHONE)
    text_to(shop)
    write("Hi")
    Contact.objects.filter(pk=contact.pk).delete()
    assert [reply["contact"] for reply in owner.get(URL).json()["results"]] == [contact.pk]


def test_a_page_does_not_grow_in_queries(
    shop: Business, owner: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    phones = [f"+3069400001{number:02}" for number in range(12)]
    campaign_to(shop, *phones)
    for phone in phones:
        write("Hi", phone)
    with django_assert_max_num_queries(4):
        page = owner.get(URL).json()
    assert len(page["results"]) == 10
    assert len(owner.get(page["next"]).json()["results"]) == 2


def test_the_admin_shows_replies_and_marks_them(shop: Business) -> None:
    other = make_shop("Other")
    text_to(shop)
    mine = write("For my shop")
    text_to(other, "+306940000002")
    foreign = write("For the other", "+306940000002")
    clerk = make_member(shop, role="manager")
    clerk.is_staff = True
    clerk.save(update_fields=["is_staff"])
    client = Client()
    client.force_login(clerk)

    page = client.get("/admin/messaging/inboundmessage/")
    assert "For my shop" in page.text
    assert "For the other" not in page.text
    chosen = {"action": "mark_as_handled", "_selected_action": [mine.pk, foreign.pk]}
    client.post("/admin/messaging/inboundmessage/", chosen)

    assert InboundMessage.objects.get(pk=mine.pk).handled_by == clerk
    assert InboundMessage.objects.get(pk=foreign.pk).handled_at is None
    url = f"/admin/messaging/inboundmessage/{mine.pk}/change/"
    assert client.get(url).status_code == 200
    chosen["action"] = "mark_as_open"
    client.post("/admin/messaging/inboundmessage/", chosen)
    assert InboundMessage.objects.get(pk=mine.pk).handled_at is None


def test_staff_write_automatic_replies_in_the_admin(shop: Business, admin_client: Client) -> None:
    url = "/admin/messaging/autoreply/"
    fields = {"business": shop.pk, "kind": "stop", "text": "Hi {{x", "is_active": "on"}
    page = admin_client.post(f"{url}add/", fields)
    assert page.status_code == 200
    assert not shop.auto_replies.exists(), "what cannot be sent is refused"
    page = admin_client.post(f"{url}add/", fields | {"text": "Hi {{name}}"})
    assert "allowed: first_name, last_name, attributes.&lt;name&gt;." in page.text
    assert "{{first_name|there}} says" in page.text
    assert "offer_link" not in page.text, "an answer has no offer"

    assert admin_client.post(f"{url}add/", fields | {"text": "Bye"}).status_code == 302
    assert shop.auto_replies.get().text == "Bye"
    assert admin_client.get(url).status_code == 200
    text_to(shop)
    write("STOP")
    for model in ("sentreply", "inboundmessage"):
        assert PHONE in admin_client.get(f"/admin/messaging/{model}/").text
