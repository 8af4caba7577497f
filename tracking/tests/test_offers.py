"""The offer of a message: what a person sees, and what shops' own pages ask for."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from accounts.tests.factories import make_business, make_member
from messaging.models import Message
from tracking import services
from tracking.models import Offer, OfferView, Redemption
from tracking.services import OfferFields
from tracking.tests.factories import (
    counted,
    engagement,
    engagement_of_list,
    make_list,
    make_message,
    make_sent,
    message_of,
    phone,
)

pytestmark = pytest.mark.django_db


def redeem(message: Message) -> None:
    services.redeem(
        business_id=message.business_id,
        code=message.public_id,
        user=make_member(message.broadcast.business, Role.TILL),
        evidence=services.Evidence(channel=Redemption.Channel.API),
    )


def test_the_page_shows_the_offer_and_its_code() -> None:
    business = make_business("Café Löwe")
    message = make_message(business=business)

    page = phone().get(f"/o/{message.public_id}?lang=en")
    text = page.content.decode()

    assert page.status_code == 200
    assert "Two for one" in text
    assert "All coffee, all day." in text
    assert "Café Löwe" in text
    assert message.public_id in text
    assert "<svg" in text
    assert page["Cache-Control"] == "no-store"
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    assert len(page.content) < 15_000


def test_the_code_holds_the_address_of_the_page() -> None:
    from tracking import qr

    assert qr.svg("https://go.example.com/o/abcdefghijkl").startswith("<svg")
    assert "style" not in qr.svg("https://go.example.com/o/abcdefghijkl")


def test_the_opt_out_link_is_not_for_whoever_was_sent_the_offer_by_a_friend() -> None:
    message = make_message()
    assert "/u/" not in phone().get(f"/o/{message.public_id}").content.decode()


def test_a_look_counts_once_for_each_person() -> None:
    business = make_business()
    regulars = make_list(business)
    broadcast = make_sent(business=business, contacts=2, contact_list=regulars)
    one, two = Message.objects.filter(broadcast=broadcast)

    for message in (one, one, one, two):
        assert phone().get(f"/o/{message.public_id}").status_code == 200

    assert engagement(broadcast) == counted(views=2)
    assert engagement_of_list(regulars) == counted(views=2)
    assert OfferView.objects.get(message=one).times == 3


def test_a_redeemed_offer_says_so_and_shows_no_code() -> None:
    message = make_message()
    redeem(message)
    text = phone().get(f"/o/{message.public_id}?lang=en").content.decode()
    assert "Redeemed" in text
    assert "<svg" not in text


def test_an_offer_that_has_ended_says_so_and_shows_no_code() -> None:
    ended = OfferFields(title="Late", valid_until=timezone.now() - timedelta(minutes=1))
    message = make_message(offer=ended)
    text = phone().get(f"/o/{message.public_id}?lang=en").content.decode()
    assert "This offer has ended" in text
    assert "<svg" not in text


@pytest.mark.parametrize("tracking_id", ["x", "a" * 12, "a" * 300, "Ω" * 12, "..%2Fadmin"])
def test_a_link_that_is_none_of_ours_is_a_page(tracking_id: str) -> None:
    make_sent()
    answer = phone().get(f"/o/{tracking_id}")
    assert answer.status_code == 404
    assert not OfferView.objects.exists()


def test_a_message_without_an_offer_has_no_page() -> None:
    message = make_message(text="Hello", offer=None)
    assert phone().get(f"/o/{message.public_id}").status_code == 404
    assert phone().get(f"/tracking/offer/{message.public_id}/").status_code == 404


def test_the_json_twin_tells_the_same() -> None:
    until = timezone.now() + timedelta(days=1)
    offer = OfferFields(title="Two for one", text="All day", valid_until=until)
    message = make_message(business=make_business("Bakery"), offer=offer)

    answer = phone().get(f"/tracking/offer/{message.public_id}/?utm=x")

    shown = answer.json()
    assert shown.pop("valid_until").endswith("Z")
    assert shown == {
        "business": "Bakery",
        "title": "Two for one",
        "text": "All day",
        "is_expired": False,
        "redeemed_at": None,
    }
    assert answer["Cache-Control"] == "no-store"
    assert engagement(message.broadcast) == counted(views=1)
    redeem(message)
    assert phone().get(f"/tracking/offer/{message.public_id}/").json()["redeemed_at"]


def test_an_unknown_offer_is_a_problem() -> None:
    answer = phone().get("/tracking/offer/nobody/")
    assert (answer.status_code, answer.json()["code"]) == (404, "OFFER_NOT_FOUND")
    assert answer["Content-Type"] == "application/problem+json"
    assert phone().get("/tracking/nothing/").json()["code"] == "NOT_FOUND"


def test_anybody_may_ask_whether_it_is_redeemed_and_nothing_is() -> None:
    message = make_message()
    ask = f"/tracking/redeem/{message.public_id}/"

    assert phone().get(ask).json() == {"exists": True, "already_redeemed": False}
    assert phone().get(ask).json() == {"exists": True, "already_redeemed": False}
    redeem(message)
    assert phone().get(ask).json() == {"exists": True, "already_redeemed": True}
    unknown = phone().get("/tracking/redeem/nobody/").json()
    assert unknown == {"exists": False, "already_redeemed": False}
    assert phone().post(ask).status_code == 405


def test_markup_in_an_offer_is_text() -> None:
    attack = "<script>alert(1)</script>"
    message = make_message(
        business=make_business(attack), offer=OfferFields(title=attack, text=f"{attack}\"'><img>")
    )
    for language in ("en", "el"):
        text = phone().get(f"/o/{message.public_id}?lang={language}").content.decode()
        assert "<script" not in text
        assert "<img" not in text


def test_an_offer_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    message = make_message()
    phone().get(f"/o/{message.public_id}")
    # The message with its offer, the view within its transaction, the redemption, the logo.
    with django_assert_max_num_queries(6):
        phone().get(f"/o/{message.public_id}")


def test_an_offer_stays_with_its_broadcast() -> None:
    broadcast = make_sent()
    assert str(Offer.objects.get()) == "Two for one"
    assert message_of(broadcast).broadcast.offer.title == "Two for one"


def test_the_logo_is_served_for_ever_and_runs_nothing(client: Client) -> None:
    from io import BytesIO

    from accounts.services import logos
    from tracking import selectors

    business = make_business()
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    logos.set_logo(business=business, file=BytesIO(png))
    address = selectors.logo_url(business)
    assert address is not None

    answer = client.get(address)

    assert answer.content == png
    assert answer["Content-Type"] == "image/png"
    assert "immutable" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'"
    assert client.get(f"/brand/{business.pk}/{'0' * 16}").status_code == 404
    assert client.get(f"/brand/{business.pk}/{'%' * 16}").status_code == 404
    assert client.get(address.replace(f"/{business.pk}/", "/999999/")).status_code == 404
    logos.remove_logo(business=business)
    assert client.get(address).status_code == 404
    assert selectors.logo_url(business) is None
