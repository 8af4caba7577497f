"""What stays unknown is closed, by time or by an operator; a report lifts it nonetheless."""

from collections.abc import Iterator
from io import StringIO

import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.tests.factories import make_business, make_member
from messaging import services
from messaging.models import Broadcast, BroadcastCounters, Message, MessageProblem
from messaging.services.counting import wrong_counters
from messaging.tests.factories import make_expanded, statuses
from messaging.tests.mitto import make_gateway
from messaging.tests.unknown import (
    lease_is_over,
    leave_unknown,
    lose_replies,
    together,
    unknown_for,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


def look_up(simulator: httpx2.Client) -> int:
    return services.look_up_reports(gateway=make_gateway(simulator.base_url))


@pytest.fixture
def unknown() -> Broadcast:
    broadcast = make_expanded(contacts=5, business=make_business(name="Corner Bakery"))
    leave_unknown()
    return broadcast


def test_after_its_time_it_is_closed_as_unconfirmed(unknown: Broadcast, settings: Settings) -> None:
    unknown_for(hours=71)
    assert services.close_unknown() == 0
    unknown_for(hours=73)

    assert services.close_unknown() == 5
    assert services.close_unknown() == 0

    assert set(Message.objects.values_list("status", "reason")) == {("failed", "unconfirmed")}
    closed = MessageProblem.objects.filter(status="failed", reason="unconfirmed")
    assert closed.count() == 5


def test_the_time_is_a_setting(unknown: Broadcast, settings: Settings) -> None:
    settings.UNKNOWN_CLOSURE_HOURS = 2
    unknown_for(hours=3)
    assert services.close_unknown() == 5


def test_a_report_still_lifts_what_was_closed(simulator: httpx2.Client) -> None:
    broadcast = make_expanded(contacts=5)
    lose_replies(simulator)
    lease_is_over()
    unknown_for(hours=80)
    services.close_unknown()

    assert statuses(broadcast) == {"failed": 5}
    assert look_up(simulator) == 5
    assert statuses(broadcast) == {"delivered": 5}


def test_closure_and_report_at_once_leave_the_report_standing(simulator: httpx2.Client) -> None:
    broadcast = make_expanded(contacts=60)
    lose_replies(simulator)
    lease_is_over()
    unknown_for(hours=80)

    together(lambda: look_up(simulator), services.close_unknown, services.close_unknown)

    assert statuses(broadcast) == {"delivered": 60}


def test_many_are_closed_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messaging.services.settling._CLOSED_AT_A_TIME", 3)
    broadcast = make_expanded(contacts=8)
    leave_unknown()
    unknown_for(hours=80)
    assert services.close_unknown() == 8
    assert statuses(broadcast) == {"failed": 8}


def test_one_that_cannot_be_closed_keeps_no_other_from_it() -> None:
    spoiled, sound = (make_expanded(contacts=number, business=make_business()) for number in (2, 1))
    leave_unknown("g1")
    leave_unknown("g2")
    unknown_for(hours=80)
    counters = BroadcastCounters.objects.filter(broadcast=spoiled)
    counters.update(unknown=1, cancelled=1)

    assert services.close_unknown() == 1

    assert statuses(sound) == {"failed": 1}
    assert statuses(spoiled) == {"unknown": 2}
    counters.update(unknown=2, cancelled=0)


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("settle_unknown", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_lists_what_is_unknown(unknown: Broadcast) -> None:
    shown = command()
    assert f"broadcast {unknown.pk} of Corner Bakery: 5 unknown since" in shown
    assert "(worker_lost)" in shown
    assert "5 messages are unknown." in shown
    assert command("--older-than", "1").startswith("0 messages are unknown.")
    assert statuses(unknown) == {"unknown": 5}


def test_the_command_closes_only_what_it_was_told_to(unknown: Broadcast) -> None:
    other = make_expanded(contacts=2, business=make_business())
    leave_unknown("g2")

    assert "Would close 7" in command("--close-now", "--dry-run")
    assert statuses(unknown) == {"unknown": 5}
    assert "Closed 0" in command("--close-now", "--older-than", "0.5")
    assert "Closed 2" in command("--close-now", "--broadcast", str(other.pk))
    assert statuses(unknown) == {"unknown": 5}
    assert statuses(other) == {"failed": 2}
    assert "Closed 5" in command("--close-now")
    assert statuses(unknown) == {"failed": 5}


@pytest.mark.parametrize(
    "arguments",
    [["--dry-run"], ["--older-than", "soon"], ["--older-than", "-1"], ["--broadcast", "999"]],
)
def test_the_command_refuses_what_makes_no_sense(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        command(*arguments)


def test_counters_that_differ_are_named(
    unknown: Broadcast, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("check_counters", "--broadcast", str(unknown.pk))
    assert "All counters are right." in capsys.readouterr().out
    counters = BroadcastCounters.objects.filter(broadcast=unknown)
    counters.update(unknown=4, failed=1)
    with pytest.raises(CommandError, match="differ"):
        call_command("check_counters")
    assert str(unknown.pk) in capsys.readouterr().out
    counters.update(unknown=5, failed=0)


def test_nothing_is_said_of_a_broadcast_that_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="There is no broadcast 999"):
        call_command("check_counters", "--broadcast", "999")


CLOSE = {"action": "close_unknown"}
LIST = "/admin/messaging/broadcast/"


def test_a_superuser_closes_them_after_a_question(unknown: Broadcast, admin_client: Client) -> None:
    make_expanded(contacts=1, business=make_business())
    found = admin_client.get(LIST, {"unknown": "yes"})
    assert [row.pk for row in found.context["cl"].result_list] == [unknown.pk]

    body = CLOSE | {"_selected_action": unknown.pk}
    assert "5 unknown" in admin_client.post(LIST, body).text
    assert statuses(unknown) == {"unknown": 5}
    page = admin_client.post(LIST, body | {"confirmed": "yes"}, follow=True).text

    assert "5 messages were closed" in page
    assert statuses(unknown) == {"failed": 5}


def test_a_clerk_closes_nothing(unknown: Broadcast, client: Client) -> None:
    client.force_login(make_member(unknown.business, is_staff=True))
    body = CLOSE | {"_selected_action": unknown.pk, "confirmed": "yes"}
    assert client.post(LIST, body).status_code == 403
    assert statuses(unknown) == {"unknown": 5}
