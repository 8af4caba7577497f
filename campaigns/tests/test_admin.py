"""Campaigns in the admin: scoped, changed by the services, cheap to list."""

import re
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Business, User
from accounts.tests.factories import make_business, make_member
from campaigns import services
from campaigns.models import Campaign, Template
from campaigns.tests.factories import make_campaign, make_due, make_sending, make_template
from contacts.tests.factories import make_contact, make_contacts, make_list
from messaging.models import BroadcastCounters

pytestmark = pytest.mark.django_db

LIST = "admin:campaigns_campaign_changelist"
ADD = "admin:campaigns_campaign_add"
CHANGE = "admin:campaigns_campaign_change"
DELETE = "admin:campaigns_campaign_delete"


@pytest.fixture
def business(db: None) -> Business:
    return make_business()


@pytest.fixture
def staff(business: Business) -> Client:
    """A member of the business who may use the admin, and is no superuser."""
    return browser(make_member(business, is_staff=True))


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(business: Business, **fields: Any) -> dict[str, Any]:
    return {"business": business.pk, "name": "Spring", "text": "Hi!"} | fields


def do(client: Client, action: str, *campaigns: Campaign) -> str:
    """The page after an action on the list, and a yes to its question if it asks one."""
    chosen = [campaign.pk for campaign in campaigns]
    body = {"action": action, "_selected_action": chosen}
    page: str = client.post(reverse(LIST), body, follow=True).text
    if 'name="confirmed"' in page:
        page = client.post(reverse(LIST), body | {"confirmed": "yes"}, follow=True).text
    return page


def test_staff_see_their_business_only(business: Business, staff: Client) -> None:
    make_campaign(business, name="Mine")
    foreign = make_campaign(name="Foreign")
    page = staff.get(reverse(LIST)).text
    assert "Mine" in page
    assert "Foreign" not in page
    answer = staff.get(reverse(CHANGE, args=[foreign.pk]))
    assert answer.status_code == 302  # to the index: it does not exist
    do(staff, "send_now", foreign)
    foreign.refresh_from_db()
    assert foreign.status == "draft"


