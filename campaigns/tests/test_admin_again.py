"""Tests and retries from the admin."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business
from campaigns.models import Campaign
from campaigns.tests.factories import expand, make_campaign, make_sending
from contacts.services import unsubscribe
from messaging.gateways.base import FailureReason, SendResult
from messaging.models import Broadcast, Message, MessageProblem
from messaging.services import close_unknown, send_next_batch
from messaging.tests.factories import ScriptedGateway
from messaging.tests.unknown import unknown_for

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "admin:campaigns_campaign_changelist"


def ask(staff: Client, action: str, *campaigns: Campaign, **answer: str) -> str:
    body = {"action": action, "_selected_action": [each.pk for each in campaigns]} | answer
    page: str = staff.post(reverse(LIST), body, follow=True).text
    return page


def make_ended(business: Business, result: SendResult) -> Campaign:
    campaign = make_sending(business, contacts=2)
    gateway = ScriptedGateway(lambda messages: [result] * len(messages))
    while send_next_batch(gateway):
        pass
    return campaign


def test_failures_are_sent_again_after_a_question(business: Business, staff: Client) -> None:
    campaign = make_ended(business, SendResult.refused(FailureReason.REFUSED))
    assert "<li>Spring: 2 will be sent again</li>" in ask(staff, "retry", campaign)
    assert Broadcast.objects.count() == 1

    assert "Spring: will be sent again." in ask(staff, "retry", campaign, confirmed="yes")
    retried = Broadcast.objects.latest("pk")
    expand(retried.pk)
    assert Message.objects.filter(broadcast=retried).count() == 2
    page = staff.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).text
    assert page.count("failed ones again, sending") == 1
    assert "cannot be retried" in ask(staff, "retry", campaign, confirmed="yes")


def test_what_is_unconfirmed_has_an_action_of_its_own(business: Business, staff: Client) -> None:
    campaign = make_ended(business, SendResult.uncertain(FailureReason.TIMEOUT))
    unknown_for(hours=80)
    close_unknown()

    assert "Nothing that failed" in ask(staff, "retry", campaign, confirmed="yes")
    assert "may get it twice" in ask(staff, "retry_unconfirmed", campaign)
    page = ask(staff, "retry_unconfirmed", campaign, confirmed="yes")
    assert "will be sent again" in page


def test_the_question_counts_what_the_retry_will_send(business: Business, staff: Client) -> None:
    fates = [SendResult.uncertain(FailureReason.TIMEOUT)] * 2
    fates += [SendResult.refused(FailureReason.REFUSED)] * 3
    fates += [SendResult.refused(FailureReason.INVALID_NUMBER)]
    campaign = make_sending(business, contacts=len(fates))
    assert send_next_batch(ScriptedGateway(lambda _: fates))
    unknown_for(hours=80)
    recent = MessageProblem.objects.filter(status="unknown").latest("pk")
    MessageProblem.objects.filter(pk=recent.pk).update(created_at=timezone.now())
    assert close_unknown() == 1
    left = Message.objects.filter(reason=FailureReason.REFUSED).earliest("pk")
    unsubscribe(business_id=business.pk, phone=left.phone, source="api")

    unknown = "1 unknown will not, whose fate may still be reported</li>"
    without = "<li>Spring: 2 will be sent again; 1 unconfirmed will not, which have an action of"
    page = ask(staff, "retry", campaign)
    assert without in page
    assert unknown in page
    page = ask(staff, "retry_unconfirmed", campaign)
    assert f"<li>Spring: 3 will be sent again, 1 of them unconfirmed; {unknown}" in page
    ask(staff, "retry_unconfirmed", campaign, confirmed="yes")
    retried = Broadcast.objects.latest("pk")
    expand(retried.pk)
    assert Message.objects.filter(broadcast=retried).count() == 3
    assert "<li>Spring: Sending</li>" in ask(staff, "retry", campaign)


def test_a_test_goes_to_the_phones_that_are_given(business: Business, staff: Client) -> None:
    campaign = make_campaign(business)
    assert 'name="phones"' in ask(staff, "send_test", campaign)
    wrong = ask(staff, "send_test", campaign, confirmed="yes", phones="12")
    assert "The phone number is too short." in wrong
    assert "At most 5" in ask(
        staff,
        "send_test",
        campaign,
        confirmed="yes",
        phones="\n".join(f"694000000{number}" for number in range(6)),
    )
    assert not Message.objects.exists()

    page = ask(staff, "send_test", campaign, confirmed="yes", phones="6940000001\r\n6940000002")

    assert "a test is on its way to +306940000001, +306940000002." in page
    assert Message.objects.count() == 2


def test_one_campaign_at_a_time_and_none_of_others(business: Business, staff: Client) -> None:
    both = [make_campaign(business), make_campaign(business)]
    for campaigns in (both, [make_campaign()]):
        page = ask(staff, "send_test", *campaigns, confirmed="yes", phones="6940000001")
        assert "Choose one campaign" in page
    assert not Message.objects.exists()


def test_what_is_refused_is_said(business: Business, staff: Client) -> None:
    Business.objects.update(daily_message_cap=0)
    campaign = make_campaign(business)
    page = ask(staff, "send_test", campaign, confirmed="yes", phones="6940000001")
    assert "staff have to approve it first" in page
