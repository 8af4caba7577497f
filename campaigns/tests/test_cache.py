"""Cached lists, statistics and templates: where they lie, what a hit costs, whose they are."""

import pickle
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns import cache
from campaigns.cache import ListQuery
from campaigns.models import Campaign
from campaigns.tests.factories import (
    make_campaign,
    make_sending,
    make_template,
)
from rediskit.connection import client as redis

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


class TestKeys:
    def test_they_are_where_they_are_said_to_be(
        self, business: Business, client: APIClient
    ) -> None:
        campaign, me = make_campaign(business), business.pk
        client.get(CAMPAIGNS, {"status": "draft", "with_stats": "1"})
        client.get(one(campaign))
        client.get(TEMPLATES)
        for key, seconds in {
            f"campaigns:list:v1:{me}:1:10::draft::created_at:desc:true": 20,
            f"stats:campaign:v1:{me}:{campaign.pk}": 30,
            f"cache:templates:v1:{me}:1:10:": 3600,
        }.items():
            assert seconds - 10 < redis().ttl(key) <= seconds, key

    @pytest.mark.parametrize(
        ("query", "parameters"),
        [
            ({}, "1:10::::created_at:desc:false"),
            ({"page": 2, "page_size": 5}, "2:5::::created_at:desc:false"),
            ({"page": "last"}, "last:10::::created_at:desc:false"),
            ({"search": "50% off: now"}, "1:10:50%25%20off%3A%20now:::created_at:desc:false"),
            ({"search": "έ" * 32}, f"1:10:{'%CE%AD' * 32}:::created_at:desc:false"),
            ({"status": ["sending", "draft"]}, "1:10::draft%2Csending::created_at:desc:false"),
            ({"date_from": date(2026, 7, 1)}, "1:10:::2026-07-01..:created_at:desc:false"),
            ({"date_to": date(2026, 7, 1)}, "1:10:::..2026-07-01:created_at:desc:false"),
            ({"ordering": ["name", "-status"]}, "1:10::::name%2Cstatus:asc%2Cdesc:false"),
            ({"with_stats": True}, "1:10::::created_at:desc:true"),
        ],
    )
    def test_eight_parameters(self, query: dict[str, Any], parameters: str) -> None:
        key = cache.list_key(7, ListQuery(**{"page": 1, "page_size": 10} | query))
        assert key == f"campaigns:list:v1:7:{parameters}"
        assert key.removeprefix("campaigns:list:v1:7:").count(":") == 7

    def test_a_long_search_stands_as_its_hash(self) -> None:
        def key(search: str) -> str:
            return cache.list_key(7, ListQuery(page=1, page_size=10, search=search))

        long = "έ" * 33
        assert long not in key(long)
        assert len(key(long * 1000)) == len(key(long)) < 150
        hashed = key(long).split(":")[6]
        assert key(hashed) != key(long) != key(long + "!")

    def test_spellings_of_one_question_share_a_key(
        self, business: Business, client: APIClient
    ) -> None:
        make_campaign(business)
        client.get(CAMPAIGNS)
        for query in (
            "?page=1", "?page=01", "?page_size=10", "?q=", "?q=%20", "?ordering=-created_at",
            "?with_stats=0", "?with_stats=false", "?date_from=", "?fresh=0",
        ):  # fmt: skip
            assert client.get(CAMPAIGNS + query)["X-Cache"] == "hit", query


@pytest.mark.parametrize("query", ["", "?with_stats=1", "?q=spring&status=draft&page_size=3"])
def test_a_hit_of_the_list_asks_the_database_for_nothing_but_who_asks(
    business: Business, client: APIClient, query: str
) -> None:
    for number in range(4):
        make_campaign(business, name=f"Spring {number}")
    miss = client.get(CAMPAIGNS + query)
    with CaptureQueriesContext(connection) as queries:
        hit = client.get(CAMPAIGNS + query)
    assert (miss["X-Cache"], hit["X-Cache"]) == ("miss", "hit")
    assert hit.content == miss.content
    assert hit["Content-Type"] == "application/json"
    assert len(queries) == 2  # the user, the membership
    fresh = client.get(CAMPAIGNS + query, {"fresh": "1"} if not query else None)
    assert len(fresh.json()["results"]) == len(hit.json()["results"])


