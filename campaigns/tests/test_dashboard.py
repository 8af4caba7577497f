"""dashboard/: the business in figures, cheaply."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.cache import dashboard_key
from campaigns.tests.factories import make_automation, make_campaign, make_sending
from contacts.models import Contact
from contacts.tests.factories import make_contact, sign_up
from messaging.models import Broadcast, Message
from messaging.services import send_next_batch
from messaging.tests.factories import ScriptedGateway, accept_all
from rediskit.connection import client as redis
from tracking.services import opt_out

URL = "/api/v1/dashboard/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def figures(client: APIClient) -> Any:
    answer = client.get(URL)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_new_business_has_zeros(client: APIClient) -> None:
    shown = figures(client)
    assert set(shown) == {"contacts", "campaigns", "last_30_days"}
    assert shown["contacts"] == {"total": 0, "subscribed": 0, "unsubscribed": 0, "new": 0}
    assert set(shown["campaigns"].values()) == {0}
    assert {"draft", "scheduled", "sending", "completed"} < shown["campaigns"].keys()
    assert set(shown["last_30_days"].values()) == {0, None}


def test_everything_is_counted(business: Business, client: APIClient) -> None:
    make_automation(business)
    make_sending(business, contacts=2)
    make_campaign(business)
    sign_up(business, "+306949999991")
    make_contact(business, "+306949999992", is_subscribed=False)
    old = make_contact(business, "+306949999993")
    Contact.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    while send_next_batch(ScriptedGateway(accept_all)):
        pass
    opt_out(message=Message.objects.get(phone="+306949999991"))

    shown = figures(client)

    assert shown["contacts"] == {"total": 5, "subscribed": 3, "unsubscribed": 2, "new": 4}
    assert {name: n for name, n in shown["campaigns"].items() if n} == {"draft": 1, "completed": 1}
    messages = shown["last_30_days"]
    assert (messages["total"], messages["sent"], messages["segments"]) == (3, 3, 3)
    assert (messages["views"], messages["clicks"], messages["redemptions"]) == (0, 0, 0)
    assert messages["unsubscribes"] == 1


def test_older_messages_are_left_out(business: Business, client: APIClient) -> None:
    make_sending(business, contacts=2)
    Broadcast.objects.update(created_at=timezone.now() - timedelta(days=31))
    make_sending(business, contacts=0)
    assert figures(client)["last_30_days"]["total"] == 2


def test_the_number_of_queries_does_not_grow(business: Business, client: APIClient) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(URL, {"fresh": "1"})["X-Cache"] == "bypass"
        return len(captured)

    make_sending(business, contacts=1)
    few = queries()
    for _ in range(4):
        make_sending(business, contacts=0)
    assert queries() == few == 7  # user, membership; contacts, campaigns, three kinds of counters


def test_a_hit_asks_the_database_for_nothing_but_who_asks(
    business: Business, client: APIClient
) -> None:
    miss = client.get(URL)
    with CaptureQueriesContext(connection) as queries:
        hit = client.get(URL)
    assert (miss["X-Cache"], hit["X-Cache"], len(queries)) == ("miss", "hit", 2)
    assert hit.content == miss.content
    assert dashboard_key(business.pk) == f"cache:dashboard:v1:{business.pk}:{business.pk}"
    assert 20 < redis().ttl(dashboard_key(business.pk)) <= 30


def test_another_business_s_figures_are_its_own(business: Business, client: APIClient) -> None:
    make_sending(business, contacts=3)
    outsider = api_client(make_member(make_business()))
    assert figures(client)["contacts"]["total"] == 3
    shown = figures(outsider)
    assert shown["contacts"]["total"] == shown["last_30_days"]["total"] == 0


def test_unknown_parameters_are_refused(client: APIClient) -> None:
    answer = client.get(URL, {"days": "7"})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
