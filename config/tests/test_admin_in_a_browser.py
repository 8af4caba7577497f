"""A clerk's way through the admin in a real browser, which runs no scripts."""

import pytest
from django.urls import reverse

from accounts.tests.factories import make_business, make_member
from campaigns.tests.factories import make_campaign
from config.tests.browser import MakePhone

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"


def test_a_campaign_is_sent_and_cancelled_from_its_own_page(
    live_web: str, make_phone: MakePhone
) -> None:
    business = make_business()
    clerk = make_member(business, is_staff=True)
    clerk.set_password(PASSWORD)
    clerk.save(update_fields=["password"])
    campaign = make_campaign(business, contacts=1, text="Old!")
    address = live_web + reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    page = make_phone()
    page.goto(address)
    page.fill("[name=username]", clerk.email)
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")

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