@pytest.mark.parametrize("path", [TEMPLATES, "stats", "many"])
def test_other_hits_do_so_too(business: Business, client: APIClient, path: str) -> None:
    campaign = make_sending(business)
    url = {"stats": one(campaign), "many": f"{MANY}?ids={campaign.pk}"}.get(path, path)
    miss = client.get(url)
    with CaptureQueriesContext(connection) as queries:
        hit = client.get(url)
    assert (miss["X-Cache"], hit["X-Cache"]) == ("miss", "hit")
    assert hit.content == miss.content
    assert len(queries) == 2


def test_statistics_of_one_and_of_many_share_their_values(
    business: Business, client: APIClient
) -> None:
    first, second = make_sending(business), make_campaign(business)
    alone = client.get(one(first))
    together = client.get(MANY, {"ids": f"{second.pk},{first.pk}"})
    assert together["X-Cache"] == "miss"
    assert together.json() == {
        str(first.pk): alone.json(),
        str(second.pk): together.json()[str(second.pk)],
    }
    assert list(together.json()) == sorted([str(first.pk), str(second.pk)], key=int)
    assert client.get(one(second))["X-Cache"] == "hit"


def test_links_are_those_of_the_request(
    business: Business, client: APIClient, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["a.example", "b.example"]
    for number in range(3):
        make_campaign(business, name=f"{number}")
    query = {"page": 2, "page_size": 1}
    at_a = client.get(CAMPAIGNS, query, headers={"host": "a.example"})
    at_b = client.get(CAMPAIGNS, query | {"q": ""}, headers={"host": "b.example"})
    assert at_b["X-Cache"] == "hit"
    assert at_a.json()["next"] == "http://a.example/api/v1/campaigns/?page=3&page_size=1"
    assert at_b.json()["next"] == "http://b.example/api/v1/campaigns/?page=3&page_size=1&q="
    assert at_b.json()["previous"] == "http://b.example/api/v1/campaigns/?page_size=1&q="
    assert list(at_b.json()) == ["count", "next", "previous", "results"]
    fresh = client.get(CAMPAIGNS, query | {"fresh": "1"}, headers={"host": "a.example"})
    assert fresh.json()["results"] == at_b.json()["results"]


class TestIsolation:
    def test_outsiders_have_their_own(self, business: Business, client: APIClient) -> None:
        campaign = make_sending(business)
        make_template(business, "Mine")
        outsider = api_client(make_member(make_business()))
        for url in (CAMPAIGNS, TEMPLATES):
            assert client.get(url).json()["count"] > outsider.get(url).json()["count"]
        for url in (one(campaign), f"{MANY}?ids={campaign.pk}"):
            assert client.get(url).status_code == 200
            assert outsider.get(url).status_code == outsider.get(url).status_code == 404

    def test_a_hit_is_for_those_who_may_ask(self, business: Business, client: APIClient) -> None:
        client.get(CAMPAIGNS)
        till = api_client(make_member(business, role="till"))
        assert till.get(CAMPAIGNS).status_code == 403
        assert APIClient().get(CAMPAIGNS).status_code == 401

    def test_what_does_not_exist_is_asked_for_again(
        self, business: Business, client: APIClient
    ) -> None:
        after = make_campaign(business).pk + 1
        assert client.get(f"{CAMPAIGNS}{after}/stats/").status_code == 404
        assert client.get(CAMPAIGNS, {"page": 2}).status_code == 404
        assert make_campaign(business).pk == after
        assert client.get(f"{CAMPAIGNS}{after}/stats/").status_code == 200

    @pytest.mark.parametrize("pk", ["9" * 19, "9" * 30, "9" * 5000])
    def test_an_id_beyond_all_ids(self, client: APIClient, pk: str) -> None:
        assert client.get(f"{CAMPAIGNS}{pk}/stats/").status_code == 404


@pytest.mark.parametrize(
    "poison", [pickle.dumps(Exception), b"", b"{}", b"\x00\xff", b"a b\n{}", b"x" * 10_000]
)
def test_poison_is_computed_anew(business: Business, client: APIClient, poison: bytes) -> None:
    campaign = make_campaign(business)
    paths = (CAMPAIGNS, TEMPLATES, one(campaign))
    answers = {path: client.get(path).content for path in paths}
    for key in (
        cache.list_key(business.pk, ListQuery(page=1, page_size=10)),
        cache.templates_key(business.pk, page=1, page_size=10, search=""),
        cache.statistics_key(business.pk, campaign.pk),
    ):
        redis().set(key, poison, ex=60)
    for path, content in answers.items():
        answer = client.get(path)
        assert (answer["X-Cache"], answer.content) == ("miss", content)
        assert client.get(path)["X-Cache"] == "hit"
