"""The pages behind mailed links."""

import re

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Role, User
from accounts.services import passwords, people
from accounts.tests.factories import make_business, make_member, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def mailed_path(mails: list[EmailMessage]) -> str:
    found = re.search(r"http://localhost:8000(/accounts/\S+)", str(mails[-1].body))
    assert found
    return found[1]


@pytest.fixture
def reset(mailoutbox: list[EmailMessage]) -> str:
    make_user("ann@example.com", password="the old long phrase")
    passwords.send_password_reset(email="ann@example.com")
    return mailed_path(mailoutbox)


@pytest.fixture
def invitation(
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> str:
    business = make_business("<b>Bakery</b>")
    owner = make_member(business)
    with django_capture_on_commit_callbacks(execute=True):
        people.invite_member(
            business=business, email="bob@example.com", role=Role.TILL, invited_by=owner
        )
    return mailed_path(mailoutbox)


def test_a_reset_link_shows_a_form_and_sets_the_password(client: Client, reset: str) -> None:
    assert "ann@example.com" in client.get(reset).text
    assert "no-store" in client.get(reset)["Cache-Control"]

    assert "too short" in client.post(reset, {"password": "short"}).text
    assert "is set" in client.post(reset, {"password": PASSWORD}).text

    assert User.objects.get(email="ann@example.com").check_password(PASSWORD)
    assert client.get(reset).status_code == 404


def test_looking_changes_nothing(client: Client, reset: str) -> None:
    for _ in range(2):
        assert client.get(reset).status_code == 200
        assert client.head(reset).status_code == 200


def test_an_invitation_link_lets_a_new_person_in(client: Client, invitation: str) -> None:
    page = client.get(invitation).text
    assert "bob@example.com" in page
    assert "<b>Bakery" not in page

    client.post(invitation, {"full_name": "Bob", "password": PASSWORD})

    user = User.objects.get(email="bob@example.com")
    assert (user.full_name, user.memberships.get().role) == ("Bob", "till")
    assert client.get(invitation).status_code == 404


def test_an_invitation_of_a_known_person_needs_the_password(
    client: Client, invitation: str
) -> None:
    user = make_user("bob@example.com", password=PASSWORD)

    assert "not the password" in client.post(invitation, {"password": "something else"}).text
    assert not user.memberships.exists()
    client.post(invitation, {"password": PASSWORD})
    assert user.memberships.exists()


@pytest.mark.parametrize("path", ["reset/x/", "reset/MQ.x/", "invitation/x/"])
def test_a_dead_link_says_so(client: Client, path: str) -> None:
    page = client.get(f"/accounts/{path}")

    assert page.status_code == 404
    assert "This link does not work" in page.text


def test_other_sites_cannot_post_the_forms(reset: str) -> None:
    assert Client(enforce_csrf_checks=True).post(reset, {"password": PASSWORD}).status_code == 403
