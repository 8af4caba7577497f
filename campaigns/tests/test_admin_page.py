"""The buttons on a campaign's own page: the actions of the list that its status allows."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business
from accounts.problems import Problem
from accounts.tests.factories import make_business, make_member
from campaigns import selectors, services
from campaigns.admin.campaigns import POSSIBLE
from campaigns.models import Campaign
from campaigns.tests.factories import finish, make_campaign, make_sending
from messaging.gateways.base import FailureReason, SendResult
from messaging.models import Message
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all

pytestmark = pytest.mark.django_db(transaction=True)

LIST = reverse("admin:campaigns_campaign_changelist")
ADD = reverse("admin:campaigns_campaign_add")
BUTTON = re.compile(r'<button class="button" name="(?:action|_then)" value="(\w+)">')
SERVICES: dict[str, Callable[..., object]] = {
    "send_now": services.send_campaign,
    "pause": services.pause_campaign,
    "resume": services.resume_campaign,
    "cancel": services.cancel_campaign,
    "retry": services.retry_failed,
    "retry_unconfirmed": partial(services.retry_failed, include=selectors.RETRY_IF_NAMED),
}


def page_of(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def press(client: Client, action: str, campaign: Campaign, **answer: str) -> Any:
    """As the button does; answer: `confirmed`, as the page with the question does."""
    body = {"action": action, "_selected_action": campaign.pk, "_page": "yes"} | answer
    return client.post(LIST, body, follow=True)


def make_paused(business: Business) -> Campaign:
    return services.pause_campaign(campaign=make_sending(business))


def make_failed(business: Business, reason: FailureReason = FailureReason.REFUSED) -> Campaign:
    """Ended, and nobody got it."""
    campaign = make_sending(business)
    assert send_next_batch(ScriptedGateway(lambda _: [SendResult.refused(reason)]))
    campaign.refresh_from_db()
    return campaign


def make_ended(business: Business) -> Campaign:
    campaign = make_sending(business)
    finish(campaign)
    return campaign


def with_status(business: Business, **fields: Any) -> Campaign:
    return make_campaign(business, contacts=1, **fields)


MAKE: dict[str, Callable[[Business], Campaign]] = {
    "draft": with_status,
    "scheduled": partial(
        with_status, status="scheduled", scheduled_at=timezone.now() + timedelta(days=1)
    ),
    "missed": partial(
        with_status, status="missed", scheduled_at=timezone.now() - timedelta(days=1)
    ),
    "sending": make_sending,
    "paused": make_paused,
    "completed": make_failed,
    "cancelled": partial(with_status, status="cancelled"),
    "failed": partial(with_status, status="failed", failure="The text cannot be sent."),
}


def accepted(service: Callable[..., object], campaign: Campaign) -> bool:
    """Whether the service does it; it is undone."""
    try:
        with transaction.atomic():
            service(campaign=Campaign.objects.get(pk=campaign.pk))
            transaction.set_rollback(True)
    except Problem:
        return False
    return True


@pytest.mark.parametrize("status", Campaign.Status)
def test_there_is_a_button_for_what_is_possible(
    business: Business, staff: Client, status: str
) -> None:
    campaign = MAKE[status](business)
    assert campaign.status == status

    shown = BUTTON.findall(staff.get(page_of(campaign)).text)

    possible = {name for name, service in SERVICES.items() if accepted(service, campaign)}
    assert set(shown) & SERVICES.keys() == possible
    assert "duplicate" in shown
    assert set(shown) == set(POSSIBLE[Campaign.Status(status)])


def test_one_that_nothing_holds_waits_for_nothing(business: Business, staff: Client) -> None:
    assert waits(staff, make_sending(business)) == "-"


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ({"quiet_from": "00:00", "quiet_until": "23:59:59.999999"}, "quiet hours"),
        ({"daily_message_cap": 0}, "messages of the day are used up"),
    ],
)
def test_one_under_way_says_why_it_waits(
    business: Business, staff: Client, cause: dict[str, Any], reason: str
) -> None:
    campaign = make_sending(business)
    Business.objects.filter(pk=business.pk).update(**cause)
    assert not send_next_batch(ScriptedGateway(accept_all))

    assert reason in waits(staff, campaign)


def test_one_held_back_by_the_gateway_says_so(business: Business, staff: Client) -> None:
    campaign = make_sending(business)
    later = timezone.now() + timedelta(minutes=5)
    campaign.runs.get().broadcast.batches.update(not_before=later)

    assert "tried again by itself" in waits(staff, campaign)


def waits(staff: Client, campaign: Campaign) -> str:
    shown = re.search(r'field-waits".*?"readonly">(.*?)<', staff.get(page_of(campaign)).text, re.S)
    assert shown
    return shown[1]


def test_nothing_is_sent_again_that_has_arrived(business: Business, staff: Client) -> None:
    page = staff.get(page_of(make_ended(business))).text
    assert BUTTON.findall(page) == ["duplicate"]


def test_what_is_done_at_once_leads_back_to_the_page(business: Business, staff: Client) -> None:
    campaign = make_sending(business)
    for action, status in [("pause", "paused"), ("resume", "sending")]:
        answer = press(staff, action, campaign)
        assert answer.redirect_chain == [(page_of(campaign), 302)]
        campaign.refresh_from_db()
        assert campaign.status == status
        assert f"Spring: {action}d." in answer.text


def test_cancelling_asks_first_as_in_the_list(business: Business, staff: Client) -> None:
    campaign = make_sending(business)

    question = press(staff, "cancel", campaign)

    assert "never will be" in question.text
    assert f'<a href="{page_of(campaign)}" class="button">No, take me back</a>' in question.text
    campaign.refresh_from_db()
    assert campaign.status == "sending"
    answer = press(staff, "cancel", campaign, confirmed="yes")
    assert answer.redirect_chain == [(page_of(campaign), 302)]
    campaign.refresh_from_db()
    assert campaign.status == "cancelled"


def test_a_refusal_is_said_on_the_page(business: Business, staff: Client) -> None:
    campaign = make_campaign(business)
    answer = press(staff, "pause", campaign)
    assert answer.redirect_chain == [(page_of(campaign), 302)]
    assert "A campaign that is draft cannot be paused." in answer.text


def test_a_copy_is_opened(business: Business, staff: Client) -> None:
    answer = press(staff, "duplicate", make_sending(business))
    copy = Campaign.objects.get(name="Copy of Spring")
    assert answer.redirect_chain == [(page_of(copy), 302)]
    assert "Copy of Spring: is a draft" in answer.text


class TestSavingFirst:
    """What would be sent or tested is what the clerk sees, not what was saved before."""

    def form(self, business: Business, then: str, **fields: str) -> dict[str, Any]:
        body = {"business": business.pk, "name": "Spring", "text": "New!", "track_links": "on"}
        return body | {"_then": then, "_page": "yes"} | fields

    def test_send_now(self, business: Business, staff: Client) -> None:
        campaign = make_campaign(business, contacts=2, text="Old!")

        question = staff.post(page_of(campaign), self.form(business, "send_now"))

        assert "Spring: Draft, 2 contacts" in question.text
        campaign.refresh_from_db()
        assert (campaign.text, campaign.status) == ("New!", "draft")
        assert f'action="{LIST}"' in question.text
        answer = press(staff, "send_now", campaign, confirmed="yes")
        assert answer.redirect_chain == [(page_of(campaign), 302)]
        campaign.refresh_from_db()
        assert campaign.status == "scheduled"

    def test_a_test_of_a_new_campaign(self, business: Business, staff: Client) -> None:
        assert BUTTON.findall(staff.get(ADD).text) == ["send_test", "send_now"]

        question = staff.post(ADD, self.form(business, "send_test"))

        campaign = Campaign.objects.get()
        assert 'name="phones"' in question.text
        assert f'href="{page_of(campaign)}"' in question.text
        again = press(staff, "send_test", campaign, confirmed="yes", phones="12")
        assert "too short" in again.text
        answer = press(staff, "send_test", campaign, confirmed="yes", phones="6940000001")
        assert answer.redirect_chain == [(page_of(campaign), 302)]
        assert Message.objects.get().text.startswith("New!")

    def test_what_cannot_be_saved_is_not_sent(self, business: Business, staff: Client) -> None:
        campaign = make_campaign(business, contacts=1)
        page = staff.post(page_of(campaign), self.form(business, "send_now", text="{{surname}}"))
        assert "Unknown placeholder" in page.text
        assert "at once, to everybody" not in page.text

    def test_no_other_action_is_done_on_the_way(self, business: Business, staff: Client) -> None:
        campaign = make_campaign(business)
        staff.post(page_of(campaign), self.form(business, "duplicate"))
        assert Campaign.objects.count() == 1


def test_nobody_acts_on_another_business_s(staff: Client) -> None:
    foreign = make_sending(make_business())
    answer = press(staff, "pause", foreign)
    assert answer.redirect_chain == [(LIST, 302)]
    foreign.refresh_from_db()
    assert foreign.status == "sending"


def test_a_button_needs_the_token_of_its_page(business: Business) -> None:
    campaign = make_sending(business)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_member(business, is_staff=True))
    page = client.get(page_of(campaign)).text
    tokens = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert press(client, "pause", campaign).status_code == 403
    press(client, "pause", campaign, csrfmiddlewaretoken=tokens[-1])
    campaign.refresh_from_db()
    assert campaign.status == "paused"
