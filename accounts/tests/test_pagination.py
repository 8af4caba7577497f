"""Pages and cursors, and what a client may do to them."""

from base64 import b64encode
from typing import Any

import pytest
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import User
from accounts.pagination import NewestFirst, Pages
from accounts.tests.factories import make_user

pytestmark = pytest.mark.django_db


def read(paginator: Any, **query: Any) -> Any:
    request = Request(APIRequestFactory().get("/", query))
    page = paginator.paginate_queryset(User.objects.order_by("id"), request)
    return paginator.get_paginated_response([user.pk for user in page]).data


def test_pages_count_and_link() -> None:
    users = [make_user().pk for _ in range(12)]

    first = read(Pages())
    second = read(Pages(), page=2)

    assert (first["count"], first["results"], first["previous"]) == (12, users[:10], None)
    assert "page=2" in first["next"]
    assert (second["results"], second["next"]) == (users[10:], None)


def test_a_cursor_goes_down_to_the_first_row_though_newer_ones_arrive() -> None:
    users = [make_user().pk for _ in range(5)]
    first = read(NewestFirst(), page_size=3)
    make_user()

    cursor = first["next"].partition("cursor=")[2].partition("&")[0]
    second = read(NewestFirst(), page_size=3, cursor=cursor.replace("%3D", "="))

    assert first["results"] + second["results"] == users[::-1]
    assert set(first) == {"next", "previous", "results"}


@pytest.mark.parametrize("paginator", [Pages, NewestFirst])
def test_pages_hold_a_hundred_at_most(paginator: Any) -> None:
    User.objects.bulk_create(User(email=f"{number}@example.com") for number in range(101))

    assert len(read(paginator(), page_size=1000)["results"]) == 100


@pytest.mark.parametrize("paginator", [Pages, NewestFirst])
@pytest.mark.parametrize("size", ["0", "-1", "x", "", "1.5", "9" * 30, "²"])
def test_a_malformed_page_size_is_refused(paginator: Any, size: str) -> None:
    with pytest.raises(ValidationError):
        read(paginator(), page_size=size)


@pytest.mark.parametrize("position", ["p=x", "p=-1", "p=1e9", "p=" + "9" * 30, "o=x", "p=1;"])
def test_a_forged_cursor_is_refused(position: str) -> None:
    make_user()

    with pytest.raises(NotFound):
        read(NewestFirst(), cursor=b64encode(position.encode()).decode())


def test_a_cursor_beyond_the_range_of_ids_is_no_crash() -> None:
    user = make_user()

    page = read(NewestFirst(), cursor=b64encode(b"p=" + b"9" * 19).decode())

    assert page["results"] == [user.pk]
