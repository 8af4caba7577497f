"""The link that confirms a sign-up: GET shows, POST acts, once."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Consent, Contact, OptInRequest, Suppression
from contacts.tests.factories import make_contact, make_list
from messaging.models import Broadcast, Message
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all
from nfc.models import Tag
from nfc.tests.factories import (
    CONSENT,
    PHONE,
    figures,
    make_form,
    make_tag,
    sign_up,
    stop,
    visitor,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's")


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


@pytest.fixture
def client() -> Client:
    return visitor()


def link() -> str:
    found = re.search(r"http://\S+(/c/\S+)", Message.objects.latest("pk").text)
    assert found is not None
    return found[1]


@pytest.fixture
def stopped(business: Business, tag: Tag) -> Contact:
    """Signed up again by somebody; the message is under way."""
    contact = make_contact(business, PHONE, first_name="Maria")
    stop(business)
    sign_up(tag)
    return contact


@pytest.mark.usefixtures("stopped")
class TestLooking:
    @pytest.mark.parametrize("method", ["get", "head"])
    def test_changes_nothing(self, client: Client, method: str) -> None:
        for _ in range(3):
            page = getattr(client, method)(link(), headers={"User-Agent": "WhatsApp/2.23"})
            assert page.status_code == 200
        assert Suppression.objects.exists()
        assert not Contact.objects.get().is_subscribed
        assert OptInRequest.objects.get().confirmed_at is None

    def test_shows_the_words_that_were_agreed_to(self, client: Client) -> None:
        page = client.get(link())
        assert CONSENT in page.text
        assert "Ann&#x27;s" in page.text
        assert len(page.content) < 6_000


def test_the_person_is_back_with_a_proof_of_it(client: Client, tag: Tag, stopped: Contact) -> None:
    page = client.post(link())

    assert page.status_code == 200
    assert "Welcome to the club!" in page.text
    stopped.refresh_from_db()
    assert stopped.is_subscribed
    assert not Suppression.objects.exists()
    consent = Consent.objects.select_related("text").latest("pk")
    assert (consent.kind, consent.source, consent.tag) == (
        "granted",
        "confirmation",
        tag.public_id,
    )
    assert consent.text is not None
    assert consent.text.text == CONSENT
    assert figures(tag) == {"taps": 1, "forms": 1, "opt_ins": 1}


def test_pressing_twice_is_harmless(client: Client, tag: Tag, stopped: Contact) -> None:
    first, second = client.post(link()), client.post(link())
    assert first.content == second.content
    assert Consent.objects.filter(source="confirmation").count() == 1
    assert figures(tag)["opt_ins"] == 1
    assert "not valid" in client.get(link()).text


def test_who_has_stopped_since_then_stays_out(
    client: Client, business: Business, stopped: Contact
) -> None:
    client.post(link())
    stop(business)
    page = client.post(link())

    assert page.status_code == 410
    stopped.refresh_from_db()
    assert not stopped.is_subscribed


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped")
def test_a_link_that_has_expired_is_not_sent_any_more() -> None:
    """The day's cap was used up, or the gateway away, for days."""
    Broadcast.objects.update(expires_at=F("expires_at") - timedelta(hours=73))
    assert not send_next_batch(ScriptedGateway(accept_all))
    assert Broadcast.objects.filter(expires_at__lt=Now()).exists()


def test_a_new_number_confirms_where_the_form_wants_it(business: Business, client: Client) -> None:
    contact_list = make_list(business)
    form = make_form(business, double_opt_in=True)
    tag = make_tag(business, form=form, contact_list=contact_list)
    answer = sign_up(tag)

    assert "Now look at your phone" in answer.text
    assert not Contact.objects.exists()
    assert figures(tag) == {"taps": 1, "forms": 1}
    client.post(link())
    assert contact_list.members.get().contact.phone == PHONE
    assert figures(tag) == {"taps": 1, "forms": 1, "opt_ins": 1}


def test_the_message_is_in_the_language_of_the_page(business: Business, tag: Tag) -> None:
    stop(business)
    sign_up(tag, client=Client(headers={"User-Agent": "Mozilla/5.0", "Accept-Language": "el"}))

    text = Message.objects.get().text
    assert text.startswith("Ann's: ")
    assert re.search("[α-ω]", text)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("{{first_name}} & {{nobody", "first_name & nobody"),
        ("Ann\x07s \x1b\x7f\x85\u202e\u2028Café", "Ann s Café"),
    ],
)
def test_no_name_of_a_business_breaks_the_message(
    business: Business, name: str, written: str
) -> None:
    """Else nobody could come back, and the failure would tell who has stopped."""
    business.name = name
    business.save(update_fields=["name"])
    stop(business)
    assert sign_up(make_tag(business)).status_code == 200

    assert Message.objects.get().text.startswith(f"{written}: ")


def test_the_link_is_on_the_business_s_own_domain(business: Business) -> None:
    business.link_domain = "go.example.com"
    business.save(update_fields=["link_domain"])
    stop(business)
    sign_up(make_tag(business))

    assert "http://go.example.com/c/" in Message.objects.get().text


def test_it_lasts_three_days(client: Client, stopped: Contact) -> None:
    OptInRequest.objects.update(expires_at=timezone.now())
    for answer in (client.get(link()), client.post(link())):
        assert answer.status_code == 404
        assert "not valid" in answer.text
    stopped.refresh_from_db()
    assert not stopped.is_subscribed


@pytest.mark.parametrize("token", ["x", "a" * 16, "%00", "Ω" * 20, "a" * 5000])
def test_a_wrong_one_is_a_page(client: Client, token: str) -> None:
    for answer in (client.get(f"/c/{token}"), client.post(f"/c/{token}")):
        assert answer.status_code == 404
        assert "not valid" in answer.text


def test_guessing_is_limited(client: Client, stopped: Contact) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        codes = [client.get(f"/c/{number}").status_code for number in range(70)]
        assert codes[:60] != codes[-1:] * 60
        assert codes[-1] == 429
        assert client.post(link()).status_code == 200
