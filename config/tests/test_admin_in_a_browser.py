"""A clerk's way through the admin in a real browser, which runs no scripts."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from accounts.models import Business
from accounts.tests.factories import make_business, make_member
from campaigns.tests.factories import make_campaign
from config.tests.browser import PHONE, MakePhone
from contacts.models import Contact
from messaging.tests.factories import make_expanded

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"


def open_as_clerk(page: Page, address: str, business: Business) -> None:
    clerk = make_member(business, is_staff=True)
    clerk.set_password(PASSWORD)
    clerk.save(update_fields=["password"])
    page.goto(address)
    page.fill("[name=username]", clerk.email)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")


def test_a_campaign_is_sent_and_cancelled_from_its_own_page(
    live_web: str, make_phone: MakePhone
) -> None:
    business = make_business()
    campaign = make_campaign(business, contacts=1, text="Old!")
    address = live_web + reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    page = make_phone()
    open_as_clerk(page, address, business)

    page.fill("[name=text]", "New!")
    page.get_by_role("button", name="Save and send now").click()
    page.get_by_role("button", name="Yes, I’m sure").click()

    assert page.url == address
    assert "Spring: will be sent now." in page.inner_text(".messagelist")
    campaign.refresh_from_db()
    assert (campaign.status, campaign.text) == ("scheduled", "New!")
    page.get_by_role("button", name="Cancel for good").click()
    page.get_by_role("link", name="No, take me back").click()
    assert page.url == address
    page.get_by_role("button", name="Cancel for good").click()
    page.get_by_role("button", name="Yes, I’m sure").click()
    assert page.url == address
    assert "Spring: cancelled." in page.inner_text(".messagelist")
    assert page.locator("button.button").all_inner_texts() == ["Copy as a draft"]


def test_what_was_sent_to_a_contact_fits_a_phone(live_web: str, make_phone: MakePhone) -> None:
    business = make_business()
    make_expanded(contacts=1, business=business, text=f"See https://example.com/{'x' * 80} today")
    contact = Contact.objects.get()
    page = make_phone()
    address = reverse("admin:contacts_contact_change", args=[contact.pk])
    open_as_clerk(page, live_web + address, business)

    sent = page.locator(".field-happened td a").bounding_box()

    assert sent is not None
    assert sent["x"] + sent["width"] <= PHONE["width"]
