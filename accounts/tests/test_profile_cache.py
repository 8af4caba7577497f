"""The cached profile of a business: true after every way of writing it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.cache import profile_key
from accounts.models import Business
from accounts.services import businesses
from accounts.tests.factories import api_client, make_business, make_member, make_user
from rediskit.connection import client as redis

URL = "/api/v1/business/"

# The cache is left alone inside the transaction of other tests.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def business() -> Business:
    return make_business()


@pytest.fixture
def client(business: Business) -> APIClient:
    return api_client(make_member(business))


def test_a_hit_asks_the_database_for_nothing_but_who_asks(
    business: Business, client: APIClient
) -> None:
    miss = client.get(URL)
    with CaptureQueriesContext(connection) as queries:
        hit = client.get(URL)
    assert (miss["X-Cache"], hit["X-Cache"]) == ("miss", "hit")
    assert hit.content == miss.content
    assert hit["Content-Type"] == "application/json"
    assert len(queries) == 2  # the user, the membership
    assert 30 < redis().ttl(profile_key(business.pk)) <= 600


def test_fresh_goes_around_the_cache(client: APIClient) -> None:
    client.get(URL)
    fresh = client.get(URL, {"fresh": "1"})
    assert (fresh["X-Cache"], fresh.json()) == ("bypass", client.get(URL).json())
    assert client.get(URL, {"fresh": "0"})["X-Cache"] == "hit"


def by_api(client: APIClient, business: Business) -> None:
    assert client.patch(URL, {"name": "New"}).status_code == 200


def by_admin(client: APIClient, business: Business) -> None:
    staff = Client()
    staff.force_login(make_user(is_staff=True, is_superuser=True))
    form = {
        field: getattr(business, field) or ""
        for field in ("sender_name", "time_zone", "country", "quiet_from", "quiet_until")
    } | {"name": "New", "daily_message_cap": "7"}
    url = reverse("admin:accounts_business_change", args=[business.pk])
    assert staff.post(url, form).status_code == 302


def by_bulk_statement(client: APIClient, business: Business) -> None:
    assert businesses.approve_sending(business_ids=[business.pk]) == 1


def by_shell(client: APIClient, business: Business) -> None:
    business.name = "New"
    business.save()


@pytest.mark.parametrize("write", [by_api, by_admin, by_bulk_statement, by_shell])
def test_every_write_shows_at_once(write: Callable[[APIClient, Business], None]) -> None:
    business = make_business(daily_message_cap=0)
    client = api_client(make_member(business))
    before = client.get(URL)
    assert client.get(URL)["X-Cache"] == "hit"
    write(client, business)
    after = client.get(URL)
    assert after["X-Cache"] == "miss"
    assert after.content != before.content
    assert after.content == client.get(URL, {"fresh": "1"}).content


def test_what_a_request_read_before_the_write_is_not_kept(
    business: Business, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request finds its business first; another one changes it before the cache is asked."""
    find = businesses.update_business

    def change_meanwhile(self: Any, request: Any) -> None:
        other = Business.objects.get(pk=business.pk)
        find(business=other, name="New")

    monkeypatch.setattr("accounts.viewsets.BusinessMixin.check_throttles", change_meanwhile)
    answer = client.get(URL)
    monkeypatch.undo()
    assert answer.json()["name"] == "New"
    assert client.get(URL).json()["name"] == "New"


def test_nobody_is_given_anothers(client: APIClient) -> None:
    client.get(URL)
    outsider = api_client(make_member(make_business("Other")))
    assert outsider.get(URL).json()["name"] == "Other"
    assert outsider.get(URL)["X-Cache"] == "hit"
