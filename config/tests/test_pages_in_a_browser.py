"""All public pages in a real browser: for everybody, on small screens, light and dark."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from config.tests.browser import MakePhone, overflow, serious_findings, small_targets
from config.tests.shop import Shop, ask_to_confirm, open_shop, send_offer
from messaging import optout
from nfc.models import Tag
from nfc.services import create_tag, update_form, update_tag

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG_NAME = "Παντοπωλείο «Η Ωραία Θέα του Αγίου Κωνσταντίνου» Ηλεκτροεγκεφαλογραφήματα"


def press(page: Page) -> None:
    page.locator("form button").click()


def fill_in(page: Page) -> None:
    page.fill("#phone", "6940000001")
    if page.locator("#first_name").count():
        page.fill("#first_name", "Μαρία")
        page.check("#consent")
    time.sleep(2.1)
    press(page)


def pages_of_tags(page: Page, shop: Shop) -> Iterator[str]:
    page.goto(shop.tap_link)
    yield "form"
    press(page)
    yield "form with errors"
    fill_in(page)
    yield "thanks"
    update_form(form=shop.form, double_opt_in=True)
    update_tag(tag=shop.tag, status=Tag.Status.TEST)
    page.goto(shop.tap_link)
    yield "form of a test tag"
    fill_in(page)
    yield "look at your phone"
    update_tag(tag=shop.tag, status=Tag.Status.INACTIVE)
    page.goto(shop.tap_link)
    yield "tag that is not in use"
    page.goto(f"{shop.url}/nfc/unknown/")
    yield "unknown tag"


def pages_of_visits(page: Page, shop: Shop) -> Iterator[str]:
    visit = create_tag(business=shop.business, label="Till", type=Tag.Type.VISIT)
    page.goto(f"{shop.url}/nfc/{visit.public_id}/")
    yield "visit"
    press(page)
    yield "visit with errors"
    fill_in(page)
    yield "visited"


def pages_of_messages(page: Page, shop: Shop) -> Iterator[str]:
    page.goto(ask_to_confirm(shop))
    yield "confirm a sign-up"
    press(page)
    yield "confirmed"
    page.goto(f"{shop.url}/c/unknown")
    yield "unknown confirmation"
    message = send_offer(shop)
    page.goto(f"{shop.url}/o/{message.public_id}")
    yield "offer"
    shop.redeem(message.public_id)
    page.reload()
    yield "redeemed offer"
    ended = send_offer(shop, ends_in=timedelta(days=-1))
    page.goto(f"{shop.url}/o/{ended.public_id}")
    yield "ended offer"
    page.goto(f"{shop.url}/o/unknown")
    yield "unknown offer"
    page.goto(f"{shop.url}/u/{optout.make_token(message.public_id)}")
    yield "way out"
    press(page)
    yield "out"
    press(page)
    yield "back"
    for _ in range(6):
        page.goto(f"{shop.url}/u/unknown")
    yield "too many tries"


@pytest.mark.parametrize(
    ("language", "name", "colour"),
    [("en-GB", "Flora", "#8a1c5a"), ("el-GR", LONG_NAME, "#ffd400")],
    ids=["english", "greek"],
)
def test_pages_can_be_read_and_used_by_everybody(
    live_web: str, make_phone: MakePhone, language: str, name: str, colour: str
) -> None:
    shop = open_shop(live_web, name=name, colour=colour)
    page = make_phone(language=language, scripts=True)  # those of axe: the pages have none
    found: dict[str, list[str]] = {}
    for pages in (pages_of_tags, pages_of_visits, pages_of_messages):
        for state in pages(page, shop):
            assert page.locator("html").get_attribute("lang") == language[:2], state
            assert page.locator("script").count() == 0
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found[f"{state}, {scheme}"] = serious_findings(page)
            found[f"{state}, targets"] = small_targets(page)
            found[f"{state}, width"] = [f"{wide} px"] if (wide := overflow(page)) > 0 else []
    assert {where: what for where, what in found.items() if what} == {}
    assert len(found) == 4 * 21
