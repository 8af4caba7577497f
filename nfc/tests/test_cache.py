"""What visitors are shown of a tag is cached, and never older than the last change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Business
from accounts.tests.factories import api_client, make_business, make_member
from campaigns.tests.readers import redis_away
from nfc import cache, services
from nfc.models import OptInForm, Scan, Tag
from nfc.tests.factories import make_form, make_tag, visitor
from rediskit.connection import client as redis
from rediskit.models import Invalidation

# The cache is left alone inside the transaction of other tests.
pytestmark = pytest.mark.django_db(transaction=True)

CRAWLER = {"User-Agent": "Googlebot/2.1", "Accept-Language": "en"}


@pytest.fixture
def business() -> Business:
    return make_business("Ann's")


@pytest.fixture
def tag(business: Business) -> Tag:
    return make_tag(business)


def config(tag: Tag) -> Any:
    return Client(headers=CRAWLER).get(f"{tag.path}config/")


def test_it_is_where_it_is_said_to_be(business: Business, tag: Tag) -> None:
    config(tag)
    ttl = redis().ttl(f"cache:tag:v1:{business.pk}:{tag.public_id}")
    assert 3590 < ttl <= 3600


def test_a_hit_asks_the_database_for_nothing(tag: Tag) -> None:
    miss = config(tag)
    with CaptureQueriesContext(connection) as queries:
        hit = config(tag)
    assert (miss["X-Cache"], hit["X-Cache"]) == ("miss", "hit")
    assert hit.content == miss.content
    assert len(queries) == 0


def test_a_tap_costs_its_scan_and_no_more(tag: Tag) -> None:
    visitor().get(tag.path)
    with CaptureQueriesContext(connection) as queries:
        assert visitor().get(tag.path).status_code == 200
    statements = [query["sql"].partition(" ")[0] for query in queries]
    assert statements.count("INSERT") == 1
    assert statements.count("SELECT") <= 1  # the logo


def test_fresh_asks_the_database(tag: Tag) -> None:
    config(tag)
    answer = Client(headers=CRAWLER).get(f"{tag.path}config/", {"fresh": "1"})
    assert answer["X-Cache"] == "bypass"


def _by_api(path: str, change: dict[str, Any]) -> Callable[[Tag], None]:
    def write(tag: Tag) -> None:
        client = api_client(make_member(tag.business))
        url = f"/api/v1/{path.format(tag=tag.pk, form=tag.form_id)}"
        assert client.patch(url, change).status_code == 200

    return write


def _exchange_form(tag: Tag) -> None:
    services.update_tag(tag=tag, form=make_form(tag.business, consent_text="Another form."))


WRITES: dict[str, tuple[Callable[[Tag], None], Callable[[Any], Any], Any]] = {
    "the tag is tried out": (
        _by_api("nfc/tags/{tag}/", {"status": "test"}),
        lambda answer: answer["is_test"],
        True,
    ),
    "the tag is switched off": (
        _by_api("nfc/tags/{tag}/", {"status": "inactive"}),
        lambda answer: answer["code"],
        "TAG_INACTIVE",
    ),
    "the tag is deleted": (
        lambda tag: services.delete_tag(tag=tag),
        lambda answer: answer["code"],
        "TAG_NOT_FOUND",
    ),
    "the tag gets another form": (
        _exchange_form,
        lambda answer: answer["form"]["consent_text"],
        "Another form.",
    ),
    "the form changes": (
        _by_api("nfc/forms/{form}/", {"consent_text": "New words."}),
        lambda answer: (answer["form"]["consent_text"], answer["form"]["version"]),
        ("New words.", 2),
    ),
    "the business changes": (
        _by_api("business/", {"name": "Bob's"}),
        lambda answer: answer["business"]["name"],
        "Bob's",
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_nothing_old_is_shown_after(tag: Tag, write: str) -> None:
    change, shown, expected = WRITES[write]
    assert config(tag)["X-Cache"] == "miss"
    assert config(tag)["X-Cache"] == "hit"
    change(tag)
    assert shown(config(tag).json()) == expected


def test_a_switched_off_tag_is_cached_as_such(business: Business) -> None:
    tag = make_tag(business, status="inactive")
    config(tag)
    with CaptureQueriesContext(connection) as queries:
        assert config(tag).json()["code"] == "TAG_INACTIVE"
    assert len(queries) == 0


def test_another_business_s_change_leaves_it(tag: Tag) -> None:
    config(tag)
    make_tag(make_business())
    assert config(tag)["X-Cache"] == "hit"


def test_a_change_while_redis_is_away_is_remembered(tag: Tag) -> None:
    assert tag.form is not None
    config(tag)
    with redis_away():
        services.update_form(form=tag.form, consent_text="New words.")
        assert config(tag).json()["form"]["consent_text"] == "New words."
    assert Invalidation.objects.filter(generation=cache.tags_generation(tag.business_id)).exists()


def test_the_page_is_there_without_redis(tag: Tag) -> None:
    with redis_away():
        assert visitor().get(tag.path).status_code == 200
    assert Scan.objects.get().kind == "tap"


def test_a_tag_that_is_gone_counts_no_tap(tag: Tag) -> None:
    """Deleted by a statement that tells nobody, so that the cache still shows it."""
    config(tag)
    Tag.objects.filter(pk=tag.pk)._raw_delete("default")
    assert visitor().get(tag.path).status_code == 200
    assert not Scan.objects.exists()


def test_what_is_cached_can_be_shown_in_every_language(business: Business) -> None:
    tag = make_tag(business)
    for language in ("el", "en", "el"):
        answer = Client(headers=CRAWLER).get(f"{tag.path}config/", {"lang": language})
        assert answer.json()["form"]["language"] == language
    assert OptInForm.objects.count() == 1
