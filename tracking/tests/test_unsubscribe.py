"""The way out of every marketing text: GET shows, POST acts."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts.models import Consent, Contact, Suppression
from contacts.services import update_contact
from contacts.tests.factories import make_contact
from messaging import optout
from messaging.models import Message
from messaging.tests.factories import make_expanded
from tracking.pages import MAX_BODY

pytestmark = pytest.mark.django_db


@pytest.fixture
def link() -> str:
    make_expanded(contacts=1)
    return f"/u/{optout.make_token(Message.objects.get().public_id)}"


def test_a_file_is_no_way_out(client: Client, link: str) -> None:
    file = SimpleUploadedFile("a.bin", b" " * MAX_BODY)
    assert client.post(link, {"file": file}).status_code == 400
    assert Contact.objects.get().is_subscribed


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(client: Client, link: str, method: str) -> None:
    for _ in range(3):
        page = getattr(client, method)(link, headers={"User-Agent": "WhatsApp/2.23 preview"})

    assert page.status_code == 200
    assert Contact.objects.get().is_subscribed
    assert not Suppression.objects.exists()


def test_pressing_the_button_stops_the_messages_for_good(client: Client, link: str) -> None:
    asked = client.get(link)
    done = client.post(link)
    client.post(link)

    message = Message.objects.select_related("broadcast__business").get()
    assert "Stop the messages" in asked.content.decode()
    assert "will not text this phone any more" in done.content.decode()
    assert not Contact.objects.get().is_subscribed
    suppression = Suppression.objects.get()
    assert suppression.phone == message.phone
    assert suppression.business == message.broadcast.business
    consent = Consent.objects.get(kind="withdrawn")
    assert (consent.source, consent.reference) == ("opt_out_link", message.public_id)


def test_a_link_works_after_the_contact_is_gone(client: Client, link: str) -> None:
    Contact.objects.all().delete()
    assert client.post(link).status_code == 200
    assert Suppression.objects.exists()


def test_a_person_who_has_another_number_now_is_left_alone_there_too(
    client: Client, link: str
) -> None:
    contact, message = Contact.objects.get(), Message.objects.get()
    update_contact(contact=contact, phone="+306949999999", source=Consent.Source.API)

    for _ in range(2):
        assert client.post(link).status_code == 200

    contact.refresh_from_db()
    assert not contact.is_subscribed
    phones = set(Suppression.objects.values_list("phone", flat=True))
    assert phones == {message.phone, "+306949999999"}
    assert contact.consents.get(kind="withdrawn").reference == message.public_id


def test_a_number_that_others_have_now_concerns_nobody_else(client: Client, link: str) -> None:
    Contact.objects.all().delete()
    message = Message.objects.select_related("broadcast__business").get()
    other = make_contact(message.broadcast.business, "+306949999999")

    client.post(link)

    other.refresh_from_db()
    assert other.is_subscribed


@pytest.mark.parametrize("token", ["x", "a" * 20, "%00", "Ω" * 20, "a" * 5000])
def test_a_wrong_token_is_a_page_and_changes_nothing(client: Client, link: str, token: str) -> None:
    for answer in (client.get(f"/u/{token}"), client.post(f"/u/{token}")):
        assert answer.status_code == 404
        assert "not known" in answer.content.decode()
    assert not Suppression.objects.exists()


def test_the_page_is_private_and_light(client: Client, link: str) -> None:
    page = client.get(link)
    assert page["Cache-Control"] == "no-store"
    assert page["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page["X-Robots-Tag"]
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    assert len(page.content) < 6_000
    assert "<script" not in page.content.decode()


def test_markup_in_a_name_is_text(client: Client, link: str) -> None:
    business = Message.objects.select_related("broadcast__business").get().broadcast.business
    business.name = "<script>alert(1)</script>"
    business.save(update_fields=["name"])
    assert "<script" not in client.get(link).content.decode()
