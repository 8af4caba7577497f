"""An audience becomes messages, chunk by chunk: each commits its messages, batches and cursor."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Now
from psycopg.errors import UniqueViolation

from contacts.models import Contact
from contacts.selectors import audience
from messaging import texts
from messaging.models import (
    Batch,
    Broadcast,
    BroadcastCounters,
    ExpansionCursor,
    Message,
    new_public_ids,
)
from messaging.rendering import Columns, Template, compile_template
from messaging.segments import number_of_segments
from messaging.selectors import next_failures
from messaging.signals import messages_changed

# Contact's id (None for a phone that is nobody's), phone, first and last name, attributes. Plain
# tuples, as they are read: to name the fields would cost as much as to render the text.
Recipient = tuple[int | None, str, str, str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step of the expansion did."""

    messages: int
    done: bool


_COPY = """
COPY messaging_message (
    id, public_id, business_id, broadcast_id, contact_id, phone, text, segments, status, reason,
    batch_id
) FROM STDIN (FORMAT BINARY)
"""
_COPY_TYPES = (
    "int8", "varchar", "int8", "int8", "int8", "varchar", "text", "int2", "varchar", "varchar",
    "int8",
)  # fmt: skip


def expand_chunk(*, broadcast_id: int) -> Chunk | None:
    """Turn the next contacts into messages; None if the work is done or another's.

    The first chunk is one batch, so that the first SMS leaves at once whatever the size.
    """
    try:
        with transaction.atomic():
            return _expand(broadcast_id, leave_out_known=False)
    except UniqueViolation:
        # A phone moved from one contact to another between two chunks: it has its message.
        with transaction.atomic():
            return _expand(broadcast_id, leave_out_known=True)


def _expand(broadcast_id: int, *, leave_out_known: bool) -> Chunk | None:
    cursor = (
        ExpansionCursor.objects.select_for_update(skip_locked=True)
        .filter(broadcast_id=broadcast_id, done=False)
        .first()
    )
    if cursor is None:
        return None
    broadcast = Broadcast.objects.select_related("business").get(pk=broadcast_id)
    recipients, reached = _next_recipients(broadcast, cursor)
    if reached:
        cursor.after_contact_id = reached
    else:
        cursor.done = True
    cursor.save(update_fields=["after_contact_id", "done"])
    if leave_out_known:
        recipients = _without_known(broadcast_id, recipients)
    insert_messages(broadcast, recipients)
    return Chunk(messages=len(recipients), done=cursor.done)


def _next_recipients(
    broadcast: Broadcast, cursor: ExpansionCursor
) -> tuple[list[Recipient], int | None]:
    """And how far that takes the cursor; None if there is nothing behind it."""
    if broadcast.status not in {Broadcast.Status.SENDING, Broadcast.Status.PAUSED}:
        return [], None
    size = settings.EXPANSION_CHUNK_SIZE if cursor.after_contact_id else settings.SEND_BATCH_SIZE
    if broadcast.retry_of is not None:
        return _next_retried(broadcast, after=cursor.after_contact_id, limit=size)
    assert broadcast.audience is not None
    contacts = (
        audience(business_id=broadcast.business_id, spec=broadcast.audience)
        .filter(id__gt=cursor.after_contact_id, id__lte=cursor.up_to_contact_id)
        .order_by("id")
    )
    recipients = _recipients(broadcast, contacts[:size])
    return recipients, recipients[-1][0] if recipients else None


def _next_retried(
    broadcast: Broadcast, *, after: int, limit: int
) -> tuple[list[Recipient], int | None]:
    assert broadcast.retry_of is not None
    failures = next_failures(broadcast.retry_of, after=after, limit=limit)
    wanted = [contact_id for _, contact_id in failures if contact_id is not None]
    contacts = Contact.objects.filter(pk__in=wanted).order_by("id")
    return _recipients(broadcast, contacts), failures[-1][0] if failures else None


def _recipients(broadcast: Broadcast, contacts: QuerySet[Contact]) -> list[Recipient]:
    # To read JSON costs more than to render the text, and most texts need none of it.
    reads_attributes = compile_template(broadcast.text).reads_attributes
    attributes = "attributes" if reads_attributes else Value("")
    return list(contacts.values_list("id", "phone", "first_name", "last_name", attributes))


def _without_known(broadcast_id: int, recipients: list[Recipient]) -> list[Recipient]:
    phones = [phone for _, phone, *_ in recipients]
    known = set(
        Message.objects.filter(broadcast_id=broadcast_id, phone__in=phones).values_list(
            "phone", flat=True
        )
    )
    return [recipient for recipient in recipients if recipient[1] not in known]


def insert_messages(broadcast: Broadcast, recipients: Sequence[Recipient]) -> None:
    """Messages, their batches and the counters, inside the caller's transaction."""
    if not recipients:
        return
    ids = _reserve_ids(len(recipients))
    template = compile_template(broadcast.text)
    size = _batch_size(broadcast)
    starts = range(0, len(recipients), size)
    batches = Batch.objects.bulk_create(
        Batch(
            broadcast=broadcast,
            size=len(ids[start : start + size]),
            first_message_id=ids[start],
            last_message_id=ids[start : start + size][-1],
        )
        for start in starts
    )
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_COPY_TYPES)
        # Batch by batch, so that the server works on one while we make the next.
        for batch, start in zip(batches, starts, strict=True):
            part = slice(start, start + size)
            for row in _rows(broadcast, template, batch.pk, ids[part], recipients[part]):
                copy.write_row(row)
    # Last, for the row is wanted by every worker that records results.
    BroadcastCounters.objects.filter(broadcast=broadcast).update(
        total=F("total") + len(recipients),
        queued=F("queued") + len(recipients),
        updated_at=Now(),
    )
    messages_changed.send(Message, business_ids={broadcast.business_id})


def _batch_size(broadcast: Broadcast) -> int:
    """At most one second of the pace: the claim would have to split what is larger."""
    paces = (settings.GATEWAY_PACE, broadcast.business.pace)
    return min([settings.SEND_BATCH_SIZE, *(pace for pace in paces if pace)])


def _rows(
    broadcast: Broadcast,
    template: Template,
    batch_id: int,
    ids: Sequence[int],
    recipients: Sequence[Recipient],
) -> Iterable[tuple[object, ...]]:
    """Of one batch: what can be is done for all at once."""
    size = len(recipients)
    contact_ids, phones, first_names, last_names, attributes = zip(*recipients, strict=True)
    public_ids = new_public_ids(size)
    columns = Columns(first_names, last_names, attributes, public_ids, broadcast.links_begin)
    composed = texts.compose_all(template, columns, is_marketing=broadcast.is_marketing)
    return zip(
        ids,
        public_ids,
        repeat(broadcast.business_id, size),
        repeat(broadcast.pk, size),
        contact_ids,
        phones,
        composed,
        map(number_of_segments, composed),
        repeat(Message.Status.QUEUED.value, size),
        repeat("", size),
        repeat(batch_id, size),
        strict=True,
    )


def _reserve_ids(count: int) -> list[int]:
    """Ascending, and for the most part without gaps: a batch is read by its range of ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(nextval('messaging_message_id_seq')) FROM generate_series(1, %s)",
            [count],
        )
        return sorted(cursor.fetchone()[0])
