"""Many stored reports at a time, as many as fit; those that wait; and what cannot be applied."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from messaging import services
from messaging.models import Broadcast, BroadcastCounters, GatewayEvent, WaitingReport
from messaging.services import events
from messaging.services.counting import wrong_counters
from messaging.tests.factories import ScriptedGateway, accept_all, make_expanded, statuses
from messaging.tests.test_reports import apply_all, delivery, ids, report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


@pytest.fixture
def sent() -> Broadcast:
    """Three messages that the gateway has accepted."""
    broadcast = make_expanded(contacts=3)
    services.send_next_batch(ScriptedGateway(accept_all))
    return broadcast


def test_however_few_fit_at_a_time_all_are_applied(
    client: Client, settings: Settings, sent: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number and by bytes; one that alone is too large is taken all the same."""
    first, second, third = ids()
    bodies = [[delivery(first), delivery(second)], [], delivery(second, "Failure"), delivery(third)]
    for body in bodies:
        report(client, body, settings)

    monkeypatch.setattr(events, "_EVENTS_AT_A_TIME", 3)
    monkeypatch.setattr(events, "_BYTES_AT_A_TIME", 100)
    rounds: list[tuple[bool, int]] = []
    while not rounds or rounds[-1][0]:
        more = services.apply_stored_events()
        rounds.append((more, GatewayEvent.objects.filter(state="applied").count()))

    assert rounds == [(True, 1), (True, 3), (False, 4)]
    assert statuses(sent) == {"delivered": 3}


def test_of_a_report_that_waits_and_a_later_one_the_first_stands(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    first, second, _ = ids()
    for status in ("delivered", "undelivered"):
        WaitingReport.objects.create(gateway_message_id=first, status=status)
    report(client, [delivery(first, "Failure"), delivery(second, "Failure")], settings)

    apply_all()

    assert statuses(sent) == {"delivered": 1, "undelivered": 1, "sent": 1}
    assert not WaitingReport.objects.exists()


@pytest.mark.parametrize("is_told_again", [False, True])
def test_a_waiting_report_that_cannot_be_applied_stands_in_nobody_s_way(
    client: Client, settings: Settings, sent: Broadcast, *, is_told_again: bool
) -> None:
    other = make_expanded(contacts=1)
    services.send_next_batch(ScriptedGateway(accept_all))
    spoiled = BroadcastCounters.objects.filter(broadcast=sent)
    spoiled.update(sent=0, cancelled=F("total"))
    first, *_, last = ids()
    WaitingReport.objects.create(gateway_message_id=first, status="delivered")
    if is_told_again:
        report(client, delivery(first, "Failure"), settings)
    report(client, delivery(last), settings)

    apply_all()

    assert statuses(other) == {"delivered": 1}
    states = GatewayEvent.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["quarantined"] * is_told_again + ["applied"]
    assert WaitingReport.objects.count() == 1

    spoiled.update(cancelled=0, sent=F("total"))
    services.replay_events(ids=list(GatewayEvent.objects.values_list("pk", flat=True)))
    apply_all()
    assert statuses(sent) == {"delivered": 1, "sent": 2}, "the first final report stands"


def test_an_event_is_not_put_aside_for_another_one_s_fault(
    client: Client, settings: Settings, sent: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = ids()[0]
    make_expanded(contacts=1)
    services.send_next_batch(ScriptedGateway(accept_all))
    BroadcastCounters.objects.filter(broadcast=sent).update(sent=0, cancelled=F("total"))
    for name in (spoiled, ids()[-1]):
        report(client, delivery(name), settings)
    apply_oldest, calls = events._apply_oldest, []

    def be_late_once(limit: int, **options: bool) -> bool:
        calls.append(limit)
        return len(calls) != 2 and apply_oldest(limit, **options)

    # Of the first one alone, as if another process just held the lock.
    monkeypatch.setattr(events, "_apply_oldest", be_late_once)
    apply_all()
    apply_all()

    states = GatewayEvent.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["quarantined", "applied"]
    BroadcastCounters.objects.filter(broadcast=sent).update(cancelled=0, sent=F("total"))


def test_however_many_wait_no_report_is_compared_with_all_others(sent: Broadcast) -> None:
    """Twenty thousand reports took 22 seconds beside 300,000 that waited, instead of 0.4."""
    reports = '{"name": ["delivered", ""]}'
    parameters: dict[str, str | bool] = {"reports": reports, "all_waiting": True}
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + events._APPLY, parameters)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "messaging_waitingreport" in plan
    assert "NOT (ANY" not in plan


def test_the_waiting_room_is_looked_up_not_joined_with_all_that_was_ever_sent(
    client: Client, settings: Settings, sent: Broadcast
) -> None:
    def times_read() -> int:
        """How often the table of references was read as a whole."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute(
                "SELECT seq_scan FROM pg_stat_user_tables "
                "WHERE relname = 'messaging_gatewayreference'"
            )
            return int(cursor.fetchone()[0])

    first, second, third = ids()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_gatewayreference "
            "SELECT 'other-' || n, -n FROM generate_series(1, 20000) n"
        )
        cursor.execute("VACUUM ANALYZE messaging_gatewayreference")
    WaitingReport.objects.bulk_create(
        WaitingReport(gateway_message_id=name, status="delivered")
        for name in [first, second, *(f"stranger-{number}" for number in range(3000))]
    )
    report(client, delivery(third), settings)
    before = times_read()

    apply_all()

    assert statuses(sent) == {"delivered": 3}
    assert times_read() == before
