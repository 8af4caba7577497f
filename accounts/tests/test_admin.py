"""The admin: superusers see all, other staff their business, nobody else anything."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Business, Invitation, Membership, Role, User
from accounts.services import sessions
from accounts.tests.factories import make_business, make_member, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:accounts_{name}", args=args)


@pytest.fixture
def business() -> Business:
    return make_business("Bakery", daily_message_cap=0)


@pytest.fixture
def staff(business: Business) -> Client:
    return browser(make_member(business, Role.MANAGER, is_staff=True))


@pytest.fixture
def root() -> Client:
    return browser(User.objects.create_superuser("root@example.com", PASSWORD))


def test_every_page_opens_for_a_superuser(root: Client, business: Business) -> None:
    make_member(business)

    for model in ("user", "business", "membership", "invitation", "refreshsession"):
        assert root.get(url(f"{model}_changelist")).status_code == 200
        assert root.get(url(f"{model}_changelist") + "?q=x").status_code == 200
    assert "Tapline" in root.get(reverse("admin:index")).text
    assert root.get(url("business_change", business.pk)).status_code == 200
    assert root.get(url("user_change", User.objects.first().pk)).status_code == 200  # type: ignore[union-attr]
    for model in ("user", "business", "membership", "invitation"):
        assert root.get(url(f"{model}_add")).status_code == 200


def test_a_superuser_s_own_business_is_chosen_already(business: Business) -> None:
    make_business("Another")
    owner = make_member(business, is_staff=True, is_superuser=True)

    page = browser(owner).get(url("invitation_add")).text

    assert f'<option value="{business.pk}" selected>' in page


def test_staff_see_their_business_only(staff: Client, business: Business) -> None:
    foreign = make_business("Foreign")
    make_member(foreign, email="stranger@example.com")

    businesses = staff.get(url("business_changelist")).text
    people = staff.get(url("membership_changelist")).text

    assert "Bakery" in businesses
    assert "Foreign" not in businesses + people
    assert "stranger@example.com" not in people
    assert staff.get(url("business_change", business.pk)).status_code == 200
    assert staff.get(url("business_change", foreign.pk)).status_code == 302
    assert staff.get(url("business_history", foreign.pk)).status_code == 302


def test_staff_do_not_reach_users_and_sessions(staff: Client, business: Business) -> None:
    member = make_member(business)

    for page in (
        url("user_changelist"),
        url("user_add"),
        url("user_change", member.pk),
        reverse("admin:auth_user_password_change", args=[member.pk]),
        url("refreshsession_changelist"),
        url("business_add"),
        url("business_delete", business.pk),
        url("membership_add"),
        url("invitation_add"),
    ):
        assert staff.get(page).status_code == 403, page
        assert staff.post(page, {"is_superuser": "on"}).status_code == 403, page


def test_staff_change_their_business_but_not_its_cap(staff: Client, business: Business) -> None:
    form = {
        "name": "Bakery & Café",
        "sender_name": "Bakery",
        "time_zone": "Europe/Athens",
        "country": "GR",
        "daily_message_cap": "999",
    }

    assert staff.post(url("business_change", business.pk), form).status_code == 302

    business.refresh_from_db()
    assert (business.name, business.daily_message_cap) == ("Bakery & Café", 0)


def test_staff_cannot_approve_themselves(staff: Client, business: Business) -> None:
    approve(staff, business)

    business.refresh_from_db()
    assert business.daily_message_cap == 0


def test_superusers_approve(root: Client, business: Business) -> None:
    approve(root, business)

    business.refresh_from_db()
    assert business.daily_message_cap == 1_000_000


def approve(client: Client, business: Business) -> None:
    form = {"action": "approve_sending", "_selected_action": [business.pk]}
    client.post(url("business_changelist"), form)


@pytest.mark.parametrize("role", [None, Role.TILL])
def test_staff_without_a_business_to_manage_see_nothing(role: str | None) -> None:
    user = make_user(is_staff=True)
    if role:
        Membership.objects.create(user=user, business=make_business(), role=role)

    assert browser(user).get(url("business_changelist")).status_code == 403


def test_owners_who_are_not_staff_do_not_enter(business: Business) -> None:
    page = browser(make_member(business)).get(url("business_changelist"))

    assert page.status_code == 302
    assert "/admin/login/" in page["Location"]


def test_a_new_user_is_kept_in_lower_case_with_a_hashed_password(root: Client) -> None:
    form = {
        "email": "New@Example.com",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "memberships-TOTAL_FORMS": 0,
        "memberships-INITIAL_FORMS": 0,
    }

    assert root.post(url("user_add"), form).status_code == 302

    assert User.objects.get(email="new@example.com").check_password(PASSWORD)


def test_setting_a_password_ends_the_sessions(root: Client) -> None:
    user = make_user(password="the old long phrase")
    pair = sessions.open_session(user=user)
    page = reverse("admin:auth_user_password_change", args=[user.pk])

    root.post(page, {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD})

    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    with pytest.raises(sessions.RefreshInvalid):
        sessions.refresh_session(refresh=pair.refresh)


def test_superusers_invite_the_first_owner(
    root: Client,
    business: Business,
    mailoutbox: list[EmailMessage],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    form = {"business": business.pk, "email": "Bob@example.com", "role": "owner"}

    with django_capture_on_commit_callbacks(execute=True):
        assert root.post(url("invitation_add"), form).status_code == 302

    assert Invitation.objects.get().email == "bob@example.com"
    assert re.search(r"/accounts/invitation/\S+/", str(mailoutbox[0].body))
    make_member(business, email="amy@example.com")
    again = root.post(url("invitation_add"), form | {"email": "amy@example.com"})
    assert "works for the business already" in again.text


def test_quiet_hours_are_two_times(staff: Client, business: Business) -> None:
    form = {"name": "B", "sender_name": "Bakery", "time_zone": "Europe/Athens", "country": "GR"}
    page = staff.post(url("business_change", business.pk), form | {"quiet_from": "22:00"}).text
    assert "Give both times of the quiet hours, or neither." in page
    same = {"quiet_from": "22:00", "quiet_until": "22:00"}
    page = staff.post(url("business_change", business.pk), form | same).text
    assert "All day nothing would ever be sent" in page
    evening = {"quiet_from": "22:00", "quiet_until": "08:00"}
    staff.post(url("business_change", business.pk), form | evening)
    page = staff.get(url("business_change", business.pk)).text
    assert 'value="22:00"' in page
    assert "vTimeField" not in page  # which offers "6 p.m." beside it
    Business.objects.update(quiet_until="08:00:59")  # by the API
    assert 'value="08:00:59"' in staff.get(url("business_change", business.pk)).text


def test_instants_are_told_in_24_hours_with_their_zone(root: Client) -> None:
    User.objects.update(last_login=datetime(2027, 3, 5, 16, 30, tzinfo=UTC))
    assert "05 Mar 2027, 16:30 UTC" in root.get(url("user_changelist")).text


def test_a_user_who_has_logged_in_can_be_deleted(root: Client, business: Business) -> None:
    member = make_member(business)
    sessions.open_session(user=member)
    answer = root.post(url("user_delete", member.pk), {"post": "yes"})
    assert answer.status_code == 302
    assert not User.objects.filter(pk=member.pk).exists()


def test_filters_name_the_own_businesses_only(root: Client, business: Business) -> None:
    manager = make_member(business, Role.MANAGER, is_staff=True)
    Membership.objects.create(user=manager, business=make_business("Second"), role=Role.OWNER)
    make_member(make_business("Foreign"))
    page = url("membership_changelist")
    own = browser(manager).get(page).text
    assert f"?business__id__exact={business.pk}" in own
    assert "Second" in own
    assert "Foreign" not in own
    assert "Foreign" in root.get(page).text
