"""What a tag brought: each step is counted with its event, once, for the tag it came by."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import Business, User
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.tests.factories import make_automation
from contacts.models import Contact
from contacts.services import delete_contact
from contacts.tests.factories import make_contact
from messaging.models import Message
from nfc.models import Scan, Tag, TagDay
from nfc.tests.factories import BROWSER, PHONE, figures, make_tag, sign_up, stop, visitor
from tracking.models import Redemption
from tracking.services import Evidence, opt_out, redeem, undo_opt_out, undo_redemption

SCANNERS = [
    "",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Slackbot-LinkExpanding 1.0",
    "curl/8.5.0",
    "python-requests/2.32",
    "TelegramBot (like TwitterBot)",
]


@pytest.fixture
def business(db: None) -> Business:
    return make_business("Ann's")


@pytest.fixture
def till(business: Business) -> User:
    return make_member(business)


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


def evidence() -> Evidence:
    return Evidence(channel=Redemption.Channel.API)


def welcome(business: Business, tag: Tag) -> Message:
    """Somebody signs up by the tag and gets an offer."""
    make_automation(business, text="Hi! {{offer_link}}", offer_title="A coffee")
    sign_up(tag)
    return Message.objects.select_related("broadcast__business").get()


@pytest.mark.django_db
class TestTaps:
    @pytest.mark.parametrize("agent", SCANNERS)
    def test_scanners_count_nothing(self, tag: Tag, agent: str) -> None:
        client = Client(headers={"User-Agent": agent})
        for path in (tag.path, f"{tag.path}config/"):
            for _ in range(3):
                assert client.get(path).status_code == 200
                assert client.head(path).status_code == 200
        assert not Scan.objects.exists()
        assert figures(tag) == {}

    @pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose"])
    def test_pages_that_a_browser_loads_ahead_count_nothing(self, tag: Tag, header: str) -> None:
        visitor().get(tag.path, headers={header: "prefetch"})
        assert not Scan.objects.exists()

    def test_head_counts_nothing_even_of_a_browser(self, tag: Tag) -> None:
        visitor().head(tag.path)
        assert not Scan.objects.exists()

    def test_a_person_counts_and_a_change_of_language_does_not(self, tag: Tag) -> None:
        visitor().get(tag.path)
        visitor().get(tag.path, {"lang": "el"})
        assert figures(tag) == {"taps": 1}

    def test_another_site_s_page_counts_by_its_config(self, tag: Tag) -> None:
        visitor().get(f"{tag.path}config/")
        assert figures(tag) == {"taps": 1}

    def test_nothing_of_a_visitor_is_kept(self, tag: Tag) -> None:
        visitor(REMOTE_ADDR="203.0.113.9").get(tag.path)
        row = Scan.objects.values().get()
        assert "203.0.113.9" not in str(row)
        assert BROWSER["User-Agent"] not in str(row)

    def test_one_address_counts_no_further_than_the_limit_and_still_sees_the_page(
        self, tag: Tag
    ) -> None:
        with time_machine.travel(1_800_000_000, tick=False):
            codes = {visitor().get(tag.path).status_code for _ in range(65)}
        assert codes == {200}
        assert figures(tag) == {"taps": 60}

    def test_the_day_is_the_business_s(self, tag: Tag) -> None:
        with time_machine.travel("2027-03-01T23:00:00Z"):
            visitor().get(tag.path)
        connection.check_constraints()
        assert TagDay.objects.get().day == date(2027, 3, 2)


@pytest.mark.django_db
class TestTestTags:
    def test_count_nothing_and_say_so(self, business: Business, till: User) -> None:
        tag = make_tag(business, status="test")
        assert "This is a test" in visitor().get(tag.path).text
        message = welcome(business, tag)
        redeem(business_id=business.pk, code=message.public_id, user=till, evidence=evidence())
        opt_out(message=message)

        assert figures(tag) == {}
        assert set(Scan.objects.values_list("kind", "is_test")) == {
            ("tap", True), ("form", True), ("opt_in", True), ("redemption", True),
            ("unsubscribe", True),
        }  # fmt: skip


@pytest.mark.django_db
class TestAfterTheSignUp:
    def test_a_redemption_and_its_undoing(self, business: Business, tag: Tag, till: User) -> None:
        code = welcome(business, tag).public_id
        for _ in range(2):
            redeem(business_id=business.pk, code=code, user=till, evidence=evidence())
        assert figures(tag)["redemptions"] == 1
        undo_redemption(business_id=business.pk, code=code, user=till)
        assert "redemptions" not in figures(tag)
        redeem(business_id=business.pk, code=code, user=till, evidence=evidence())
        assert figures(tag)["redemptions"] == 1

    def test_an_opt_out_and_its_undoing(self, business: Business, tag: Tag) -> None:
        message = welcome(business, tag)
        for _ in range(2):
            opt_out(message=message)
        assert figures(tag)["unsubscribes"] == 1
        undo_opt_out(message=message)
        assert "unsubscribes" not in figures(tag)
        stop(business)
        assert figures(tag)["unsubscribes"] == 1

    def test_counts_for_the_tag_by_which_they_came_in_first(
        self, business: Business, tag: Tag
    ) -> None:
        other = make_tag(business)
        sign_up(tag)
        sign_up(other)
        stop(business)
        assert figures(tag) == {"taps": 1, "forms": 1, "opt_ins": 1, "unsubscribes": 1}
        assert figures(other) == {"taps": 1, "forms": 1}

    def test_who_was_there_before_is_no_tag_s(self, business: Business, tag: Tag) -> None:
        make_contact(business, PHONE)
        sign_up(tag)
        stop(business)
        assert figures(tag) == {"taps": 1, "forms": 1}

    def test_a_contact_that_is_deleted_leaves_the_figures(
        self, business: Business, tag: Tag, till: User
    ) -> None:
        code = welcome(business, tag).public_id
        delete_contact(contact=Contact.objects.get())
        redeem(business_id=business.pk, code=code, user=till, evidence=evidence())
        assert figures(tag) == {"taps": 1, "forms": 1, "opt_ins": 1}
        assert set(Scan.objects.values_list("contact", flat=True)) == {None}

    def test_the_sum_of_the_scans_is_what_the_days_say(
        self, business: Business, tag: Tag, till: User
    ) -> None:
        message = welcome(business, tag)
        redeem(business_id=business.pk, code=message.public_id, user=till, evidence=evidence())
        opt_out(message=message)
        counted = {"taps": 1, "forms": 1, "opt_ins": 1, "redemptions": 1, "unsubscribes": 1}
        assert figures(tag) == counted
        answer = api_client(till).get(f"/api/v1/nfc/tags/{tag.pk}/stats/").json()
        (day,) = answer.pop("days")
        day.pop("day")
        assert answer == day == {**counted, "visits": 0}


@pytest.mark.django_db(transaction=True)
def test_redemptions_and_opt_outs_of_one_day_never_wait_for_each_other_in_a_circle(
    business: Business, tag: Tag, till: User
) -> None:
    """Both move the figures of a broadcast and of a tag, one in this order, one in the other."""
    make_automation(business, text="Hi! {{offer_link}}", offer_title="A coffee")
    for number in range(12):
        sign_up(tag, f"69400000{number:02}", client=visitor(REMOTE_ADDR=f"203.0.113.{number}"))
    messages = list(Message.objects.select_related("broadcast__business"))

    def act(message: Message) -> None:
        try:
            redeem(business_id=business.pk, code=message.public_id, user=till, evidence=evidence())
            opt_out(message=message)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, messages))
    assert figures(tag) == {
        "taps": 12, "forms": 12, "opt_ins": 12, "redemptions": 12, "unsubscribes": 12,
    }  # fmt: skip
