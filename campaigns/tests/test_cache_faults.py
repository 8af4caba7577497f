"""Faults that let an older answer be seen (docs/redis.md): for how long, and the remedy."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.cache import business_generation, profile_key
from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.cache import (
    ListQuery,
    campaigns_generation,
    list_key,
    templates_generation,
    templates_key,
)
from campaigns.models import Campaign, Template
from campaigns.tests.factories import make_campaign, make_template
from rediskit.connection import client as redis

pytestmark = pytest.mark.django_db(transaction=True)
LIST, TEMPLATES, PROFILE = "/api/v1/campaigns/", "/api/v1/templates/", "/api/v1/business/"


@pytest.fixture
def business() -> Business:
    business = make_business(name="Old")
    make_campaign(business, name="Old")
    make_template(business, "Old")
    return business


@pytest.fixture
def client(business: Business) -> APIClient:
    """Everything is in the cache."""
    client = api_client(make_member(business))
    for path in (LIST, TEMPLATES, PROFILE):
        assert "Old" in client.get(path).content.decode()
        assert client.get(path)["X-Cache"] == "hit"
    return client


def change_past_tapline(business: Business) -> None:
    """As SQL by hand would: no signal is sent."""
    Campaign.objects.filter(business=business).update(name="New")
    Template.objects.filter(business=business).update(name="New")
    Business.objects.filter(pk=business.pk).update(name="New")


def generations(business: Business) -> dict[str, bytes | None]:
    of = (campaigns_generation, templates_generation, business_generation)
    names = [function(business.pk) for function in of]
    return dict(zip(names, redis().mget(names), strict=True))  # type: ignore[arg-type]


def lose_the_deletes(business: Business) -> None:
    """As a failover to a replica that lagged behind: what was deleted is there again."""
    kept = generations(business)
    for model in (Campaign, Template):
        row = model.objects.filter(business=business).get()
        row.name = "New"
        row.save(update_fields=["name"])
    business.name = "New"
    business.save(update_fields=["name"])
    assert set(generations(business).values()) == {None}
    redis().mset({name: token for name, token in kept.items() if token})


@pytest.mark.parametrize("fault", [change_past_tapline, lose_the_deletes])
def test_an_older_answer_lasts_as_long_as_its_ttl_or_until_tokens_are_cleared(
    business: Business, client: APIClient, fault: Callable[[Business], None]
) -> None:
    fault(business)

    for path, key, name in (
        (LIST, list_key(business.pk, ListQuery(page=1, page_size=10)), "campaign_list"),
        (TEMPLATES, templates_key(business.pk, page=1, page_size=10, search=""), "templates"),
        (PROFILE, profile_key(business.pk), "profile"),
    ):
        assert "Old" in client.get(path).content.decode()
        assert "New" in client.get(path, {"fresh": "1"}).content.decode()
        assert 0 < redis().ttl(key) <= settings.CACHE_TTLS[name]

    call_command("cache_clear", prefix="gen:")

    for path in (LIST, TEMPLATES, PROFILE):
        assert "New" in client.get(path).content.decode()
