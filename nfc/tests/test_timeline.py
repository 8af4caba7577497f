"""A contact's timeline: all that passed between the business and the person, in order."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from contacts.models import Contact
from contacts.tests.factories import make_contact
from messaging import services
from messaging.models import Message
from messaging.tests.inbound import campaign_to, mark_sent, text_to, write
from nfc.models import Scan
from nfc.services import confirm_visit
from nfc.tests.factories import PHONE, make_tag, sign_up
from tracking import services as tracking
from tracking.models import Redemption
from tracking.tests.factories import OFFER, SHOP, phone

pytestmark = pytest.mark.django_db


def page_of(contact: Contact, **params: Any) -> Any:
    client = api_client(make_member(contact.business))
    answer = client.get(f"/api/v1/contacts/{contact.pk}/timeline/", params)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def offer_to(business: Business) -> Message:
    """A campaign with a link and an offer, to all contacts of the business."""
    prepared, targets = tracking.prepare_links(text=f"{{{{offer_link}}}} {SHOP}")
    broadcast = services.start_broadcast(
        business=business,
        text=prepared,
        sender="Store",
        audience={"list": None, "filter": None, "on": datetime.now(UTC).date().isoformat()},
    )
    tracking.attach(broadcast=broadcast, targets=targets, offer=OFFER)
    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        pass
    mark_sent(broadcast)
    return Message.objects.get(broadcast=broadcast, phone=PHONE)


def test_all_that_a_person_did_is_there_newest_first() -> None:
    business = make_business()
    tag = make_tag(business)
    sign_up(tag)
    contact = Contact.objects.get(business=business)
    message = offer_to(business)
    browser = phone()
    browser.get(f"/o/{message.public_id}")
    browser.get(f"/s/{message.public_id}1")
    tracking.redeem(
        business_id=business.pk,
        code=message.public_id,
        user=make_member(business),
        evidence=tracking.Evidence(channel=Redemption.Channel.API),
    )
    write("Thank you", PHONE)
    write("STOP", PHONE)

    entries = page_of(contact)["results"]

    whole = [(entry["kind"], entry["what"]) for entry in entries]
    assert set(whole[:2]) == {("consent", "withdrawn"), ("reply", "stop")}
    assert whole[2:7] == [
        ("reply", ""),
        ("redemption", "redeemed"),
        ("click", "clicked"),
        ("view", "viewed"),
        ("message", "sent"),
    ]
    assert set(whole[7:]) == {("scan", "opt_in"), ("consent", "granted")}
    texts = {(entry["kind"], entry["what"]): entry["text"] for entry in entries}
    assert texts["reply", ""] == "Thank you"
    assert texts["redemption", "redeemed"] == texts["view", "viewed"] == "Two for one"
    assert texts["click", "clicked"] == SHOP
    assert texts["scan", "opt_in"] == "Counter"
    about = {entry["reference"] for entry in entries if entry["kind"] in {"click", "message"}}
    assert about == {message.public_id}
    sources = {entry["what"]: entry["origin"] for entry in entries if entry["kind"] == "consent"}
    assert sources == {"granted": "form", "withdrawn": "reply"}


def test_it_is_read_page_by_page_and_misses_nothing() -> None:
    business = make_business()
    contact = make_contact(business, PHONE)
    for _ in range(3):
        text_to(business, PHONE)
        campaign_to(business, PHONE)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    tag = make_tag(business, type="visit", form=None)
    Scan.objects.bulk_create(
        Scan(business=business, tag=tag, kind="opt_in", contact=contact, at=at, day=at.date())
        for _ in range(7)  # of one instant
    )

    whole = page_of(contact, page_size=100)
    assert whole["next"] is None
    assert len(whole["results"]) == 1 + 6 + 7
    for size in (1, 2, 5):
        found, page = [], page_of(contact, page_size=size)
        found += page["results"]
        client = api_client(make_member(business))
        while page["next"]:
            page = client.get(page["next"]).json()
            assert len(page["results"]) <= size
            found += page["results"]
        assert found == whole["results"], size


def test_it_holds_nothing_of_other_people_and_businesses() -> None:
    business, other = make_business(), make_business()
    contact = make_contact(business, PHONE)
    make_contact(other, PHONE)
    text_to(other, PHONE)
    text_to(business, "+306940000009")
    write("To the other", PHONE)

    [entry] = page_of(contact)["results"]
    assert (entry["kind"], entry["what"]) == ("consent", "granted")


def test_outsiders_and_forged_cursors_find_nothing() -> None:
    business = make_business()
    contact = make_contact(business, PHONE)
    url = f"/api/v1/contacts/{contact.pk}/timeline/"
    outsider = api_client(make_member(make_business()))
    assert outsider.get(url).status_code == 404
    assert api_client(make_member(business, role="till")).get(url).status_code == 403
    owner = api_client(make_member(business))
    for cursor in ("x", "Σ", "OTk5", "OTk5IHNjYW4gMSAx", "OTk5OTk5OTk5OTk5OTk5OTk5IHNjYW4gMQ=="):
        assert owner.get(url, {"cursor": cursor}).status_code in {200, 404}, cursor
    assert owner.get(url, {"cursor": "x"}).status_code == 404
    assert owner.get(url, {"page_size": "0"}).status_code == 400
    assert owner.get(url, {"colour": "red"}).status_code == 400


def test_a_visit_confirmed_is_part_of_it() -> None:
    business = make_business()
    contact = make_contact(business, PHONE)
    tag = make_tag(business, type="visit", form=None)
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        confirm_visit(tag=tag, phone=PHONE)
    assert ("scan", "visit") in [
        (entry["kind"], entry["what"]) for entry in page_of(contact)["results"]
    ]


def test_a_page_does_not_grow_in_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    business = make_business()
    contact = make_contact(business, PHONE)
    for _ in range(12):
        text_to(business, PHONE)
        write("Hi", PHONE)
    client = api_client(make_member(business))
    with django_assert_max_num_queries(13):
        client.get(f"/api/v1/contacts/{contact.pk}/timeline/")


def test_staff_read_it_at_the_contact() -> None:
    business = make_business()
    sign_up(make_tag(business))
    message = offer_to(business)
    write("Are you <open>?", PHONE)
    contact = Contact.objects.get(business=business)
    clerk, stranger = Client(), Client()
    clerk.force_login(make_member(business, is_staff=True))
    stranger.force_login(make_member(make_business(), is_staff=True))
    url = f"/admin/contacts/contact/{contact.pk}/change/"

    page = clerk.get(url).text

    shown = [page.index(word) for word in ("Are you &lt;open&gt;?", "Message</td>", "Consent</td>")]
    assert shown == sorted(shown)
    assert f"/admin/messaging/message/{message.pk}/change/" in page
    assert stranger.get(url).status_code == 302  # to the index: it does not exist
    assert clerk.get("/admin/contacts/contact/add/").status_code == 200
