"""The ladders of the statuses, held by the database against anybody's SQL."""

import itertools

import pytest
from django.db import IntegrityError, connection, transaction

from messaging import services
from messaging.models import Batch, Broadcast, GatewayEvent, Message
from messaging.tests.factories import make_broadcast, make_expanded

pytestmark = pytest.mark.django_db

MESSAGE = {
    "queued": {"sent", "failed", "unknown", "cancelled", "suppressed", "expired"},
    "sent": {"delivered", "undelivered"},
    "unknown": {"sent", "delivered", "undelivered", "failed"},
}
BATCH = {"ready": {"submitting", "cancelled"}, "submitting": {"recorded", "lost"}}
BROADCAST = {
    "sending": {"paused", "completed", "cancelled", "failed"},
    "paused": {"sending", "cancelled", "failed"},
}
EVENT = {"pending": {"applied", "quarantined"}, "quarantined": {"pending"}}
COLUMNS = [
    ("messaging_message", "status"),
    ("messaging_batch", "state"),
    ("messaging_broadcast", "status"),
    ("messaging_gatewayevent", "state"),
]


def step(table: str, column: str, old: str, new: str) -> bool:
    """Whether the ladder lets a row go from one status to the other."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger fires
        cursor.execute(f"UPDATE {table} SET {column} = %s", [old])  # noqa: S608
        cursor.execute("SET LOCAL session_replication_role = origin")
        try:
            with transaction.atomic():
                cursor.execute(f"UPDATE {table} SET {column} = %s", [new])  # noqa: S608
                assert cursor.rowcount == 1
        except IntegrityError as error:
            refusal = str(error)
        else:
            return True
    assert f"cannot go from {old} to {new}" in refusal, "by nothing but the ladder"
    return False


@pytest.mark.parametrize(
    ("old", "new"), list(itertools.product(Message.Status.values, Message.Status.values))
)
def test_messages(old: str, new: str) -> None:
    make_expanded(contacts=1)
    allowed = old == new or new in MESSAGE.get(old, ())
    assert step("messaging_message", "status", old, new) is allowed


@pytest.mark.parametrize(
    ("old", "new"), list(itertools.product(Message.Status.values, Message.Status.values))
)
def test_an_unconfirmed_message_may_still_be_reported(old: str, new: str) -> None:
    """Of those that have failed only these, and nothing else may be made of them."""
    make_expanded(contacts=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE messaging_message SET reason = 'unconfirmed'")
    lifted = old == "failed" and new in {"delivered", "undelivered"}
    allowed = old == new or new in MESSAGE.get(old, ()) or lifted
    assert step("messaging_message", "status", old, new) is allowed


@pytest.mark.parametrize(
    ("old", "new"), list(itertools.product(Batch.State.values, Batch.State.values))
)
def test_batches(old: str, new: str) -> None:
    make_expanded(contacts=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_batch SET lease_token = gen_random_uuid(), lease_until = now()"
        )
    allowed = old == new or new in BATCH.get(old, ())
    assert step("messaging_batch", "state", old, new) is allowed


@pytest.mark.parametrize(
    ("old", "new"), list(itertools.product(Broadcast.Status.values, Broadcast.Status.values))
)
def test_broadcasts(old: str, new: str) -> None:
    make_broadcast(contacts=0)
    allowed = old == new or new in BROADCAST.get(old, ())
    assert step("messaging_broadcast", "status", old, new) is allowed


@pytest.mark.parametrize(
    ("old", "new"), list(itertools.product(GatewayEvent.State.values, GatewayEvent.State.values))
)
def test_gateway_events(old: str, new: str) -> None:
    services.store_event(gateway="mitto", kind="delivery", raw=b"[]")
    allowed = old == new or new in EVENT.get(old, ())
    assert step("messaging_gatewayevent", "state", old, new) is allowed


@pytest.mark.parametrize(("table", "column"), COLUMNS)
@pytest.mark.parametrize("word", ["", "done", "SENT"])
def test_no_step_leads_to_any_other_word(table: str, column: str, word: str) -> None:
    make_expanded(contacts=1)
    services.store_event(gateway="mitto", kind="delivery", raw=b"[]")
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute(f"UPDATE {table} SET {column} = %s", [word])  # noqa: S608


def test_a_batch_in_flight_has_a_lease() -> None:
    make_expanded(contacts=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Batch.objects.update(state="submitting")


def test_a_phone_has_one_message_in_a_broadcast() -> None:
    broadcast = make_expanded(contacts=1)
    phone = Message.objects.get().phone
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(
            business=broadcast.business, broadcast=broadcast, phone=phone, text="x", segments=1
        )
