"""Broadcasts to contacts, and a gateway that answers as a test says."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count

from django.db import connection

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact
from messaging import services
from messaging.gateways import get_gateway
from messaging.gateways.base import (
    DeliveryReport,
    InboundSms,
    LookedUp,
    OutgoingSms,
    SendResult,
    UnreadableElement,
)
from messaging.models import Broadcast, Message

PHONES = count(6940000000)


def make_contacts(business: Business, number: int) -> list[Contact]:
    return Contact.objects.bulk_create(
        Contact(business=business, phone=f"+30{next(PHONES)}", first_name=f"Name{index}")
        for index in range(number)
    )


def make_broadcast(
    *, contacts: int = 3, business: Business | None = None, text: str = "Hello {{first_name}}"
) -> Broadcast:
    business = business or make_business()
    make_contacts(business, contacts)
    return services.start_broadcast(
        business=business,
        text=text,
        sender="Store",
        audience={"list": None, "filter": None, "on": datetime.now(UTC).date().isoformat()},
    )


def expand_all(broadcast: Broadcast) -> None:
    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        pass


def make_expanded(**fields: object) -> Broadcast:
    broadcast = make_broadcast(**fields)  # type: ignore[arg-type]
    expand_all(broadcast)
    return broadcast


def at_once(work: Callable[[], object], *, threads: int) -> None:
    """Run the same work in several threads, each with a connection of its own; none may fail."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if faults:
        raise faults[0]


def somebody_waits_for_a_lock() -> bool:
    """In the database of this test."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees the first only
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


def statuses(broadcast: Broadcast) -> dict[str, int]:
    """How many messages stand in each status, counted one by one."""
    found: dict[str, int] = {}
    for status in Message.objects.filter(broadcast=broadcast).values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


class ScriptedGateway:
    """Answers each call as the test says; remembers every destination it was given."""

    name = "mitto"

    def __init__(self, answer: Callable[[Sequence[OutgoingSms]], list[SendResult]]) -> None:
        self.answer = answer
        self.calls: list[list[str]] = []

    def send_batch(self, messages: Sequence[OutgoingSms]) -> list[SendResult]:
        self.calls.append([message.destination for message in messages])
        return self.answer(messages)

    def lookup(self, gateway_message_id: str) -> LookedUp | None:
        return None

    def parse_delivery(self, element: object) -> DeliveryReport:
        return get_gateway().parse_delivery(element)

    def parse_deliveries(self, raw: bytes) -> list[DeliveryReport | UnreadableElement]:
        return get_gateway().parse_deliveries(raw)

    def parse_inbound(self, raw: bytes) -> list[InboundSms | UnreadableElement]:
        return get_gateway().parse_inbound(raw)


def accept_all(messages: Sequence[OutgoingSms]) -> list[SendResult]:
    return [SendResult.accepted(f"id-{message.reference}") for message in messages]
