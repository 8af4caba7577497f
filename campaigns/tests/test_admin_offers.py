"""Offers, automations and what people did, in the admin."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns.models import Automation, Campaign
from campaigns.tests.factories import make_automation, make_campaign, make_due, make_sending
from contacts.tests.factories import sign_up
from messaging.models import Message
from tracking.models import EngagementCounters
from tracking.services import record_view

pytestmark = pytest.mark.django_db

ADD = "admin:campaigns_campaign_add"
CHANGE = "admin:campaigns_campaign_change"
LIST = "admin:campaigns_campaign_changelist"
AUTOMATIONS = "admin:campaigns_automation_changelist"
ADD_AUTOMATION = "admin:campaigns_automation_add"
CHANGE_AUTOMATION = "admin:campaigns_automation_change"
DELETE_AUTOMATION = "admin:campaigns_automation_delete"
YEAR = timezone.now().year + 1
MIDNIGHT = datetime(YEAR, 3, 1, 22, tzinfo=UTC)  # in Athens, at the end of the first of March


def form(business: Business, **fields: Any) -> dict[str, Any]:
    return {"business": business.pk, "name": "Spring", "text": "Hi!", "track_links": "on"} | fields


def automation_form(business: Business, **fields: Any) -> dict[str, Any]:
    defaults = {"business": business.pk, "kind": "welcome", "text": "Hi!"}
    return defaults | {"is_active": "on", "track_links": "on"} | fields


class TestCampaign:
    def test_an_offer_with_its_last_day(self, business: Business, staff: Client) -> None:
        body = form(
            business,
            text="{{offer_link}}",
            offer_title="20 % off",
            offer_text="Once.",
            offer_last_day=f"{YEAR}-03-01",
        )
        answer = staff.post(reverse(ADD), body)
        assert answer.status_code == 302
        campaign = Campaign.objects.get()
        assert (campaign.offer_title, campaign.offer_text) == ("20 % off", "Once.")
        assert (campaign.offer_valid_until, campaign.track_links) == (MIDNIGHT, True)
        url = reverse(CHANGE, args=[campaign.pk])
        page = staff.get(url).text
        assert f'value="{YEAR}-03-01"' in page
        assert "/o/000000000000" in page
        body["track_links"] = ""
        assert staff.post(url, body | {"offer_last_day": ""}).status_code == 302
        campaign.refresh_from_db()
        assert (campaign.offer_valid_until, campaign.track_links) == (None, False)

    def test_an_hour_that_another_client_chose_stays(
        self, business: Business, staff: Client
    ) -> None:
        end = MIDNIGHT - timedelta(hours=5)
        campaign = make_campaign(business, offer_title="x", offer_valid_until=end)
        url = reverse(CHANGE, args=[campaign.pk])
        body = form(business, offer_title="y", offer_last_day=f"{YEAR}-03-01")
        assert staff.post(url, body).status_code == 302
        campaign.refresh_from_db()
        assert (campaign.offer_title, campaign.offer_valid_until) == ("y", end)

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"text": "{{offer_link}}"}, "{{offer_link}} leads nowhere"),
            ({"offer_text": "Once."}, "Give the offer a title"),
            ({"offer_last_day": f"{YEAR}-03-01"}, "Give the offer a title"),
            ({"offer_title": "x", "offer_last_day": "2020-03-01"}, "This day has passed."),
            ({"offer_title": "x", "offer_last_day": "9999-12-31"}, "Choose another day."),
            (
                {"text": " ".join(f"http://a.b/{number}" for number in range(100))},
                "99 different links at most",
            ),
            (
                {
                    "offer_title": "x",
                    "offer_last_day": f"{YEAR}-03-01",
                    "send_date": f"{YEAR}-03-02",
                    "send_time": "10:00",
                },
                "The offer ends before anybody could get it",
            ),
        ],
    )
    def test_mistakes_are_named(
        self, business: Business, staff: Client, fields: dict[str, str], complaint: str
    ) -> None:
        answer = staff.post(reverse(ADD), form(business, **fields), follow=True)
        assert complaint in answer.text
        assert not Campaign.objects.exists()

    def test_a_launched_one_shows_what_people_did(self, business: Business, staff: Client) -> None:
        campaign = make_sending(
            business,
            contacts=4,
            text="{{offer_link}} https://shop.example/",
            offer_title="20 % off <b>",
            offer_valid_until=timezone.now() + timedelta(days=1),
        )
        broadcast = campaign.runs.get().broadcast
        broadcast.counters.queued, broadcast.counters.delivered = 0, 4
        broadcast.counters.save()
        record_view(message=Message.objects.select_related("broadcast").earliest("pk"))
        EngagementCounters.objects.update(clicks=3, redemptions=2)
        page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
        assert "<th>Offer looked at</th><td>1</td><td>25.0 %</td>" in page
        assert "<th>Redeemed</th><td>2</td><td>50.0 %</td>" in page
        assert "redeemed 50.0 %." in page
        assert "/o/000000000000" in page
        assert "/s/0000000000001" in page
        assert "20 % off &lt;b&gt;" in page
        listed = staff.get(reverse(LIST)).text
        assert '<td class="field-clicks">3</td>' in listed
        assert '<td class="field-redemptions">2</td>' in listed

    def test_the_list_costs_no_more_for_it(self, business: Business, staff: Client) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert staff.get(reverse(LIST)).status_code == 200
            return len(captured)

        make_sending(business)
        queries()
        few = queries()
        for _ in range(3):
            campaign = make_sending(business, contacts=0)
            EngagementCounters.objects.create(broadcast=campaign.runs.get().broadcast)
        make_due(business, contacts=0)
        assert queries() == few


class TestAutomation:
    def test_written_by_staff(self, business: Business, staff: Client) -> None:
        page = staff.get(reverse(ADD_AUTOMATION)).text
        assert "{{offer_link}} leads to the offer below, once that has a title." in page
        body = automation_form(
            business, text="{{offer_link}}", offer_title="10 % off", offer_valid_days="14"
        )
        assert staff.post(reverse(ADD_AUTOMATION), body).status_code == 302
        automation = Automation.objects.get()
        assert (automation.kind, automation.is_active) == ("welcome", True)
        assert (automation.offer_valid_days, automation.offer_valid_until) == (14, None)
        url = reverse(CHANGE_AUTOMATION, args=[automation.pk])
        assert "/o/000000000000" in staff.get(url).text
        off = body | {"offer_last_day": f"{YEAR}-03-01"}
        del off["is_active"]
        assert staff.post(url, off).status_code == 302
        automation.refresh_from_db()
        assert (automation.is_active, automation.offer_valid_until) == (False, MIDNIGHT)
        assert "Welcome" in staff.get(reverse(AUTOMATIONS)).text

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"text": ""}, "This field is required."),
            ({"text": "{{surname}}"}, "Unknown placeholder"),
            ({"text": "{{offer_link}}"}, "{{offer_link}} leads nowhere"),
            ({"kind": "wedding"}, "Select a valid choice."),
            ({"kind": "birthday"}, "Birthday messages need a time of the day."),
            ({"offer_valid_days": "3"}, "Give the offer a title"),
            ({"offer_title": "x", "offer_valid_days": "0"}, "greater than or equal to 1"),
            ({"sender": "a b"}, "A sender name is 3 to 11"),
        ],
    )
    def test_mistakes_are_named(
        self, business: Business, staff: Client, fields: dict[str, str], complaint: str
    ) -> None:
        answer = staff.post(reverse(ADD_AUTOMATION), automation_form(business, **fields))
        assert answer.status_code == 200
        assert complaint in answer.text
        assert not Automation.objects.exists()

    def test_a_birthday_message(self, business: Business, staff: Client) -> None:
        body = automation_form(business, kind="birthday", send_time="16:30")
        assert staff.post(reverse(ADD_AUTOMATION), body).status_code == 302
        automation = Automation.objects.get()
        assert (automation.kind, automation.send_time) == ("birthday", time(16, 30))
        assert (
            '<td class="field-send_time nowrap">16:30</td>' in staff.get(reverse(AUTOMATIONS)).text
        )
        url = reverse(CHANGE_AUTOMATION, args=[automation.pk])
        assert "failure" not in staff.get(url).text.lower()
        Automation.objects.update(failure="The system was down.")
        assert "The system was down." in staff.get(url).text
        assert "The system was down." in staff.get(reverse(AUTOMATIONS)).text
        assert staff.post(url, body | {"send_time": ""}).status_code == 200
        assert staff.post(url, body | {"send_time": "11:00"}).status_code == 302
        automation.refresh_from_db()
        assert automation.send_time == time(11)

    def test_a_second_welcome_is_refused_with_words(
        self, business: Business, staff: Client
    ) -> None:
        make_automation(business)
        answer = staff.post(reverse(ADD_AUTOMATION), automation_form(business), follow=True)
        assert "change that one" in answer.text
        assert Automation.objects.count() == 1

    def test_its_results_and_why_it_is_not_deleted(self, business: Business, staff: Client) -> None:
        automation = make_automation(business)
        sign_up(business)
        page = staff.get(reverse(CHANGE_AUTOMATION, args=[automation.pk])).text
        assert "<th>All messages</th><td>1</td>" in page
        url = reverse(DELETE_AUTOMATION, args=[automation.pk])
        staff.post(url, {"post": "yes"}, follow=True)
        assert Automation.objects.exists()

    def test_another_business_s_does_not_exist(self, staff: Client) -> None:
        foreign = make_automation(make_business(), text="Foreign")
        assert "Foreign" not in staff.get(reverse(AUTOMATIONS)).text
        url = reverse(CHANGE_AUTOMATION, args=[foreign.pk])
        assert staff.get(url).status_code == 302
        staff.post(url, {"text": "Mine", "is_active": "on"})
        foreign.refresh_from_db()
        assert foreign.text == "Foreign"