def test_the_list_costs_the_same_for_many(business: Business, staff: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(reverse(LIST)).status_code == 200
        return len(captured)

    make_sending(business)
    queries()
    few = queries()
    for number in range(5):
        make_due(business, contacts=0, name=f"{number}")
    assert len(list(services.launch_due())) == 5
    assert queries() == few


def test_the_list_shows_progress(business: Business, staff: Client) -> None:
    make_sending(business, contacts=3)
    page = staff.get(reverse(LIST)).text
    assert '<td class="field-recipients">3</td>' in page
    assert '<td class="field-handed_over">0 %</td>' in page


def test_what_never_goes_out_is_not_handed_over(business: Business, staff: Client) -> None:
    broadcast = make_sending(business, contacts=7).runs.get().broadcast
    BroadcastCounters.objects.filter(broadcast=broadcast).update(
        queued=0, delivered=1, cancelled=4, suppressed=1, expired=1
    )
    assert '<td class="field-handed_over">14 %</td>' in staff.get(reverse(LIST)).text
    page = staff.get(reverse(CHANGE, args=[broadcast.run.campaign_id])).text
    assert "<th>Delivered</th><td>1</td><td>14.3 %</td>" in page
    assert "<th>Left out</th><td>1</td><td>14.3 %</td><td>unsubscribed, deleted, of another" in page
    assert "Delivered 14.3 %, failed" in page


def test_sending_and_cancelling_ask_first(business: Business, staff: Client) -> None:
    campaign = make_campaign(business, contacts=2)
    foreign = make_campaign(name="Foreign")
    for action, said in [("send_now", "Spring: Draft, 2 contacts"), ("cancel", "Spring: Draft")]:
        body = {"action": action, "_selected_action": [campaign.pk, foreign.pk]}
        page = staff.post(reverse(LIST), body).text
        assert said in page
        assert "Foreign" not in page
        campaign.refresh_from_db()
        assert campaign.status == "draft"
    nothing = staff.post(reverse(LIST), {"action": "send_now", "index": 0}, follow=True).text
    assert "Items must be selected" in nothing


def test_the_page_of_a_launched_campaign_shows_its_results(
    business: Business, staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_sending(business, contacts=4)
    broadcast = campaign.runs.get().broadcast
    BroadcastCounters.objects.filter(broadcast=broadcast).update(
        queued=0, delivered=2, failed=1, unknown=1, segments=3
    )
    with django_assert_max_num_queries(14):
        page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
    assert "<th>Delivered</th><td>2</td><td>50.0 %</td>" in page
    assert "<th>Unknown</th><td>1</td><td>25.0 %</td>" in page
    assert "Delivered 50.0 %, failed or not delivered 25.0 %, redeemed 0.0 %." in page
    assert "accepted by the gateway: 3" in page
    link = f"{reverse('admin:messaging_message_changelist')}?broadcast__id__exact={broadcast.pk}"
    assert link in page
    assert len(staff.get(link).context["cl"].result_list) == 4
    shown = staff.get(reverse(LIST)).text
    for column, count in [("delivered", 2), ("failed", 1), ("unknown", 1)]:
        assert f'<td class="field-{column}">{count}</td>' in shown


def test_one_that_was_never_launched_has_results_of_nothing(
    business: Business, staff: Client
) -> None:
    campaign = make_campaign(business, status="cancelled")
    page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
    assert "<th>All messages</th><td>0</td>" in page
    assert "Show the messages" not in page


def test_actions_call_the_services_and_say_what_was_refused(
    business: Business, staff: Client
) -> None:
    draft = make_campaign(business, name="Draft", contacts=1)
    sent = make_campaign(business, name="Old", status="cancelled")
    page = do(staff, "send_now", draft, sent)
    assert "Draft: will be sent now." in page
    assert "Old: A campaign that is cancelled cannot be sent." in page
    assert len(list(services.launch_due())) == 1
    for action, status in [("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")]:
        do(staff, action, draft)
        draft.refresh_from_db()
        assert draft.status == status
    assert "delete_selected" not in staff.get(reverse(LIST)).text


def test_a_copy_is_a_draft_to_work_on(business: Business, staff: Client) -> None:
    sent = make_sending(business)
    page = do(staff, "duplicate", sent)
    assert "Copy of Spring" in page
    copy = Campaign.objects.latest("pk")
    assert (copy.name, copy.status, copy.text) == ("Copy of Spring", "draft", sent.text)
    assert copy.created_by is not None
    do(staff, "duplicate", make_campaign(name="Foreign"))
    assert not Campaign.objects.filter(name="Copy of Foreign").exists()


class TestForm:
    def test_a_draft(self, business: Business, staff: Client) -> None:
        assert staff.get(reverse(ADD)).status_code == 200
        answer = staff.post(reverse(ADD), form(business))
        assert answer.status_code == 302
        campaign = Campaign.objects.get()
        assert (campaign.status, campaign.text, campaign.name) == ("draft", "Hi!", "Spring")
        assert campaign.created_by is not None

    def test_the_audience_by_gender_and_age(self, business: Business, staff: Client) -> None:
        make_contacts(business, 2)
        make_contact(business, "+306949999999", gender="female", birthday=date(1990, 1, 1))
        body = form(business, gender="female", age_min="18", age_max="99")
        assert staff.post(reverse(ADD), body).status_code == 302
        campaign = Campaign.objects.get()
        assert campaign.filter == {"gender": "female", "age_min": 18, "age_max": 99}
        page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
        assert 'value="18"' in page
        assert "1 contact<" in page
        staff.post(reverse(CHANGE, args=[campaign.pk]), form(business))
        campaign.refresh_from_db()
        assert campaign.filter is None

    def test_the_saved_text_is_shown_with_its_size(self, business: Business, staff: Client) -> None:
        campaign = make_campaign(business, text="Γειά σου {{first_name|φίλε}} <b>")
        page = staff.get(reverse(CHANGE, args=[campaign.pk])).text
        assert "Γειά σου φίλε &lt;b&gt;\nStop: http" in page
        assert re.search(r"SMS segments: \d; characters: \d+", page)
        assert "{{first_name}}" in page

    @pytest.mark.time_machine("2027-01-15T12:00:00Z", tick=False)
    def test_a_schedule_in_the_business_s_time_zone(
        self, business: Business, staff: Client
    ) -> None:
        body = form(business, send_date="2027-07-15", send_time="10:00")
        assert staff.post(reverse(ADD), body).status_code == 302
        campaign = Campaign.objects.get()
        assert campaign.status == "scheduled"
        assert campaign.scheduled_at is not None
        assert campaign.scheduled_at.isoformat() == "2027-07-15T07:00:00+00:00"
        url = reverse(CHANGE, args=[campaign.pk])
        assert 'value="2027-07-15"' in staff.get(url).text
        body = form(business, name="Summer", send_date="", send_time="")
        assert staff.post(url, body).status_code == 302
        campaign = Campaign.objects.get()
        assert (campaign.status, campaign.name, campaign.scheduled_at) == ("draft", "Summer", None)

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"text": ""}, "The text is empty."),
            ({"text": "Hi {{surname}}"}, "Unknown placeholder"),
            ({"send_date": "2020-01-01", "send_time": "10:00"}, "This time has passed."),
            ({"send_date": "9999-12-31", "send_time": "10:00"}, "Choose another day."),
            ({"send_date": "2027-01-01"}, "Give both a date and a time"),
            ({"gender": "x"}, "Select a valid choice."),
            ({"age_min": "30", "age_max": "20"}, "The highest age is below the lowest."),
            ({"sender": "a b"}, "A sender name is 3 to 11"),
        ],
    )
    def test_mistakes_are_named(
        self, business: Business, staff: Client, fields: dict[str, str], complaint: str
    ) -> None:
        answer = staff.post(reverse(ADD), form(business, **fields))
        assert answer.status_code == 200
        assert complaint in answer.text
        assert not Campaign.objects.exists()

    def test_rows_of_another_business_are_refused(self, business: Business) -> None:
        other = make_business()
        root = browser(User.objects.create_superuser("root@example.com", "x"))
        for fields in (
            {"contact_list": make_list(other).pk},
            {"template": make_template(other).pk, "text": ""},
        ):
            answer = root.post(reverse(ADD), form(business, **fields))
            assert "This belongs to another business." in answer.text
        assert not Campaign.objects.exists()

    def test_a_system_template_may_be_chosen(self, business: Business, staff: Client) -> None:
        template = Template.objects.create(name="Everybody's", text="Hi!")
        body = form(business, template=template.pk, text="")
        assert staff.post(reverse(ADD), body).status_code == 302
        assert Campaign.objects.get().template == template

    def test_a_campaign_under_way_is_read_only(self, business: Business, staff: Client) -> None:
        campaign = make_sending(business)
        url = reverse(CHANGE, args=[campaign.pk])
        page = staff.get(url)
        assert page.status_code == 200
        assert 'name="_save"' not in page.text
        assert staff.post(url, form(business, name="Late")).status_code == 403
        assert staff.post(reverse(DELETE, args=[campaign.pk]), {"post": "yes"}).status_code == 403

    def test_one_that_is_launched_while_it_is_edited_stays_as_it_was(
        self, business: Business, staff: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign = make_campaign(business)
        monkeypatch.setattr(services, "update_campaign", refuse)
        answer = staff.post(
            reverse(CHANGE, args=[campaign.pk]), form(business, name="Late"), follow=True
        )
        assert "under way already" in answer.text
        assert 'value="Late"' in answer.text  # what was written is not lost
        campaign.refresh_from_db()
        assert campaign.name == "Spring"

    def test_one_that_can_be_changed_no_more_is_shown_with_the_reason(
        self, business: Business, staff: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign = make_campaign(business)

        def launched(**_: object) -> Campaign:
            monkeypatch.setattr(Campaign, "EDITABLE", ())
            return refuse()

        monkeypatch.setattr(services, "update_campaign", launched)
        url = reverse(CHANGE, args=[campaign.pk])
        answer = staff.post(url, form(business, name="Late"), follow=True)
        assert answer.redirect_chain == [(url, 302)]
        assert "under way already" in answer.text

    def test_a_series_without_a_time_is_said_to_be_a_draft(
        self, business: Business, staff: Client
    ) -> None:
        page = staff.post(reverse(ADD), form(business, repeat="day"), follow=True).text
        assert "it repeats once it has a date and a time" in page
        page = staff.post(reverse(ADD), form(business), follow=True).text
        assert "it repeats" not in page

    def test_a_refused_series_keeps_what_was_written(
        self, business: Business, staff: Client
    ) -> None:
        ended = {"repeat": "day", "repeat_until": "2020-01-31"}
        when = {"send_date": f"{timezone.now().year + 1}-01-01", "send_time": "10:00"}
        page = staff.post(reverse(ADD), form(business, text="Two for one", **ended, **when))
        assert "The series ends before its first run" in page.text
        assert "Two for one" in page.text
        assert not Campaign.objects.exists()

    def test_delete(self, business: Business, staff: Client) -> None:
        campaign = make_campaign(business)
        url = reverse(DELETE, args=[campaign.pk])
        assert staff.post(url, {"post": "yes"}).status_code == 302
        assert not Campaign.objects.exists()


def refuse(**_: object) -> Campaign:
    raise services.InvalidStatus("It is under way already.")


class TestTemplates:
    def test_staff_write_their_own_only(self, business: Business, staff: Client) -> None:
        url = reverse("admin:campaigns_template_add")
        without = staff.post(url, {"business": "", "name": "Offer", "text": "Hi!"})
        assert "This field is required." in without.text
        broken = staff.post(url, {"business": business.pk, "name": "Offer", "text": "{{x}}"})
        assert "Unknown placeholder" in broken.text
        good = staff.post(url, {"business": business.pk, "name": "Offer", "text": "Hi!"})
        assert good.status_code == 302
        foreign = make_template(make_business(), "Foreign")
        assert staff.post(url, {"business": foreign.business_id, "name": "X", "text": "Hi!"}).text
        assert not Template.objects.filter(name="X").exists()
        page = staff.get(reverse("admin:campaigns_template_changelist")).text
        assert "Offer" in page
        assert foreign.name not in page

    def test_the_system_s_are_to_look_at(self, staff: Client) -> None:
        template = Template.objects.create(name="Everybody's", text="Hi!")
        page = staff.get(reverse("admin:campaigns_template_change", args=[template.pk]))
        assert "Stop: http" in page.text
        assert 'name="_save"' not in page.text
        delete = reverse("admin:campaigns_template_delete", args=[template.pk])
        assert staff.post(delete, {"post": "yes"}).status_code == 403

    def test_one_in_use_stays(self, business: Business, staff: Client) -> None:
        used, free = make_template(business), make_template(business, "Free")
        make_campaign(business, template=used)
        for template in (used, free):
            url = reverse("admin:campaigns_template_delete", args=[template.pk])
            assert staff.get(url).status_code == 200
            staff.post(url, {"post": "yes"}, follow=True)
        assert Template.objects.get(business=business) == used
