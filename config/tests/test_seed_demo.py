"""The demo's administrator and store."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Business, User
from accounts.services import sessions
from accounts.tests.factories import make_business
from campaigns.models import Automation

pytestmark = pytest.mark.django_db
PASSWORD = "the demo's password"


def seed(monkeypatch: pytest.MonkeyPatch, password: str = PASSWORD) -> str:
    monkeypatch.setenv("DEMO_ADMIN_EMAIL", "Admin@example.com")
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", password)
    call_command("seed_demo")
    return "admin@example.com"


def test_makes_an_administrator_who_owns_an_approved_store(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    email = seed(monkeypatch)

    user, _ = sessions.log_in(email=email, password=PASSWORD)
    assert user.is_staff
    assert user.is_superuser
    business = user.memberships.get().business
    assert (business.name, business.sender_name) == ("Demo Store", "DemoStore")
    assert (business.time_zone, business.country) == ("Europe/Athens", "GR")
    assert business.daily_message_cap == 1_000_000
    welcome = business.automations.get()
    assert (welcome.kind, welcome.is_active) == ("welcome", True)
    assert "{{offer_link}}" in welcome.text
    assert welcome.offer_title
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_twice_makes_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    seed(monkeypatch)
    hashed = User.objects.get().password
    Automation.objects.all().delete()  # which its owner may have done

    seed(monkeypatch)

    assert User.objects.get().password == hashed
    assert Business.objects.count() == 1
    assert not Automation.objects.exists()


def test_another_password_replaces_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    email = seed(monkeypatch)

    seed(monkeypatch, "another password")

    assert sessions.log_in(email=email, password="another password")
    with pytest.raises(sessions.InvalidCredentials):
        sessions.log_in(email=email, password=PASSWORD)


def test_leaves_a_strangers_store_of_this_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = make_business("Demo Store")

    seed(monkeypatch)

    assert not stranger.memberships.exists()


@pytest.mark.parametrize("name", ["DEMO_ADMIN_EMAIL", "DEMO_ADMIN_PASSWORD"])
def test_names_the_missing_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DEMO_ADMIN_EMAIL", "admin@example.com")
    monkeypatch.setenv("DEMO_ADMIN_PASSWORD", PASSWORD)
    monkeypatch.delenv(name)

    with pytest.raises(CommandError, match=name):
        call_command("seed_demo")
