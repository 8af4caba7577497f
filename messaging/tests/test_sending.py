"""One batch at a time: claimed, handed over once, recorded once."""

from collections.abc import Iterator, Sequence
from datetime import time, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import Business
from accounts.tests.factories import make_business
from contacts.models import Contact, Suppression
from contacts.services import update_contact
from messaging import services
from messaging.gateways.base import (
    CredentialsRefused,
    FailureReason,
    OutgoingSms,
    RequestRefused,
    SendResult,
)
from messaging.models import (
    Batch,
    Broadcast,
    BroadcastCounters,
    DailyUsage,
    GatewayReference,
    Message,
    MessageProblem,
)
from messaging.selectors import statistics
from messaging.services.claiming import claim_batch
from messaging.services.counting import wrong_counters
from messaging.services.recording import Requeue, Results, record
from messaging.signals import messages_changed
from messaging.tests.factories import (
    ScriptedGateway,
    accept_all,
    at_once,
    make_broadcast,
    make_expanded,
    statuses,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _counters_are_right(transactional_db: None) -> object:
    yield
    assert list(wrong_counters()) == []


def wait_is_over(broadcast: Broadcast) -> None:
    """Every back-off of the broadcast has come to its end."""
    Batch.objects.filter(broadcast=broadcast).update(not_before=timezone.now())
    Broadcast.objects.filter(pk=broadcast.pk).update(not_before=timezone.now())


def send_all(gateway: ScriptedGateway) -> None:
    while services.send_next_batch(gateway):
        pass


def test_every_contact_gets_one_message_and_the_broadcast_ends(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 2
    broadcast = make_expanded(contacts=5)
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [2, 2, 1]
    assert len({phone for call in gateway.calls for phone in call}) == 5
    broadcast.refresh_from_db()
    assert broadcast.status == "completed"
    assert statuses(broadcast) == {"sent": 5}
    assert GatewayReference.objects.count() == 5
    assert broadcast.counters.first_sent_at is not None
    assert broadcast.counters.segments == 5


def test_texts_are_rendered_and_end_with_their_own_way_out() -> None:
    make_expanded(contacts=2, text="Hello {{first_name}}")
    texts: list[str] = []

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        texts.extend(message.text for message in messages)
        return accept_all(messages)

    send_all(ScriptedGateway(answer))

    assert texts[0].startswith("Hello Name0\nStop: http://localhost:8000/u/")
    assert len({text.rsplit("/", 1)[1] for text in texts}) == 2


def test_a_phone_that_opted_out_before_the_claim_is_dropped() -> None:
    broadcast = make_expanded(contacts=3)
    stopped = Contact.objects.earliest("id")
    Suppression.objects.create(business=broadcast.business, phone=stopped.phone, source="api")
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert stopped.phone not in gateway.calls[0]
    assert statuses(broadcast) == {"sent": 2, "suppressed": 1}
    assert MessageProblem.objects.get().reason == "opted_out"


def test_the_opt_out_of_another_business_silences_nobody_here() -> None:
    broadcast = make_expanded(contacts=1)
    phone = Contact.objects.get().phone
    Suppression.objects.create(business=make_business(name="Other"), phone=phone, source="api")

    send_all(ScriptedGateway(accept_all))

    assert statuses(broadcast) == {"sent": 1}


def test_each_outcome_has_its_status() -> None:
    broadcast = make_expanded(contacts=3)

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        return [
            SendResult.accepted("a"),
            SendResult.refused(FailureReason.INVALID_NUMBER),
            SendResult.uncertain(FailureReason.TIMEOUT),
        ]

    send_all(ScriptedGateway(answer))

    assert statuses(broadcast) == {"sent": 1, "failed": 1, "unknown": 1}
    problems = MessageProblem.objects.order_by("message_id").values_list("status", "reason")
    assert list(problems) == [("failed", "invalid_number"), ("unknown", "timeout")]


def test_what_is_uncertain_is_never_sent_again() -> None:
    broadcast = make_expanded(contacts=2)
    gateway = ScriptedGateway(
        lambda messages: [SendResult.uncertain(FailureReason.CONNECTION_RESET) for _ in messages]
    )

    send_all(gateway)
    services.sweep_messaging()
    send_all(gateway)

    assert len(gateway.calls) == 1
    assert statuses(broadcast) == {"unknown": 2}


def test_what_was_not_accepted_waits_for_its_back_off_and_counts_once() -> None:
    broadcast = make_expanded(contacts=2)
    refusing = ScriptedGateway(
        lambda messages: [SendResult.not_accepted(FailureReason.THROTTLED) for _ in messages]
    )

    send_all(refusing)

    assert len(refusing.calls) == 1
    assert statuses(broadcast) == {"queued": 2}
    assert DailyUsage.objects.get().messages == 0
    wait_is_over(broadcast)
    send_all(ScriptedGateway(accept_all))
    assert statuses(broadcast) == {"sent": 2}
    assert DailyUsage.objects.get().messages == 2


def test_one_bad_number_harms_nobody_else() -> None:
    broadcast = make_expanded(contacts=9)
    bad = Contact.objects.order_by("id")[4].phone

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        if any(message.destination == bad for message in messages):
            raise RequestRefused(FailureReason.INVALID_NUMBER)
        return accept_all(messages)

    gateway = ScriptedGateway(answer)
    send_all(gateway)

    assert statuses(broadcast) == {"sent": 8, "failed": 1}
    assert Message.objects.get(status="failed").phone == bad
    broadcast.refresh_from_db()
    assert broadcast.status == "completed"


def test_refused_credentials_pause_the_broadcast_and_lose_nothing() -> None:
    broadcast = make_expanded(contacts=2)

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        raise CredentialsRefused(FailureReason.CREDENTIALS)

    send_all(ScriptedGateway(answer))

    broadcast.refresh_from_db()
    assert broadcast.status == "paused"
    assert "credentials" in broadcast.failure
    assert statuses(broadcast) == {"queued": 2}
    services.resume_broadcast(broadcast_id=broadcast.pk)
    send_all(ScriptedGateway(accept_all))
    assert statuses(broadcast) == {"sent": 2}


def test_paused_or_cancelled_nothing_more_goes_out(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_expanded(contacts=3)
    gateway = ScriptedGateway(accept_all)
    assert services.send_next_batch(gateway)

    assert services.pause_broadcast(broadcast_id=broadcast.pk)
    assert not services.send_next_batch(gateway)
    assert services.cancel_broadcast(broadcast_id=broadcast.pk)
    assert not services.cancel_broadcast(broadcast_id=broadcast.pk)
    services.settle_batches(broadcast_id=broadcast.pk)

    assert statuses(broadcast) == {"sent": 1, "cancelled": 2}
    assert not services.send_next_batch(gateway)


def test_an_offer_that_ended_expires_its_messages() -> None:
    broadcast = make_expanded(contacts=2)
    Broadcast.objects.update(expires_at=timezone.now())

    send_all(ScriptedGateway(accept_all))
    services.sweep_messaging()

    assert statuses(broadcast) == {"expired": 2}
    broadcast.refresh_from_db()
    assert broadcast.status == "completed"


def test_a_worker_that_died_leaves_unknown_messages_that_nobody_sends_again() -> None:
    broadcast = make_expanded(contacts=2)
    assert claim_batch() is not None
    gateway = ScriptedGateway(accept_all)

    services.sweep_messaging()
    assert statuses(broadcast) == {"queued": 2}, "its lease still runs"
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    services.sweep_messaging()
    send_all(gateway)

    assert gateway.calls == []
    assert statuses(broadcast) == {"unknown": 2}
    broadcast.refresh_from_db()
    assert broadcast.status == "completed"


def test_an_answer_that_comes_after_the_lease_lifts_unknown_and_sends_nothing() -> None:
    broadcast = make_expanded(contacts=3)
    claim = claim_batch()
    assert claim is not None
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    services.sweep_messaging()
    results = Results()
    results.add(claim.messages[0], "sent", "", "late")
    results.add(claim.messages[1], "unknown", "timeout")

    owned = record(claim, results, Requeue(parts=[[claim.messages[2]]]))

    assert not owned
    assert statuses(broadcast) == {"sent": 1, "unknown": 2}
    assert not services.send_next_batch(ScriptedGateway(accept_all))


def test_no_call_begins_that_the_lease_does_not_cover(settings: Settings) -> None:
    settings.SEND_LEASE = settings.GATEWAY_CALL_DEADLINE - 1
    broadcast = make_expanded(contacts=1)
    gateway = ScriptedGateway(accept_all)

    services.send_next_batch(gateway)

    assert gateway.calls == []
    assert statuses(broadcast) == {"queued": 1}


def test_it_is_not_over_while_a_batch_is_at_the_gateway(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_expanded(contacts=2)
    claim = claim_batch()
    assert claim is not None
    send_all(ScriptedGateway(accept_all))

    services.sweep_messaging()
    broadcast.refresh_from_db()
    assert broadcast.status == "sending"

    results = Results()
    results.add(claim.messages[0], "sent", "", "late")
    assert record(claim, results, Requeue())
    services.sweep_messaging()
    broadcast.refresh_from_db()
    assert broadcast.status == "completed"


def test_recording_twice_counts_once() -> None:
    broadcast = make_expanded(contacts=2)
    claim = claim_batch()
    assert claim is not None
    results = Results()
    for message_id in claim.messages:
        results.add(message_id, "sent", "", f"id{message_id}")

    assert record(claim, results, Requeue())
    assert not record(claim, results, Requeue())

    assert BroadcastCounters.objects.get(broadcast=broadcast).sent == 2


def test_the_daily_cap_splits_a_batch_and_the_rest_waits_for_tomorrow() -> None:
    business = make_business(daily_message_cap=3)
    broadcast = make_expanded(contacts=5, business=business)
    gateway = ScriptedGateway(accept_all)

    send_all(gateway)

    assert [len(call) for call in gateway.calls] == [3]
    assert statuses(broadcast) == {"sent": 3, "queued": 2}
    assert statistics([broadcast.pk])[broadcast.pk].queued == 2
    DailyUsage.objects.update(day=timezone.now().date() - timedelta(days=1))
    send_all(gateway)
    assert statuses(broadcast) == {"sent": 5}


def test_a_cap_that_staff_raise_counts_at_once() -> None:
    broadcast = make_expanded(contacts=5, business=make_business(daily_message_cap=3))
    send_all(ScriptedGateway(accept_all))

    Business.objects.update(daily_message_cap=10)
    send_all(ScriptedGateway(accept_all))

    assert statuses(broadcast) == {"sent": 5}


def test_who_opted_out_does_not_use_up_the_cap() -> None:
    business = make_business(daily_message_cap=5)
    make_expanded(contacts=5, business=business)
    for contact in Contact.objects.all()[:4]:
        Suppression.objects.create(business=business, phone=contact.phone, source="api")

    send_all(ScriptedGateway(accept_all))

    assert DailyUsage.objects.get().messages == 1


def test_a_contact_that_was_deleted_is_not_texted() -> None:
    broadcast = make_expanded(contacts=2)
    Contact.objects.earliest("id").delete()

    send_all(ScriptedGateway(accept_all))

    assert statuses(broadcast) == {"sent": 1, "suppressed": 1}
    assert MessageProblem.objects.get().reason == "contact_deleted"


def test_a_number_that_is_no_longer_the_contact_s_is_not_texted() -> None:
    """It may have been a stranger's; and who opts out under the new one is out."""
    broadcast = make_expanded(contacts=3)
    corrected, moved_and_out, _ = Contact.objects.order_by("id")
    update_contact(contact=corrected, source="api", phone="+306950000001")
    update_contact(contact=moved_and_out, source="api", phone="+306950000002")
    update_contact(contact=moved_and_out, source="api", is_subscribed=False)

    send_all(ScriptedGateway(accept_all))

    assert statuses(broadcast) == {"sent": 1, "suppressed": 2}
    assert set(MessageProblem.objects.values_list("reason", flat=True)) == {"phone_changed"}


def test_a_gateway_that_answers_nothing_clear_loses_few_messages(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_expanded(contacts=30)
    gateway = ScriptedGateway(
        lambda messages: [SendResult.uncertain(FailureReason.GATEWAY_ERROR) for _ in messages]
    )

    send_all(gateway)
    assert len(gateway.calls) == 2, "the second in a row makes it wait"
    while broadcast.status == "sending":
        wait_is_over(broadcast)
        send_all(gateway)
        broadcast.refresh_from_db()

    assert broadcast.status == "paused"
    assert "no clear answer" in broadcast.failure
    assert statuses(broadcast) == {"unknown": 8, "queued": 22}
    services.resume_broadcast(broadcast_id=broadcast.pk)
    send_all(ScriptedGateway(accept_all))
    assert statuses(broadcast) == {"unknown": 8, "sent": 22}


def test_one_unclear_answer_slows_nothing_down(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_expanded(contacts=6)
    answers = iter([False, True, False, True, False, True])
    gateway = ScriptedGateway(
        lambda messages: (
            accept_all(messages) if next(answers) else [SendResult.uncertain(FailureReason.TIMEOUT)]
        )
    )

    send_all(gateway)

    assert statuses(broadcast) == {"sent": 3, "unknown": 3}
    broadcast.refresh_from_db()
    assert broadcast.setbacks == 0


def test_a_refused_sender_pauses_instead_of_asking_for_each_message() -> None:
    broadcast = make_expanded(contacts=9)

    def answer(messages: Sequence[OutgoingSms]) -> list[SendResult]:
        raise RequestRefused(FailureReason.INVALID_SENDER)

    gateway = ScriptedGateway(answer)
    send_all(gateway)

    broadcast.refresh_from_db()
    assert len(gateway.calls) == 1
    assert broadcast.status == "paused"
    assert statuses(broadcast) == {"queued": 9}


def spoil_counters(broadcast: Broadcast) -> None:
    """So that no message of the broadcast can leave `queued`."""
    BroadcastCounters.objects.filter(broadcast=broadcast).update(queued=0, cancelled=F("total"))


def mend_counters(broadcast: Broadcast) -> None:
    BroadcastCounters.objects.filter(broadcast=broadcast).update(cancelled=0, queued=F("total"))


def test_a_fault_in_one_broadcast_stops_no_other() -> None:
    spoiled = make_expanded(contacts=1)
    Suppression.objects.create(
        business=spoiled.business, phone=Contact.objects.get().phone, source="api"
    )
    spoil_counters(spoiled)
    sound = make_expanded(contacts=1, business=make_business())

    assert services.send_next_batch(ScriptedGateway(accept_all))

    assert statuses(sound) == {"sent": 1}
    mend_counters(spoiled)


def test_a_fault_stops_nobody_though_others_wait_in_front_of_it() -> None:
    """They keep their places: it is the faulty one that goes to the end of the line."""
    asleep = make_business(quiet_from=time.min, quiet_until=time.max)
    waiting = [make_expanded(contacts=1, business=asleep).pk for _ in range(2)]
    Contact.objects.all().delete()
    spoiled = make_expanded(contacts=1, business=make_business())
    Suppression.objects.create(
        business=spoiled.business, phone=Contact.objects.get().phone, source="api"
    )
    spoil_counters(spoiled)
    sound = make_expanded(contacts=1, business=make_business())

    assert services.send_next_batch(ScriptedGateway(accept_all))

    assert statuses(sound) == {"sent": 1}
    line = list(Broadcast.objects.order_by("last_served").values_list("pk", flat=True))
    assert line[:2] == waiting
    mend_counters(spoiled)


KNOWN = "CHECK ((created_at AT TIME ZONE time_zone) IS NOT NULL)"


@pytest.fixture
def forgotten_zone() -> Iterator[str]:
    """A zone that was known when it was saved, and is no more: as after an upgrade."""
    alter = "ALTER TABLE accounts_business"
    with connection.cursor() as cursor:
        cursor.execute(f"{alter} DROP CONSTRAINT business_time_zone_known")
        yield "Atlantis/Capital"
        Business.objects.update(time_zone="UTC")
        cursor.execute(f"{alter} ADD CONSTRAINT business_time_zone_known {KNOWN}")


def test_a_zone_that_the_database_has_forgotten_stops_nobody_else(forgotten_zone: str) -> None:
    abroad = make_business(quiet_from=time(3), quiet_until=time(4))  # the hour counts
    lost = [make_expanded(contacts=1, business=abroad) for _ in range(2)]
    sound = make_expanded(contacts=1, business=make_business())
    Business.objects.filter(pk=abroad.pk).update(time_zone=forgotten_zone)

    send_all(ScriptedGateway(accept_all))

    assert statuses(sound) == {"sent": 1}
    for broadcast in lost:
        broadcast.refresh_from_db()
        assert set(statuses(broadcast)) == {"queued"}
        assert broadcast.status == "paused"
        assert forgotten_zone in broadcast.failure


def test_a_batch_that_cannot_be_ended_keeps_no_other_from_it() -> None:
    spoiled, sound = (make_expanded(contacts=1, business=make_business()) for _ in range(2))
    claim_batch()
    claim_batch()
    spoil_counters(spoiled)
    Batch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    services.sweep_messaging()

    assert statuses(sound) == {"unknown": 1}
    assert statuses(spoiled) == {"queued": 1}
    mend_counters(spoiled)


def test_a_business_without_approval_sends_nothing() -> None:
    broadcast = make_expanded(contacts=1, business=make_business(daily_message_cap=0))

    send_all(ScriptedGateway(accept_all))

    assert statuses(broadcast) == {"queued": 1}


@pytest.mark.parametrize(("start", "end", "goes_out"), [(-1, 1, False), (1, 2, True)])
def test_quiet_hours_defer(start: int, end: int, goes_out: bool) -> None:
    now = timezone.now()
    business = make_business(
        time_zone="UTC",
        quiet_from=(now + timedelta(hours=start)).time(),
        quiet_until=(now + timedelta(hours=end)).time(),
    )
    broadcast = make_expanded(contacts=1, business=business)

    send_all(ScriptedGateway(accept_all))

    assert statuses(broadcast) == ({"sent": 1} if goes_out else {"queued": 1})


def test_a_small_broadcast_does_not_wait_behind_a_large_one(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    large = make_expanded(contacts=6)
    gateway = ScriptedGateway(accept_all)
    services.send_next_batch(gateway)
    small = make_expanded(contacts=1, business=make_business(name="Other"))

    services.send_next_batch(gateway)
    services.send_next_batch(gateway)

    assert statuses(small) == {"sent": 1}
    assert statuses(large) == {"sent": 2, "queued": 4}


def test_workers_at_once_send_each_message_once_and_end_the_broadcast(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 3
    broadcasts = [make_expanded(contacts=40, business=make_business(name=str(n))) for n in "ab"]
    gateway = ScriptedGateway(accept_all)

    at_once(lambda: send_all(gateway), threads=6)

    phones = [phone for call in gateway.calls for phone in call]
    assert len(phones) == len(set(phones)) == 80
    for broadcast in broadcasts:
        broadcast.refresh_from_db()
        assert broadcast.status == "completed"


def test_the_cap_holds_under_workers_at_once(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 3
    business = make_business(daily_message_cap=20)
    make_expanded(contacts=60, business=business)
    gateway = ScriptedGateway(accept_all)

    at_once(lambda: send_all(gateway), threads=6)

    assert sum(len(call) for call in gateway.calls) == 20
    assert DailyUsage.objects.get(business=business).messages == 20


def test_a_batch_costs_few_statements(
    settings: Settings, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    broadcast = make_expanded(contacts=50)
    settings.SEND_BATCH_SIZE = 10
    make_expanded(contacts=50, business=broadcast.business)
    gateway = ScriptedGateway(accept_all)
    services.send_next_batch(gateway)

    # BEGIN, claim, messages, COMMIT; results.
    with django_assert_max_num_queries(5):
        assert services.send_next_batch(gateway)
    assert len(gateway.calls) == 2, "it was counted while it worked"


def test_every_move_tells_whose_statistics_changed() -> None:
    told: list[set[int]] = []

    def listen(*, business_ids: set[int], **_: object) -> None:
        told.append(business_ids)

    messages_changed.connect(listen)
    try:
        broadcast = make_expanded(contacts=1)
        services.send_next_batch(ScriptedGateway(accept_all))
    finally:
        messages_changed.disconnect(listen)

    assert told == [{broadcast.business_id}] * 3, "expanded, claimed, recorded"


def test_an_expansion_that_is_repeated_adds_nothing(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 2
    settings.EXPANSION_CHUNK_SIZE = 4
    broadcast = make_broadcast(contacts=9)

    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        pass
    assert services.expand_chunk(broadcast_id=broadcast.pk) is None

    assert Message.objects.filter(broadcast=broadcast).count() == 9
    assert BroadcastCounters.objects.get(broadcast=broadcast).total == 9
    assert sorted(Batch.objects.values_list("size", flat=True)) == [1, 2, 2, 2, 2]


def test_an_expansion_that_dies_in_a_chunk_resumes_with_it(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 2
    broadcast = make_broadcast(contacts=5)
    services.expand_chunk(broadcast_id=broadcast.pk)
    with transaction.atomic():
        services.expand_chunk(broadcast_id=broadcast.pk)
        transaction.set_rollback(True)

    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        pass

    assert Message.objects.filter(broadcast=broadcast).count() == 5


def test_a_phone_that_moves_between_chunks_gets_one_message(settings: Settings) -> None:
    settings.SEND_BATCH_SIZE = 1
    broadcast = make_broadcast(contacts=2)
    services.expand_chunk(broadcast_id=broadcast.pk)
    first, second = Contact.objects.order_by("id")
    phone = first.phone
    first.delete()
    Contact.objects.filter(pk=second.pk).update(phone=phone)

    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        pass

    assert Message.objects.get(broadcast=broadcast).phone == phone


def test_contacts_of_later_are_not_of_the_audience() -> None:
    broadcast = make_broadcast(contacts=1)
    later = make_broadcast(contacts=1, business=broadcast.business)

    for each in (broadcast, later):
        while (chunk := services.expand_chunk(broadcast_id=each.pk)) and not chunk.done:
            pass

    assert Message.objects.filter(broadcast=broadcast).count() == 1
    assert Message.objects.filter(broadcast=later).count() == 2
