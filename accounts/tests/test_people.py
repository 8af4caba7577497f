"""Members, roles, invitations."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from accounts.models import Business, Invitation, Membership, Role, User
from accounts.services import people
from accounts.tests.factories import api_client, make_business, make_member, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def business() -> Business:
    return make_business("Bakery")


@pytest.fixture
def owner(business: Business) -> User:
    return make_member(business, Role.OWNER)


@pytest.fixture
def client(owner: User) -> APIClient:
    return api_client(owner)


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


def url(user: User) -> str:
    return f"/api/v1/members/{membership(user).pk}/"


@pytest.fixture
def token(
    business: Business,
    owner: User,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> str:
    with django_capture_on_commit_callbacks(execute=True):
        people.invite_member(
            business=business, email="Bob@example.com", role=Role.TILL, invited_by=owner
        )
    assert mailoutbox[-1].to == ["bob@example.com"]
    assert "Bakery" in str(mailoutbox[-1].body)
    found = re.search(r"http://localhost:8000/accounts/invitation/(\S+)/", str(mailoutbox[-1].body))
    assert found
    return found[1]


def accept(token: str, password: str = PASSWORD, **fields: Any) -> Any:
    body = {"token": token, "password": password, **fields}
    return APIClient().post("/api/v1/auth/invitations/accept/", body)


def test_owners_list_the_people(
    client: APIClient, business: Business, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        make_member(business, Role.TILL)
    make_member(make_business())

    with django_assert_num_queries(4):  # user, membership, count, page
        answer = client.get("/api/v1/members/").json()

    assert answer["count"] == 4
    assert set(answer["results"][0]) == {"id", "user", "role", "created_at"}


@pytest.mark.parametrize("role", [Role.MANAGER, Role.TILL])
def test_only_owners_deal_with_people(business: Business, owner: User, role: str) -> None:
    client = api_client(make_member(business, role))
    invitation = {"email": "bob@example.com", "role": "owner"}

    for answer in (
        client.get("/api/v1/members/"),
        client.get("/api/v1/invitations/"),
        client.post("/api/v1/members/", invitation),
        client.patch(url(owner), {"role": "till"}),
        client.delete(url(owner)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_outsiders_find_nobody(client: APIClient) -> None:
    stranger = make_member(make_business())

    assert client.get(url(stranger)).status_code == 404
    assert client.patch(url(stranger), {"role": "till"}).status_code == 404
    assert client.delete(url(stranger)).status_code == 404
    assert membership(stranger).role == Role.OWNER


def test_a_role_changes(client: APIClient, business: Business) -> None:
    member = make_member(business, Role.TILL)

    answer = client.patch(url(member), {"role": "manager"})

    assert answer.json()["role"] == "manager"
    assert membership(member).role == Role.MANAGER
    assert client.patch(url(member), {}).json()["role"] == "manager"
    assert client.patch(url(member), {"role": "king"}).json()["code"] == "VALIDATION_ERROR"
    assert client.patch(url(member), {"user": 5, "rank": 1}).status_code == 400


def test_the_last_owner_stays(client: APIClient, business: Business, owner: User) -> None:
    make_member(business, Role.MANAGER)

    for answer in (client.patch(url(owner), {"role": "till"}), client.delete(url(owner))):
        assert (answer.status_code, answer.json()["code"]) == (409, "LAST_OWNER")
    assert membership(owner).role == Role.OWNER


def test_an_owner_may_leave_when_there_is_another(
    client: APIClient, business: Business, owner: User
) -> None:
    make_member(business, Role.OWNER)

    assert client.delete(url(owner)).status_code == 204

    answer = client.get("/api/v1/business/")
    assert (answer.status_code, answer.json()["code"]) == (403, "NO_BUSINESS")


def test_inviting_answers_without_the_token_and_replaces_the_earlier(client: APIClient) -> None:
    for role in ("till", "manager"):
        answer = client.post("/api/v1/members/", {"email": "BOB@example.com", "role": role})
        assert answer.status_code == 201
        assert set(answer.json()) == {"id", "email", "role", "created_at", "expires_at"}

    listed = client.get("/api/v1/invitations/").json()["results"]
    assert [(item["email"], item["role"]) for item in listed] == [("bob@example.com", "manager")]


def test_a_member_is_not_invited_again(client: APIClient, business: Business) -> None:
    make_member(business, Role.TILL, email="bob@example.com")

    answer = client.post("/api/v1/members/", {"email": "Bob@example.com", "role": "till"})

    assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_MEMBER")


def test_a_new_person_joins(token: str, business: Business) -> None:
    answer = accept(token, full_name="Bob")

    assert answer.status_code == 200
    assert answer.json()["business"]["id"] == business.pk
    user = User.objects.get(email="bob@example.com")
    assert (user.full_name, membership(user).role) == ("Bob", Role.TILL)
    assert user.check_password(PASSWORD)


def test_an_invitation_works_once(token: str) -> None:
    accept(token)

    answer = accept(token)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVITATION_INVALID")


def test_an_invitation_ends_after_a_week(token: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1), tick=False):
        assert accept(token).json()["code"] == "INVITATION_INVALID"


def test_an_invitation_can_be_taken_back(token: str, client: APIClient) -> None:
    (invitation,) = Invitation.objects.all()

    assert client.delete(f"/api/v1/invitations/{invitation.pk}/").status_code == 204

    assert accept(token).json()["code"] == "INVITATION_INVALID"


def test_outsiders_cannot_take_it_back(token: str) -> None:
    (invitation,) = Invitation.objects.all()
    outsider = api_client(make_member(make_business()))

    assert outsider.delete(f"/api/v1/invitations/{invitation.pk}/").status_code == 404
    assert accept(token).status_code == 200


def test_a_weak_password_leaves_the_invitation_open(token: str) -> None:
    assert accept(token, "short").json()["errors"][0]["pointer"] == "/password"
    assert accept(token).status_code == 200


def test_a_known_person_joins_with_the_own_password_only(token: str, business: Business) -> None:
    user = make_user("bob@example.com", password=PASSWORD)

    wrong = accept(token, "something else entirely")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "INVALID_CREDENTIALS")
    assert not user.memberships.exists()

    assert accept(token).status_code == 200
    assert membership(user).business == business
