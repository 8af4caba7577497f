"""Every way of writing shows at once in the cached lists, statistics and templates."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member, make_user
from campaigns import services
from campaigns.models import Campaign, Template
from campaigns.tests.factories import (
    expand,
    finish,
    make_campaign,
    make_due,
    make_sending,
    make_series,
    make_template,
)

CAMPAIGNS = "/api/v1/campaigns/"
MANY = "/api/v1/campaigns/stats/"
TEMPLATES = "/api/v1/templates/"

# The cache is left alone inside the transaction of other tests.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def one(campaign: Campaign) -> str:
    return f"{CAMPAIGNS}{campaign.pk}/stats/"


Write = Callable[[APIClient, Campaign], object]


def post(action: str, **body: object) -> Write:
    return lambda client, campaign: _ok(client.post(f"{CAMPAIGNS}{campaign.pk}/{action}/", body))


def _ok(answer: Any) -> None:
    assert answer.status_code < 300, answer.content


def admin_action(action: str) -> Write:
    def act(_: APIClient, campaign: Campaign) -> None:
        body = {"action": action, "_selected_action": [campaign.pk], "confirmed": "yes"}
        _ok(_superuser().post(reverse("admin:campaigns_campaign_changelist"), body, follow=True))

    return act


def admin_edit(_: APIClient, campaign: Campaign) -> None:
    url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    _ok(_superuser().post(url, {"name": "By admin", "text": "Hi!"}, follow=True))


def admin_delete(_: APIClient, campaign: Campaign) -> None:
    url = reverse("admin:campaigns_campaign_delete", args=[campaign.pk])
    _ok(_superuser().post(url, {"post": "yes"}, follow=True))


def _superuser() -> Client:
    browser = Client()
    browser.force_login(make_user(is_staff=True, is_superuser=True))
    return browser


DRAFT: dict[str, Write] = {
    "create": lambda client, _: _ok(client.post(CAMPAIGNS, {"name": "Second", "text": "Hi!"})),
    "edit": lambda client, it: _ok(client.patch(f"{CAMPAIGNS}{it.pk}/", {"name": "Other"})),
    "delete": lambda client, it: _ok(client.delete(f"{CAMPAIGNS}{it.pk}/")),
    "duplicate": post("duplicate"),
    "send": post("send"),
    "schedule": post("schedule", scheduled_at=f"{timezone.now().year + 1}-07-15T10:00:00Z"),
    "admin edit": admin_edit,
    "admin delete": admin_delete,
    "admin send": admin_action("send_now"),
    "shell": lambda _, it: it.delete(),
}
DUE: dict[str, Write] = {
    "unschedule": post("unschedule"),
    "cancel": post("cancel"),
    "launch": lambda *_: list(services.launch_due()),
    "admin cancel": admin_action("cancel"),
}
LATE: dict[str, Write] = {"leave out": lambda *_: list(services.launch_due())}
SENDING: dict[str, Write] = {
    "pause": post("pause"),
    "cancel": post("cancel"),
    "finish": lambda _, it: finish(it),
    "admin pause": admin_action("pause"),
}


def make_late(business: Business, **fields: Any) -> Campaign:
    """A run of a series that will not be."""
    return make_series(business, ago=timedelta(hours=7), **fields)


WRITES = [
    *((make_campaign, write) for write in DRAFT.items()),
    *((make_due, write) for write in DUE.items()),
    *((make_late, write) for write in LATE.items()),
    *((make_sending, write) for write in SENDING.items()),
]


@pytest.mark.parametrize(
    ("make", "write"),
    WRITES,
    ids=lambda value: value[0] if isinstance(value, tuple) else value.__name__,
)
def test_every_write_shows_in_the_list_at_once(
    business: Business,
    client: APIClient,
    make: Callable[..., Campaign],
    write: tuple[str, Write],
) -> None:
    campaign = make(business, contacts=2)
    before = {query: client.get(CAMPAIGNS + query) for query in ("", "?with_stats=1")}
    write[1](client, campaign)
    for query, old in before.items():
        answer = client.get(CAMPAIGNS + query)
        assert answer["X-Cache"] == "miss"
        assert answer.content != old.content
        assert answer.json() == client.get(CAMPAIGNS + query).json()


def test_statistics_follow_the_engine(business: Business, client: APIClient) -> None:
    campaign = make_due(business, contacts=3)

    def totals() -> list[int]:
        alone = client.get(one(campaign))
        assert alone["X-Cache"] == "miss", "stale"
        assert client.get(MANY, {"ids": campaign.pk}).json() == {str(campaign.pk): alone.json()}
        listed = client.get(CAMPAIGNS, {"with_stats": "1"}).json()["results"][0]["stats"]
        assert listed == alone.json()
        return [alone.json()[name] for name in ("total", "queued", "sent")]

    assert totals() == [0, 0, 0]
    [broadcast_id] = services.launch_due()
    assert totals() == [0, 0, 0]
    expand(broadcast_id)
    assert totals() == [3, 3, 0]
    finish(campaign)
    assert totals() == [3, 0, 3]


def test_statistics_of_a_deleted_campaign_are_gone(business: Business, client: APIClient) -> None:
    campaign = make_campaign(business)
    assert client.get(one(campaign)).status_code == 200
    services.delete_campaign(campaign=campaign)
    assert client.get(one(campaign)).status_code == 404
    assert client.get(MANY, {"ids": campaign.pk}).status_code == 404


def test_days_follow_the_time_zone_of_the_business(business: Business, client: APIClient) -> None:
    make_campaign(business, created_at="2026-07-09T21:30:00Z")
    day = {"date_from": "2026-07-10", "date_to": "2026-07-10"}
    assert client.get(CAMPAIGNS, day).json()["count"] == 1
    _ok(client.patch("/api/v1/business/", {"time_zone": "UTC"}))
    assert client.get(CAMPAIGNS, day).json()["count"] == 0


def template_admin(name: str, *ids: int) -> str:
    return reverse(f"admin:campaigns_template_{name}", args=ids)


TEMPLATE_WRITES: dict[str, Callable[[APIClient, Template], object]] = {
    "create": lambda client, _: _ok(client.post(TEMPLATES, {"name": "Second", "text": "Hi!"})),
    "edit": lambda client, it: _ok(client.patch(f"{TEMPLATES}{it.pk}/", {"text": "Bye!"})),
    "delete": lambda client, it: _ok(client.delete(f"{TEMPLATES}{it.pk}/")),
    "admin edit": lambda _, it: _ok(
        _superuser().post(
            template_admin("change", it.pk), {"name": "By admin", "text": "Hi!"}, follow=True
        )
    ),
    "admin delete": lambda _, it: _ok(
        _superuser().post(template_admin("delete", it.pk), {"post": "yes"}, follow=True)
    ),
    "admin add of the system's": lambda *_: _ok(
        _superuser().post(template_admin("add"), {"name": "For all", "text": "Hi!"}, follow=True)
    ),
    "shell": lambda _, it: Template.objects.filter(pk=it.pk).delete(),
}


@pytest.mark.parametrize("name", TEMPLATE_WRITES)
def test_every_write_shows_in_the_templates_at_once(
    business: Business, client: APIClient, name: str
) -> None:
    template = make_template(business)
    before = client.get(TEMPLATES)
    assert client.get(TEMPLATES)["X-Cache"] == "hit"
    TEMPLATE_WRITES[name](client, template)
    after = client.get(TEMPLATES)
    assert after["X-Cache"] == "miss"
    assert after.content != before.content


def test_a_search_among_templates_is_cached_for_itself(
    business: Business, client: APIClient
) -> None:
    Template.objects.filter(business=None).delete()
    for name in ("Spring", "Winter"):
        make_template(business, name)
    assert client.get(TEMPLATES).json()["count"] == 2
    assert client.get(TEMPLATES, {"q": "spring"}).json()["count"] == 1
    again = client.get(TEMPLATES, {"q": " spring "})
    assert (again["X-Cache"], again.json()["count"]) == ("hit", 1)
