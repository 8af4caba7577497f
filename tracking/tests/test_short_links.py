"""Short links: to the stored target only, and counted once per person who followed."""

from typing import Any

import pytest
from django.test import Client

from accounts.tests.factories import make_business
from tracking.models import Click
from tracking.tests.factories import (
    SHOP,
    counted,
    engagement,
    engagement_of_list,
    make_list,
    make_message,
    make_sent,
    message_of,
    phone,
)

pytestmark = pytest.mark.django_db


def test_it_leads_to_what_was_written() -> None:
    message = make_message()
    code = f"{message.public_id}1"

    answer = phone().get(f"/s/{code}")

    assert len(code) <= 14
    assert f"/s/{code}" in message.text
    assert (answer.status_code, answer["Location"]) == (302, SHOP)
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]


def test_a_target_never_comes_from_the_request() -> None:
    code = f"{make_message().public_id}1"
    for query in ("?url=https://evil.example", "?next=//evil.example", "?target=/x&lang=el"):
        assert phone().get(f"/s/{code}{query}")["Location"] == SHOP


def test_it_counts_each_person_once_and_each_link_for_itself() -> None:
    business = make_business()
    regulars = make_list(business)
    broadcast = make_sent(
        business=business,
        text="https://a.example https://b.example",
        contacts=2,
        contact_list=regulars,
    )
    message = message_of(broadcast)

    for number in (1, 1, 1, 2):
        assert phone().get(f"/s/{message.public_id}{number}").status_code == 302

    assert engagement(broadcast) == counted(clicks=2)
    assert engagement_of_list(regulars) == counted(clicks=2)
    assert list(Click.objects.order_by("link").values_list("times", flat=True)) == [3, 1]


@pytest.mark.parametrize("code", ["x", "a" * 12, "a" * 12 + "0", "a" * 13, "a" * 15, "Ω" * 13])
def test_a_code_that_is_none_of_ours_is_a_page(code: str) -> None:
    make_sent()
    answer = phone().get(f"/s/{code}")
    assert answer.status_code == 404
    assert "not known" in answer.content.decode()


def test_a_message_has_the_links_of_its_own_text_only() -> None:
    one = make_message(text="https://a.example")
    two = make_message(text="https://b.example https://c.example")

    assert phone().get(f"/s/{one.public_id}2").status_code == 404
    assert phone().get(f"/s/{one.public_id}01").status_code == 404
    assert phone().get(f"/s/{one.public_id}1")["Location"] == "https://a.example"
    assert phone().get(f"/s/{two.public_id}2")["Location"] == "https://c.example"


def test_nobody_posts_to_it(client: Client) -> None:
    assert client.post(f"/s/{make_message().public_id}1").status_code == 405


def test_following_a_link_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    code = f"{make_message().public_id}1"
    # The message, the link, the click, the counter and its first row; and the transaction.
    with django_assert_max_num_queries(8):
        phone().get(f"/s/{code}")
    with django_assert_max_num_queries(5):
        phone().get(f"/s/{code}")
