"""What a person may do with a campaign, and when it is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.problems import Problem
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign
from campaigns.tests.factories import (
    expand,
    finish,
    make_campaign,
    make_due,
    make_sending,
    make_template,
)
from contacts.tests.factories import make_contact, make_list
from messaging.models import Broadcast


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def act(client: APIClient, campaign: Campaign, action: str, body: object = None) -> tuple[int, str]:
    """The HTTP status, and the campaign's status or the problem's code."""
    answer = client.post(f"/api/v1/campaigns/{campaign.pk}/{action}/", body)
    return answer.status_code, answer.data.get("code") or answer.data["status"]


class TestSend:
    def test_sending_now_is_scheduling_for_now(self, business: Business, client: APIClient) -> None:
        campaign = make_campaign(business, contacts=1)
        answer = client.post(f"/api/v1/campaigns/{campaign.pk}/send/")
        assert answer.status_code == 202
        assert answer.data["status"] == "scheduled"
        assert answer.data["id"] == campaign.pk
        assert answer["Location"].endswith(f"/api/v1/campaigns/{campaign.pk}/")
        campaign.refresh_from_db()
        assert campaign.scheduled_at is not None
        assert abs(campaign.scheduled_at - timezone.now()) < timedelta(minutes=1)

    def test_twice_is_refused(self, business: Business, client: APIClient) -> None:
        campaign = make_campaign(business, contacts=1)
        assert act(client, campaign, "send") == (202, "scheduled")
        assert act(client, campaign, "send") == (409, "INVALID_STATUS")
        assert len(list(services.launch_due())) == 1
        assert act(client, campaign, "send") == (409, "INVALID_STATUS")
        assert Broadcast.objects.count() == 1

    def test_a_later_schedule_is_brought_forward(
        self, business: Business, client: APIClient
    ) -> None:
        later = timezone.now() + timedelta(days=3)
        campaign = make_due(business, scheduled_at=later, schedule_zone="Europe/Athens")
        assert act(client, campaign, "send") == (202, "scheduled")
        campaign.refresh_from_db()
        assert campaign.scheduled_at is not None
        assert campaign.scheduled_at < later
        assert campaign.schedule_zone == ""

    def test_nobody_in_the_audience(self, business: Business, client: APIClient) -> None:
        make_contact(business, is_subscribed=False)
        campaign = make_campaign(business)
        assert act(client, campaign, "send") == (409, "EMPTY_AUDIENCE")
        campaign.refresh_from_db()
        assert (campaign.status, campaign.scheduled_at) == ("draft", None)

    def test_an_empty_list(self, business: Business, client: APIClient) -> None:
        campaign = make_campaign(business, contacts=1, contact_list=make_list(business))
        assert act(client, campaign, "send") == (409, "EMPTY_AUDIENCE")

    @pytest.mark.time_machine("2027-01-15T12:00:00Z", tick=False)
    @pytest.mark.parametrize(
        ("action", "body"),
        [("send", None), ("schedule", {"date": "2027-07-15", "time": "10:00"})],
    )
    def test_a_business_that_staff_have_not_approved(
        self, business: Business, client: APIClient, action: str, body: object
    ) -> None:
        Business.objects.update(daily_message_cap=0)
        campaign = make_campaign(business, contacts=1)
        answer = client.post(f"/api/v1/campaigns/{campaign.pk}/{action}/", body)
        assert (answer.status_code, answer.data["code"]) == (403, "SENDING_NOT_APPROVED")
        assert "approve" in answer.data["detail"]
        campaign.refresh_from_db()
        assert (campaign.status, campaign.scheduled_at) == ("draft", None)

    def test_the_same_key_sends_once_and_is_answered_twice(
        self, business: Business, client: APIClient
    ) -> None:
        campaign = make_campaign(business, contacts=1)
        answers = [
            client.post(f"/api/v1/campaigns/{campaign.pk}/send/", headers={"Idempotency-Key": "k"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[1]["Idempotency-Replayed"] == "true"
        assert answers[0].json() == answers[1].json()

    def test_an_action_takes_no_fields(self, business: Business, client: APIClient) -> None:
        campaign = make_campaign(business, contacts=1)
        assert act(client, campaign, "send", {"when": "now"}) == (400, "VALIDATION_ERROR")


@pytest.mark.django_db(transaction=True)
def test_of_eight_sends_at_once_one_wins() -> None:
    campaign = make_campaign(contacts=1)

    def send(_: int) -> str:
        try:
            return services.send_campaign(campaign=Campaign.objects.get(pk=campaign.pk)).status
        except Problem as problem:
            return problem.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(send, range(8)))
    assert sorted(results) == ["INVALID_STATUS"] * 7 + ["scheduled"]


@pytest.mark.django_db(transaction=True)
def test_launch_and_cancel_at_once_leave_campaign_and_broadcast_in_step() -> None:
    campaigns = [make_due() for _ in range(6)]

    def run(step: Callable[[], object]) -> None:
        try:
            step()
        finally:
            connection.close()

    def cancel_all() -> None:
        for campaign in campaigns:
            services.cancel_campaign(campaign=campaign)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [lambda: list(services.launch_due()), cancel_all]))
    assert set(Campaign.objects.values_list("status", flat=True)) == {"cancelled"}
    assert set(Broadcast.objects.values_list("status", flat=True)) <= {"cancelled"}


class TestSteps:
    def test_unschedule(self, business: Business, client: APIClient) -> None:
        campaign = make_due(business, schedule_zone="Europe/Athens")
        assert act(client, campaign, "unschedule") == (200, "draft")
        campaign.refresh_from_db()
        assert (campaign.scheduled_at, campaign.schedule_zone) == (None, "")

    def test_pause_resume_cancel(self, business: Business, client: APIClient) -> None:
        campaign = make_sending(business)
        broadcast = Broadcast.objects.get()
        for action, status in [
            ("pause", "paused"),
            ("resume", "sending"),
            ("pause", "paused"),
            ("cancel", "cancelled"),
        ]:
            assert act(client, campaign, action) == (200, status)
            broadcast.refresh_from_db()
            assert broadcast.status == status
        campaign.refresh_from_db()
        assert campaign.finished_at is not None

    def test_cancel_before_the_launch(self, business: Business, client: APIClient) -> None:
        campaign = make_due(business)
        assert act(client, campaign, "cancel") == (200, "cancelled")
        assert list(services.launch_due()) == []

    @pytest.mark.parametrize(
        ("status", "refused"),
        [
            ("draft", ["unschedule", "pause", "resume", "cancel"]),
            ("scheduled", ["send", "pause", "resume"]),
            ("sending", ["send", "schedule", "unschedule", "resume"]),
            ("paused", ["send", "schedule", "unschedule", "pause"]),
            ("cancelled", ["send", "schedule", "unschedule", "pause", "resume", "cancel"]),
            ("failed", ["send", "schedule", "unschedule", "pause", "resume", "cancel"]),
            ("missed", ["unschedule", "pause", "resume"]),
        ],
    )
    def test_moves_that_the_status_forbids(
        self, business: Business, client: APIClient, status: str, refused: list[str]
    ) -> None:
        campaign = in_status(business, status)
        tomorrow = (timezone.now() + timedelta(days=1)).isoformat()
        for action in refused:
            body = {"scheduled_at": tomorrow} if action == "schedule" else None
            assert act(client, campaign, action, body) == (409, "INVALID_STATUS"), action
            campaign.refresh_from_db()
            assert campaign.status == status

    def test_duplicate(self, business: Business, client: APIClient) -> None:
        template = make_template(business)
        contact_list = make_list(business)
        campaign = make_campaign(
            business,
            name="S" * 120,
            template=template,
            contact_list=contact_list,
            filter={"gender": "female"},
            sender="Bakery",
            status="cancelled",
        )
        answer = client.post(f"/api/v1/campaigns/{campaign.pk}/duplicate/")
        assert answer.status_code == 201
        copy = answer.data
        assert copy["id"] != campaign.pk
        assert copy["name"] == ("Copy of " + "S" * 120)[:120]
        assert (copy["status"], copy["scheduled_at"]) == ("draft", None)
        assert (copy["template"], copy["text"]) == (template.pk, "")
        assert (copy["list"], copy["filter"]) == (contact_list.pk, {"gender": "female"})
        assert copy["sender"] == "Bakery"


@pytest.mark.django_db(transaction=True)
def test_a_completed_campaign_stays_so() -> None:
    business = make_business()
    client = api_client(make_member(business))
    campaign = make_sending(business)
    finish(campaign)
    assert campaign.status == "completed"
    for action in ("send", "unschedule", "pause", "resume", "cancel"):
        assert act(client, campaign, action) == (409, "INVALID_STATUS"), action


@pytest.mark.django_db
def test_one_that_is_deleted_meanwhile_is_not_found() -> None:
    campaign = make_campaign(contacts=1)
    stale = Campaign.objects.get(pk=campaign.pk)
    services.delete_campaign(campaign=campaign)
    for step in (services.send_campaign, services.pause_campaign, services.update_campaign):
        with pytest.raises(services.CampaignNotFound):
            step(campaign=stale)


def in_status(business: Business, status: str) -> Campaign:
    if status == "draft":
        return make_campaign(business, contacts=1)
    campaign = make_due(business)
    if status in {"failed", "missed"}:
        Campaign.objects.filter(pk=campaign.pk).update(status=status)
    elif status != "scheduled":
        for broadcast_id in services.launch_due():
            expand(broadcast_id)
    if status == "paused":
        services.pause_campaign(campaign=campaign)
    if status == "cancelled":
        services.cancel_campaign(campaign=campaign)
    return campaign
