"""What people do, and who comes and goes, shows at once in the cached figures."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Business, User
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import services
from campaigns.models import Campaign
from campaigns.tests.factories import (
    finish,
    make_automation,
    make_campaign,
    make_sending,
)
from contacts.models import Consent, Contact
from contacts.services import confirm_opt_in, delete_contact, resubscribe, unsubscribe
from contacts.tests.factories import finish as finish_import
from contacts.tests.factories import make_contact, make_import, sign_up
from messaging.models import Message
from tracking import services as tracking
from tracking.models import Redemption

CAMPAIGNS = "/api/v1/campaigns/"
DASHBOARD = "/api/v1/dashboard/"
PHONE = "+306949999999"

# The cache is left alone inside the transaction of other tests.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def user(business: Business) -> User:
    return make_member(business)


@pytest.fixture
def client(user: User) -> APIClient:
    return api_client(user)


class Figures:
    """The cached answers, and what of them has moved since they were read last."""

    def __init__(self, client: APIClient, *urls: str) -> None:
        self.client, self.urls = client, urls
        self.before = self.read()

    def read(self) -> list[Any]:
        answers = [self.client.get(url) for url in self.urls]
        for url, answer in zip(self.urls, answers, strict=True):
            assert answer.status_code == 200
            assert answer.content == self.client.get(url, {"fresh": "1"}).content, url
            assert self.client.get(url)["X-Cache"] == "hit"
        return [answer.json() for answer in answers]

    def have_moved(self) -> list[bool]:
        before, self.before = self.before, self.read()
        return [old != new for old, new in zip(before, self.before, strict=True)]


def test_what_people_do_with_a_campaign(business: Business, user: User, client: APIClient) -> None:
    campaign = make_sending(
        business, text="{{offer_link}} https://shop.example/", offer_title="20 % off"
    )
    finish(campaign)
    message = Message.objects.select_related("broadcast__business").get()
    link = message.broadcast.short_links.get()
    till: Any = {"business_id": business.pk, "code": message.public_id, "user": user}
    evidence = tracking.Evidence(channel=Redemption.Channel.API)
    figures = Figures(client, f"{CAMPAIGNS}{campaign.pk}/stats/", DASHBOARD)

    def counts() -> list[int]:
        stats, dashboard = figures.before
        listed = client.get(CAMPAIGNS, {"with_stats": "1"}).json()["results"][0]["stats"]
        names = ("views", "clicks", "redemptions", "unsubscribes")
        assert listed == stats
        assert {name: dashboard["last_30_days"][name] for name in names}.items() <= stats.items()
        return [stats[name] for name in names]

    steps: list[tuple[Callable[[], object], list[int]]] = [
        (lambda: tracking.record_view(message=message), [1, 0, 0, 0]),
        (lambda: tracking.record_click(message=message, link=link), [1, 1, 0, 0]),
        (lambda: tracking.redeem(evidence=evidence, **till), [1, 1, 1, 0]),
        (lambda: tracking.undo_redemption(**till), [1, 1, 0, 0]),
        (lambda: tracking.redeem(evidence=evidence, **till), [1, 1, 1, 0]),
        (lambda: tracking.opt_out(message=message), [1, 1, 1, 1]),
        (lambda: tracking.undo_opt_out(message=message), [1, 1, 1, 0]),
    ]
    for act, expected in steps:
        act()
        assert figures.have_moved() == [True, True]
        assert counts() == expected
        act()  # again, which counts nothing more
        figures.have_moved()
        assert counts() == expected


def test_a_welcome_shows_in_its_automation(business: Business, client: APIClient) -> None:
    automation = make_automation(business, text="Hi {{offer_link}}", offer_title="x")
    figures = Figures(client, f"/api/v1/automations/{automation.pk}/stats/", DASHBOARD)
    sign_up(business, PHONE)
    assert figures.have_moved() == [True, True]
    tracking.record_view(message=Message.objects.select_related("broadcast").get())
    assert figures.have_moved() == [True, True]
    services.update_automation(automation=automation, is_active=False)
    sign_up(business, "+306949999998")
    assert figures.have_moved() == [False, True]


def stop(business: Business) -> None:
    unsubscribe(business_id=business.pk, phone=PHONE, source=Consent.Source.API)


CONTACT_WRITES: dict[str, Callable[[Business, APIClient], object]] = {
    "api": lambda _, client: client.post("/api/v1/contacts/", {"phone": "+306949999990"}),
    "api unsubscribe": lambda _, client: client.post(
        f"/api/v1/contacts/{Contact.objects.get().pk}/unsubscribe/"
    ),
    "stop": lambda business, _: stop(business),
    "delete": lambda business, _: delete_contact(contact=business.contacts.get()),
    "import": lambda business, _: finish_import(
        make_import("phone\n+306949999990\n", business=business)
    ),
    "sign up": lambda business, _: sign_up(business, "+306949999990"),
    "shell": lambda *_: Contact.objects.get().delete(),
}


@pytest.mark.parametrize("name", CONTACT_WRITES)
def test_every_write_of_contacts_shows_in_the_dashboard(
    business: Business, client: APIClient, name: str
) -> None:
    make_contact(business, PHONE)
    figures = Figures(client, DASHBOARD)
    CONTACT_WRITES[name](business, client)
    assert figures.have_moved() == [True]


@pytest.mark.parametrize("way_back", ["undo", "confirmation"])
def test_a_way_back_shows_in_the_dashboard(
    business: Business, client: APIClient, way_back: str
) -> None:
    make_contact(business, PHONE)
    stop(business)
    token = sign_up(business, PHONE).token
    assert token is not None
    figures = Figures(client, DASHBOARD)
    if way_back == "undo":
        assert resubscribe(business_id=business.pk, phone=PHONE, source=Consent.Source.UNDO)
    else:
        assert confirm_opt_in(token=token) is not None
    assert figures.have_moved() == [True]
    assert figures.before[0]["contacts"]["subscribed"] == 1


def test_a_campaign_s_steps_show_in_the_dashboard(business: Business, client: APIClient) -> None:
    campaign: Campaign = make_campaign(business, contacts=1)
    figures = Figures(client, DASHBOARD)
    for action in ("send", "unschedule"):
        assert client.post(f"{CAMPAIGNS}{campaign.pk}/{action}/").status_code in {200, 202}
        assert figures.have_moved() == [True]
