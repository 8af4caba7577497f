"""Every task that there is, each with something to do, delivered three times and out of order."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from campaigns.models import Automation, Campaign
from campaigns.tests.factories import make_birthday, make_due, make_sending
from campaigns.tests.test_tripled_tasks import Ring, take_rings
from config.celery import app
from config.embedded.fixtures import SimulatedGateway
from contacts.models import Contact, OptInRequest
from contacts.tests.factories import make_import, sign_up
from messaging import services
from messaging.gateways import _gateway_of_process
from messaging.models import Broadcast, InboundMessage, Message
from messaging.services.counting import wrong_counters
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    make_contacts,
    make_expanded,
    statuses,
)
from messaging.tests.inbound import is_out, sms
from messaging.tests.unknown import lease_is_over, leave_unknown, lose_replies, unknown_for
from rediskit.connection import client, in_redis_words

pytestmark = pytest.mark.django_db(transaction=True)

ASKING, LEAVING = "+306950000001", "+306950000002"
WITH_ARGUMENTS = {
    "accounts.tasks.send_password_reset",
    "contacts.tasks.run_import",
    "messaging.tasks.expand",
    "messaging.tasks.settle",
}


@pytest.fixture(autouse=True)
def _gateway_of_this_test(simulated_gateway: SimulatedGateway) -> Iterator[None]:
    """Tasks ask for the process's gateway, which may be that of an earlier test."""
    _gateway_of_process.cache_clear()
    yield
    _gateway_of_process.cache_clear()


def every_task() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


class Deliveries:
    """Three of each ring, in any order, to three workers at once."""

    def __init__(self, seed: int, broker: Any) -> None:
        self.dice = random.Random(seed)
        self.broker = broker
        self.played: set[str] = set()
        take_rings(broker)

    def play(self, rings: set[Ring]) -> set[Ring]:
        """What was rung meanwhile."""
        deliveries = sorted(rings) * 3
        self.dice.shuffle(deliveries)
        self.played |= {name for name, _ in rings}
        finished: list[Ring] = []
        to_do = iter(deliveries)  # of which each thread takes the next

        def work() -> None:
            for name, arguments in to_do:
                app.tasks[name](*arguments)
                finished.append((name, arguments))

        at_once(work, threads=3)
        assert len(finished) == 3 * len(rings), "no task fails because others do the same"
        return set(take_rings(self.broker))


def write_to_a_shop() -> Business:
    shop = make_business()
    for phone, text in ((ASKING, "HELP"), (LEAVING, "STOP")):
        services.send_message(business=shop, phone=phone, text="Hello", sender="Shop")
        assert services.send_next_batch(ScriptedGateway(accept_all))
        raw = json.dumps(sms(text, phone)).encode()
        services.store_event(gateway="mitto", kind="inbound", raw=raw)
    return shop


def leave_some_unknown(gateway: SimulatedGateway) -> tuple[Broadcast, Broadcast]:
    """Two of which nobody will hear again, and two whose reports wait for a look-up."""
    unconfirmed = make_expanded(contacts=2, business=make_business())
    leave_unknown("nobody-s")
    unknown_for(hours=80)
    unanswered = make_expanded(contacts=2, business=make_business())
    gateway.set(SIM_API_KEY="")
    with httpx2.Client(base_url=gateway.url, trust_env=False) as simulator:
        lose_replies(simulator)
    lease_is_over()
    return unconfirmed, unanswered


def make_due_to(number: int) -> Campaign:
    """Contacts with phones that nobody else has."""
    business = make_business()
    make_contacts(business, number)
    return make_due(business, contacts=0)


def make_birthdays(number: int) -> None:
    """Their hour has just come: at noon, wherever that is now, for at midnight it is over."""
    now = datetime.now(UTC)
    business = make_business(time_zone=f"Etc/GMT{now.hour - 12:+d}")
    noon = now.astimezone(business.zone)
    make_birthday(business, send_time=noon.time().replace(second=0, microsecond=0))
    Automation.objects.update(swept_on=noon.date() - timedelta(days=1))
    make_contacts(business, number)
    birthday = date(1988, noon.month, noon.day)  # a leap year
    Contact.objects.filter(business=business).update(birthday=birthday)


@pytest.mark.parametrize("seed", range(2))
def test_each_send_happens_once_and_nothing_is_left(
    seed: int, settings: Settings, simulated_gateway: SimulatedGateway
) -> None:
    settings.SEND_BATCH_SIZE, settings.EXPANSION_CHUNK_SIZE = 7, 20
    shop = write_to_a_shop()
    unconfirmed, unanswered = leave_some_unknown(simulated_gateway)
    make_sending(contacts=40)
    cancelled = Broadcast.objects.latest("pk")
    assert services.cancel_broadcast(broadcast_id=cancelled.pk)
    due = [make_due_to(number) for number in (30, 3)]
    make_birthdays(5)
    contact_import = make_import("phone\n6960000001\n6960000002\n")
    sign_up(make_business(), "+306970000001", must_confirm=True)
    OptInRequest.objects.update(expires_at=timezone.now() - timedelta(minutes=1))

    deliveries = Deliveries(seed, client(in_redis_words(settings.CELERY_BROKER_URL)))
    ticks: set[Ring] = {(name, ()) for name in every_task() - WITH_ARGUMENTS}
    rings: set[Ring] = {
        ("messaging.tasks.settle", (cancelled.pk,)),
        ("contacts.tasks.run_import", (contact_import.pk,)),
        ("accounts.tasks.send_password_reset", ("nobody@example.com",)),  # type: ignore[arg-type]
    }
    for _ in range(60):
        rings = deliveries.play(rings | ticks)
        sending = Campaign.objects.filter(status__in=["scheduled", "sending"])
        if not (sending.exists() or Message.objects.filter(status="queued").exists()):
            break
    deliveries.play(rings | ticks)

    assert deliveries.played == every_task()
    gateway = simulated_gateway.counts()
    assert (gateway["max_per_destination"], gateway["duplicates"]) == (1, 0)
    assert gateway["accepted"] == 2 + 30 + 3 + 5 + 1, "unanswered, due, birthdays, HELP"
    assert [campaign.runs.count() for campaign in due] == [1, 1]
    assert statuses(unconfirmed) == {"failed": 2}
    assert statuses(unanswered) == {"delivered": 2}
    assert statuses(cancelled) == {"cancelled": 40}
    assert InboundMessage.objects.count() == 2
    assert [is_out(shop, phone) for phone in (ASKING, LEAVING)] == [False, True]
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.created) == ("completed", 2)
    assert not OptInRequest.objects.exists()
    assert list(wrong_counters()) == []
