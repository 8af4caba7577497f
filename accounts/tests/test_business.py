"""Profile, business, and which business a request is about."""

from typing import Any

import pytest
from django.db import IntegrityError
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Role, User
from accounts.tests.factories import api_client, make_business, make_member, make_user

pytestmark = pytest.mark.django_db


def test_me_reads_and_changes_the_profile() -> None:
    business = make_business("Bakery")
    client = api_client(make_member(business, Role.TILL, email="ann@example.com"))

    answer = client.patch("/api/v1/me/", {"full_name": "Ann"})

    assert answer.json() == client.get("/api/v1/me/").json()
    assert answer.json()["full_name"] == "Ann"
    assert answer.json()["businesses"] == [{"id": business.pk, "name": "Bakery", "role": "till"}]


def test_me_does_not_change_what_it_must_not() -> None:
    user = make_user("ann@example.com")

    api_client(user).patch("/api/v1/me/", {"email": "eve@example.com"})
    answer = api_client(user).patch("/api/v1/me/", {"is_staff": True})

    assert answer.json()["code"] == "VALIDATION_ERROR"
    user.refresh_from_db()
    assert (user.email, user.is_staff) == ("ann@example.com", False)


def test_a_manager_changes_the_business() -> None:
    business = make_business()
    client = api_client(make_member(business, Role.MANAGER))
    changes = {
        "name": "New name",
        "sender_name": "New",
        "time_zone": "Europe/Berlin",
        "country": "DE",
        "quiet_from": "21:00:00",
        "quiet_until": "09:00:00",
        "frequency_cap_messages": 4,
        "frequency_cap_days": 7,
    }

    answer = client.patch("/api/v1/business/", changes)

    assert answer.status_code == 200
    assert answer.json().items() >= changes.items()
    assert client.get("/api/v1/business/").json() == answer.json()


def test_the_till_only_looks() -> None:
    client = api_client(make_member(make_business(), Role.TILL))

    assert client.get("/api/v1/business/").status_code == 200
    assert client.patch("/api/v1/business/", {"name": "X"}).json()["code"] == "FORBIDDEN"


def test_nobody_lifts_the_own_cap_or_pace() -> None:
    business = make_business(daily_message_cap=0, pace=5)
    client = api_client(make_member(business))

    for changes in ({"daily_message_cap": 9}, {"pace": None}):
        client.patch("/api/v1/business/", changes)

    business.refresh_from_db()
    assert (business.daily_message_cap, business.pace) == (0, 5)


def test_a_frequency_cap_is_taken_off_by_both_its_numbers() -> None:
    business = make_business(frequency_cap_messages=4, frequency_cap_days=7)
    client = api_client(make_member(business))

    assert client.patch("/api/v1/business/", {"frequency_cap_days": None}).status_code == 400
    none = {"frequency_cap_messages": None, "frequency_cap_days": None}
    assert client.patch("/api/v1/business/", none).status_code == 200
    assert client.get("/api/v1/business/").json().items() >= none.items()


