"""The life of a broadcast: started, paused, resumed, cancelled, completed."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet
from django.db.models.functions import Greatest, Now

from accounts.models import Business
from accounts.problems import Problem
from contacts.models import Contact
from contacts.selectors import Audience
from messaging.models import (
    Batch,
    Broadcast,
    BroadcastCounters,
    ExpansionCursor,
    MessageProblem,
    Retry,
)
from messaging.selectors import has_failures
from messaging.signals import broadcast_finished, broadcast_paused

Status = Broadcast.Status


class NothingToRetry(Problem):
    status = 409
    code = "NOTHING_TO_RETRY"
    title = "Nothing that failed can be sent again"


@transaction.atomic
def start_broadcast(
    *,
    business: Business,
    text: str,
    sender: str,
    audience: Audience,
    expires_at: datetime | None = None,
) -> Broadcast:
    """A marketing broadcast to the contacts of today: later ones are not of its audience.

    Whoever calls rings `messaging.tasks.expand` after the commit.
    """
    broadcast = Broadcast.objects.create(
        business=business,
        text=text,
        sender=sender,
        audience=audience,
        link_base=business.link_base,
        expires_at=expires_at,
    )
    newest = Contact.objects.filter(business=business).aggregate(newest=Max("id"))["newest"]
    BroadcastCounters.objects.create(broadcast=broadcast)
    ExpansionCursor.objects.create(broadcast=broadcast, up_to_contact_id=newest or 0)
    return broadcast


@transaction.atomic
def start_retry(*, retry: Retry, sender: str) -> Broadcast:
    """Send again, as new messages, what failed in broadcasts of one text.

    The text is that of the first one, rendered afresh; it goes to those who are still subscribed,
    with the phone they had. Whoever calls rings `messaging.tasks.expand` after the commit. Raises
    NothingToRetry.
    """
    if not has_failures(retry):
        raise NothingToRetry
    source = Broadcast.objects.select_related("business").get(pk=retry["broadcasts"][0])
    broadcast = Broadcast.objects.create(
        business=source.business,
        text=source.text,
        sender=sender,
        is_marketing=source.is_marketing,
        retry_of=retry,
        link_base=source.business.link_base,
        expires_at=source.expires_at,
    )
    newest = MessageProblem.objects.filter(broadcast_id__in=retry["broadcasts"]).aggregate(
        newest=Max("message_id")
    )["newest"]
    BroadcastCounters.objects.create(broadcast=broadcast)
    ExpansionCursor.objects.create(broadcast=broadcast, up_to_contact_id=newest)
    return broadcast


def pause_broadcast(*, broadcast_id: int) -> bool:
    """What is at the gateway already comes to its end; at most a batch per worker goes out."""
    return _move(broadcast_id, Status.SENDING, to=Status.PAUSED)


def resume_broadcast(*, broadcast_id: int) -> bool:
    """Whoever calls rings the senders after the commit."""
    return _move(broadcast_id, Status.PAUSED, to=Status.SENDING, setbacks=0, not_before=Now())


@transaction.atomic
def cancel_broadcast(*, broadcast_id: int) -> bool:
    """Answers at once: the sweep settles the messages that have not been claimed."""
    sources = (Status.SENDING, Status.PAUSED)
    moved = _move(broadcast_id, *sources, to=Status.CANCELLED, finished_at=Now())
    if moved:
        _finished(broadcast_id, Status.CANCELLED)
    return moved


@transaction.atomic
def complete_broadcast(*, broadcast_id: int) -> bool:
    """End the broadcast if all its messages exist and none waits or is at the gateway.

    Called after the commit of the last result: of two workers that record at the same time the
    later one sees the other's batch ended.
    """
    moved = (
        finished_broadcasts()
        .filter(pk=broadcast_id)
        .update(status=Status.COMPLETED, finished_at=Now())
    )
    if moved:
        _finished(broadcast_id, Status.COMPLETED)
    return bool(moved)


def finished_broadcasts() -> QuerySet[Broadcast]:
    """Those that are still `sending` and have nothing left to send."""
    batches = Batch.objects.filter(broadcast=OuterRef("pk"))
    expanding = ExpansionCursor.objects.filter(broadcast=OuterRef("pk"), done=False)
    # A condition for each state: both in one would fit neither of the partial indexes.
    return Broadcast.objects.filter(
        ~Exists(batches.filter(state=Batch.State.READY)),
        ~Exists(batches.filter(state=Batch.State.SUBMITTING)),
        ~Exists(expanding),
        status=Status.SENDING,
    )


def note_setback(*, broadcast_id: int, hold: float) -> int:
    """A call that came to nothing: hold the broadcast back so many seconds; setbacks in a row.

    Called inside the transaction that records the call.
    """
    rows = Broadcast.objects.filter(pk=broadcast_id)
    rows.update(
        setbacks=F("setbacks") + 1,
        not_before=Greatest(F("not_before"), Now() + timedelta(seconds=hold)),
    )
    return rows.values_list("setbacks", flat=True).get()


def forget_setbacks(*, broadcast_id: int) -> None:
    Broadcast.objects.filter(pk=broadcast_id).update(setbacks=0)


def pause_for_operator(*, broadcast_id: int, reason: str) -> None:
    """Called inside the transaction that saw the need."""
    moved = Broadcast.objects.filter(pk=broadcast_id, status=Status.SENDING).update(
        status=Status.PAUSED, failure=reason
    )
    if moved:
        broadcast_paused.send(Broadcast, broadcast_id=broadcast_id, reason=reason)


def _move(broadcast_id: int, *sources: str, to: str, **fields: Any) -> bool:
    rows = Broadcast.objects.filter(pk=broadcast_id, status__in=sources)
    return rows.update(status=to, failure="", **fields) == 1


def _finished(broadcast_id: int, status: str) -> None:
    broadcast_finished.send(Broadcast, broadcast_id=broadcast_id, status=status)
