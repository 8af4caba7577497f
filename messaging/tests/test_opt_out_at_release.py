"""Whoever opts out is dropped by the very transaction that releases the batch, however late."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Suppression
from contacts.services import unsubscribe
from messaging import services
from messaging.gateways.base import FailureReason, OutgoingSms, RequestRefused, SendResult
from messaging.models import Batch, Broadcast, DailyUsage, Message
from messaging.services import claiming
from messaging.services.counting import wrong_counters
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    make_expanded,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> object:
    yield
    assert list(wrong_counters()) == []


def opt_out(message: Message) -> None:
    unsubscribe(business_id=message.business_id, phone=message.phone, source="opt_out_link")


def send_all() -> list[str]:
    gateway = ScriptedGateway(accept_all)
    while services.send_next_batch(gateway):
        pass
    return [phone for call in gateway.calls for phone in call]


def wait_is_over() -> None:
    Batch.objects.update(not_before=timezone.now())
    Broadcast.objects.update(not_before=timezone.now())


def test_an_opt_out_while_the_batch_is_being_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mark is set, and not committed: what commits meanwhile still counts."""
    broadcast = make_expanded(contacts=3)
    leaving = Message.objects.earliest("pk")
    claim_row = claiming._claim_row

    def claim_while_somebody_leaves(*arguments: Any) -> Any:
        row = claim_row(*arguments)
        if not Suppression.objects.exists():
            at_once(lambda: opt_out(leaving), threads=1)
        return row

    monkeypatch.setattr(claiming, "_claim_row", claim_while_somebody_leaves)

    assert leaving.phone not in send_all()
    assert statuses(broadcast) == {"sent": 2, "suppressed": 1}


@pytest.mark.parametrize("refusal", ["throttled", "halved"])
def test_an_opt_out_between_two_attempts(refusal: str) -> None:
    broadcast = make_expanded(contacts=4)

    def refuse(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        if refusal == "halved":
            raise RequestRefused(FailureReason.INVALID_NUMBER)
        return [SendResult.not_accepted(FailureReason.THROTTLED)] * len(messages)

    services.send_next_batch(ScriptedGateway(refuse))
    leaving = Message.objects.earliest("pk")
    opt_out(leaving)
    wait_is_over()

    assert leaving.phone not in send_all()
    assert statuses(broadcast) == {"sent": 3, "suppressed": 1}


def test_an_opt_out_while_it_is_paused(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 2
    broadcast = make_expanded(contacts=4)
    services.send_next_batch(ScriptedGateway(accept_all))
    services.pause_broadcast(broadcast_id=broadcast.pk)
    leaving = Message.objects.latest("pk")
    opt_out(leaving)
    services.resume_broadcast(broadcast_id=broadcast.pk)

    assert leaving.phone not in send_all()
    assert statuses(broadcast) == {"sent": 3, "suppressed": 1}


def test_an_opt_out_while_it_waits_for_tomorrow() -> None:
    broadcast = make_expanded(contacts=4, business=make_business(daily_message_cap=2))
    assert len(send_all()) == 2
    leaving = Message.objects.latest("pk")
    opt_out(leaving)
    DailyUsage.objects.update(day=timezone.now().date() - timedelta(days=1))

    assert leaving.phone not in send_all()
    assert statuses(broadcast) == {"sent": 3, "suppressed": 1}


def test_of_those_who_leave_while_workers_send_nobody_is_texted_afterwards(
    settings: Settings,
) -> None:
    """Each leaves when the message before theirs is in a worker's hands."""
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_expanded(contacts=60, business=make_business())
    phones = list(Message.objects.order_by("pk").values_list("phone", flat=True))
    left: dict[str, int] = {}  # and how many calls there had been by then

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        [message] = messages
        leaving = phones[(phones.index(message.destination) + 7) % 60]
        business = Business.objects.get()
        unsubscribe(business_id=business.pk, phone=leaving, source="opt_out_link")
        left.setdefault(leaving, len(gateway.calls))
        return accept_all(messages)

    gateway = ScriptedGateway(answer)

    def work() -> None:
        while services.send_next_batch(gateway):
            pass

    at_once(work, threads=3)

    texted = [phone for [phone] in gateway.calls]
    late = [p for number, p in enumerate(texted) if p in left and number >= left[p] + 3]
    assert late == [], "but for those that were in another worker's hands"
    assert statuses(broadcast) == {"sent": len(texted), "suppressed": 60 - len(texted)}
    assert len(texted) < 60
