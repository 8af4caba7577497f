"""What a call came to reaches the right messages, and a database that restarts costs none."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models.functions import Now

from messaging import services
from messaging.gateways.base import FailureReason, OutgoingSms, SendResult
from messaging.models import (
    Broadcast,
    BroadcastCounters,
    GatewayReference,
    Message,
    MessageProblem,
)
from messaging.services.claiming import claim_batch
from messaging.services.counting import wrong_counters
from messaging.services.recording import Requeue, Results, record
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    make_expanded,
    somebody_waits_for_a_lock,
    statuses,
)
from messaging.tests.simulated import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> Iterator[None]:
    yield
    assert list(wrong_counters()) == []


def test_each_message_gets_its_own_result() -> None:
    broadcast = make_expanded(contacts=60)
    claim = claim_batch()
    assert claim is not None
    results = Results()
    expected = {}
    for place, message_id in enumerate(claim.messages):
        if place % 4 == 0:
            results.add(message_id, "sent", "", f"gateway's-{message_id}")
            expected[message_id] = ("sent", "")
        elif place % 4 == 1:
            results.add(message_id, "failed", "invalid_number")
            expected[message_id] = ("failed", "invalid_number")
        elif place % 4 == 2:
            results.add(message_id, "unknown", "timeout")
            expected[message_id] = ("unknown", "timeout")
    again = claim.messages[3::4]
    expected |= dict.fromkeys(again, ("queued", ""))

    assert record(claim, results, Requeue(parts=[again]))

    stand = {one.pk: (one.status, one.reason) for one in Message.objects.all()}
    assert stand == expected
    assert dict(GatewayReference.objects.values_list("message_id", "gateway_message_id")) == {
        message_id: f"gateway's-{message_id}" for message_id in claim.messages[::4]
    }
    assert MessageProblem.objects.count() == 30
    times = Message.objects.exclude(sent_at=None).values_list("status", flat=True)
    assert set(times) == {"sent"}
    services.send_next_batch(ScriptedGateway(accept_all))
    assert statuses(broadcast) == {"sent": 30, "failed": 15, "unknown": 15}


def test_results_of_strangers_touch_nobody() -> None:
    """Ids before, between and behind those of the batch."""
    first, second = make_expanded(contacts=2), make_expanded(contacts=2)
    claim = claim_batch()
    assert claim is not None
    others = Message.objects.exclude(pk__in=claim.messages).values_list("pk", flat=True)
    results = Results()
    for message_id in sorted([0, *claim.messages, *others, 10**12]):
        results.add(message_id, "sent", "", f"id-{message_id}")

    assert record(claim, results, Requeue())

    assert sorted([*statuses(first), *statuses(second)]) == ["queued", "sent"]
    assert GatewayReference.objects.count() == 2


def test_a_mark_whose_commit_is_in_doubt_is_read_again_once_the_database_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It happened: the messages go out, rather than to be unknown though nobody sent them."""
    broadcast = make_expanded(contacts=3)
    mine: Any = connections["default"]
    known = dict(mine.settings_dict)

    def commit_and_break() -> None:
        commits.undo()
        mine._commit()
        mine.settings_dict.update(HOST="/nowhere", OPTIONS={"host": "/nowhere"})
        mine.close()
        raise OperationalError("the server closed the connection unexpectedly")

    commits = pytest.MonkeyPatch()
    commits.setattr(mine, "_commit", commit_and_break)
    monkeypatch.setattr(time, "sleep", lambda _: mine.settings_dict.update(known))
    gateway = ScriptedGateway(accept_all)
    try:
        assert services.send_next_batch(gateway)
    finally:
        mine.settings_dict.update(known)

    assert [len(call) for call in gateway.calls] == [3]
    assert statuses(broadcast) == {"sent": 3}


def test_a_mark_that_was_not_committed_leaves_the_batch_to_others() -> None:
    broadcast = make_expanded(contacts=3)
    mine: Any = connections["default"]

    def break_before() -> None:
        commits.undo()
        mine.close()
        raise OperationalError("the server closed the connection unexpectedly")

    commits = pytest.MonkeyPatch()
    commits.setattr(mine, "_commit", break_before)
    gateway = ScriptedGateway(accept_all)
    with pytest.raises(OperationalError):
        services.send_next_batch(gateway)
    assert gateway.calls == []
    assert statuses(broadcast) == {"queued": 3}

    assert services.send_next_batch(gateway)
    assert statuses(broadcast) == {"sent": 3}


def test_a_call_that_moves_its_broadcast_takes_the_locks_in_the_order_of_a_claim() -> None:
    """A claim holds the broadcast, and then wants the counters if somebody has opted out."""
    broadcast = make_expanded(contacts=2)
    is_called, may_answer = threading.Event(), threading.Event()

    def answer_in_vain(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        is_called.set()
        may_answer.wait()
        return [SendResult.uncertain(FailureReason.TIMEOUT)] * len(messages)

    def work() -> None:
        services.send_next_batch(ScriptedGateway(answer_in_vain))
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    is_called.wait()
    with transaction.atomic():
        Broadcast.objects.filter(pk=broadcast.pk).update(last_served=Now())
        may_answer.set()
        wait_for(somebody_waits_for_a_lock)
        # Refused at once if the worker, who waits for us, has taken them.
        BroadcastCounters.objects.select_for_update(nowait=True).get(pk=broadcast.pk)
    worker.join()

    assert statuses(broadcast) == {"unknown": 2}
    broadcast.refresh_from_db()
    assert broadcast.setbacks == 1