@pytest.mark.parametrize(
    "fields",
    [{"pace": 0}, {"frequency_cap_messages": 1}, {"frequency_cap_days": 1}],
)
def test_the_database_refuses_half_a_cap_and_no_pace_at_all(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        make_business(**fields)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"sender_name": "a b c"}, "/sender_name"),
        ({"sender_name": "Sto\nre"}, "/sender_name"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
        ({"time_zone": "localtime"}, "/time_zone"),  # a name that the database does not know
        ({"country": "Greece"}, "/country"),
        ({"quiet_from": "21:00"}, "/quiet_until"),
        ({"quiet_from": "21:00", "quiet_until": "21:00"}, "/quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "09:00"}, "/quiet_from"),
        ({"frequency_cap_messages": 3}, "/frequency_cap_days"),
        ({"frequency_cap_messages": 3, "frequency_cap_days": 91}, "/frequency_cap_days"),
        ({"frequency_cap_messages": 0, "frequency_cap_days": 7}, "/frequency_cap_messages"),
        ({"name": "\x00"}, "/name"),
        ({"volume": "loud"}, "/volume"),
        ({"colour": "red"}, "/colour"),
        ({"colour": "#12345g"}, "/colour"),
        ({"colour": ""}, "/colour"),
        ({"signup_countries": ["GR", "Cyprus"]}, "/signup_countries/1"),
        ({"signup_countries": "GR"}, "/signup_countries"),
        ({"daily_signup_cap": -1}, "/daily_signup_cap"),
        ({"link_domain": "https://go.example.com"}, "/link_domain"),
        ({"link_domain": "go.example.com/x"}, "/link_domain"),
        ({"link_domain": "evil.example.org"}, "/link_domain"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], pointer: str) -> None:
    business = make_business("Bakery")

    answer = api_client(make_member(business)).patch("/api/v1/business/", changes)

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


def test_a_manager_chooses_the_look_and_who_may_sign_up(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "go.example.com"]
    business = make_business()
    client = api_client(make_member(business, Role.MANAGER))
    changes = {
        "colour": "#AA0011",
        "link_domain": "Go.example.com:8443",
        "signup_countries": ["GR", "CY"],
        "daily_signup_cap": 20,
    }

    answer = client.patch("/api/v1/business/", changes)

    kept = changes | {"colour": "#aa0011", "link_domain": "go.example.com:8443"}
    assert answer.json().items() >= kept.items()
    business.refresh_from_db()
    assert business.link_base == "http://go.example.com:8443"


def test_links_of_a_business_without_a_domain_are_those_of_the_site(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://sms.example.com"
    assert make_business().link_base == "https://sms.example.com"
    assert make_business(link_domain="go.example.com").link_base == "https://go.example.com"


def test_a_domain_that_nobody_serves_is_explained() -> None:
    client = api_client(make_member(make_business()))
    answer = client.patch("/api/v1/business/", {"link_domain": "go.elsewhere.com"})
    assert "ALLOWED_HOSTS" in answer.json()["errors"][0]["detail"]


@pytest.fixture
def busy() -> User:
    """Somebody who works for two businesses."""
    user = make_member(make_business("First"), email="busy@example.com")
    make_business("Second").memberships.create(user=user, role=Role.MANAGER)
    return user


def test_who_has_several_names_one(busy: User) -> None:
    client = api_client(busy)

    answer = client.get("/api/v1/business/")
    assert (answer.status_code, answer.json()["code"]) == (400, "BUSINESS_REQUIRED")

    for member in busy.memberships.select_related("business"):
        headers = {"X-Business": str(member.business_id)}
        answer = client.get("/api/v1/business/", headers=headers)
        assert answer.json()["name"] == member.business.name


def test_me_reads_any_number_of_businesses_at_once(
    busy: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = api_client(busy)

    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/me/").json()["businesses"]) == 2


@pytest.mark.parametrize("name", ["0", "-1", "abc", "", "9" * 30, "²"])
def test_a_business_that_is_not_is_not_found(busy: User, name: str) -> None:
    answer = api_client(busy).get(
        "/api/v1/business/", headers={"X-Business": name.encode().decode("latin1")}
    )

    assert answer.status_code == 404


def test_a_business_of_others_is_not_found(busy: User) -> None:
    foreign = make_business()

    answer = api_client(busy).get("/api/v1/business/", headers={"X-Business": str(foreign.pk)})

    assert (answer.status_code, answer.json()["code"]) == (404, "BUSINESS_NOT_FOUND")


def test_unknown_query_parameters_are_refused() -> None:
    client = api_client(make_member(make_business()))

    answer = client.get("/api/v1/members/?colour=red&page=1&page_size=5&fresh=1")

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/colour"
    assert error["detail"].endswith(": there are fresh, page, page_size.")
    assert client.get("/api/v1/members/?page=1&page_size=5&fresh=1").status_code == 200
    assert client.get("/api/v1/business/?fresh=1").status_code == 200
    assert client.get("/api/v1/business/?page=1").status_code == 400
    assert client.get("/api/v1/me/?x=").status_code == 400


def test_reads_can_be_conditional() -> None:
    client = api_client(make_member(make_business()))
    etag = client.get("/api/v1/business/")["ETag"]

    answer = client.get("/api/v1/business/", headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")
