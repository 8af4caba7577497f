"""A customer's way through everything, on an old phone that runs no scripts."""

import time
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from config.embedded.fixtures import SimulatedGateway, WorkerProcess
from config.tests.browser import PHONE, MakePhone
from config.tests.shop import Shop, links_in, open_shop, wait_for_text
from contacts.models import Consent, Contact, Suppression

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NUMBER = "694 000 0001"
PHONE_NUMBER = "+306940000001"


@dataclass(frozen=True)
class Words:
    sign_up: str
    wrong: str
    thanks: str
    till: str
    redeemed: str
    stop: str
    stopped: str
    undo: str
    undone: str


WORDS = {
    "en": Words(
        sign_up="Sign up",
        wrong="Please check what you have entered",
        thanks="Thank you",
        till="Show this at the till",
        redeemed="Redeemed",
        stop="Stop the messages",
        stopped="Done",
        undo="Undo",
        undone="Welcome back",
    ),
    "el": Words(
        sign_up="Εγγραφή",
        wrong="Παρακαλούμε ελέγξτε τα στοιχεία σας",
        thanks="Ευχαριστούμε",
        till="Δείξτε το στο ταμείο",
        redeemed="Εξαργυρώθηκε",
        stop="Διακοπή μηνυμάτων",
        stopped="Έγινε",
        undo="Αναίρεση",
        undone="Καλώς ήρθατε ξανά",
    ),
}


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def see(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def fill_in_badly(page: Page, words: Words) -> None:
    """Each mistake is told beside its field, and again above all of them."""
    page.fill("#phone", "12")
    page.fill("#email", "me@example.com")
    press(page, words.sign_up)

    see(page, words.wrong)
    for name in ("phone", "first_name", "consent"):
        field = page.locator(f"#{name}")
        expect(field).to_have_attribute("aria-invalid", "true")
        described_by = (field.get_attribute("aria-describedby") or "").split()
        assert f"{name}_error" in described_by
        error = page.locator(f"#{name}_error")
        expect(error).to_be_visible()
        link = page.locator(f'.summary a[href="#{name}"]')
        assert error.inner_text() in link.inner_text()
    assert page.locator("#email_error").count() == 0
    assert page.input_value("#phone") == "12"
    assert page.input_value("#email") == "me@example.com"


def fill_in_well(page: Page, words: Words) -> None:
    page.fill("#phone", NUMBER)
    page.fill("#first_name", "Μαρία")
    page.locator("label[for=consent]").click()
    time.sleep(2.1)  # a form that comes back at once was filled in by a program
    press(page, words.sign_up)


def leave_and_come_back(page: Page, link: str, words: Words) -> None:
    page.goto(link)
    press(page, words.stop)
    see(page, words.stopped)
    assert Suppression.objects.filter(phone=PHONE_NUMBER).exists()
    assert not Contact.objects.get().is_subscribed

    press(page, words.undo)
    see(page, words.undone)
    assert not Suppression.objects.exists()
    assert Contact.objects.get().is_subscribed


def redeem(shop: Shop, page: Page, link: str, words: Words) -> None:
    page.goto(link)
    see(page, words.till)
    assert "A rose for free" in page.inner_text("h1")
    assert page.locator(".qr svg").is_visible()

    answer = shop.redeem(page.inner_text(".code"))

    assert answer["status"] == "redeemed"
    page.reload()
    see(page, words.redeemed)
    assert page.locator(".qr").count() == 0


@pytest.mark.parametrize("language", ["en", "el"])
def test_tap_sign_up_receive_redeem_leave_and_come_back(
    live_web: str,
    celery_worker_process: WorkerProcess,
    simulated_gateway: SimulatedGateway,
    make_phone: MakePhone,
    language: str,
) -> None:
    shop, words = open_shop(live_web), WORDS[language]
    page = make_phone(language="el-GR" if language == "el" else "en-GB", scripts=False)
    assert page.viewport_size == PHONE

    page.goto(shop.tap_link)
    assert page.locator("html").get_attribute("lang") == language
    fill_in_badly(page, words)
    fill_in_well(page, words)
    see(page, words.thanks)

    contact = Contact.objects.get()
    assert (contact.phone, contact.first_name) == (PHONE_NUMBER, "Μαρία")
    consent = Consent.objects.get()
    assert consent.text is not None
    assert consent.text.language == language
    text = wait_for_text(simulated_gateway, PHONE_NUMBER)
    assert text.startswith("Hello Μαρία, your gift: ")
    links = links_in(text)
    redeem(shop, page, links["o"], words)
    leave_and_come_back(page, links["u"], words)
