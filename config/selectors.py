"""Whether the background work keeps up: what waits, since when, and the sign of life."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, F, Func, Model, QuerySet
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from accounts.models import Business
from campaigns.models import Campaign
from config.tasks import HEARTBEAT
from contacts.models import ContactImport
from messaging.models import Batch, Broadcast, GatewayEvent
from rediskit import connection, doorbell, failover


@dataclass(frozen=True)
class Work:
    """queues: tasks that wait in each; None when the broker is away. Ages are in seconds."""

    queues: dict[str, int] | None
    oldest_waiting: "OldestWaiting"
    scheduler_heartbeat_age: float | None


@dataclass(frozen=True)
class OldestWaiting:
    """Seconds that the oldest work of each kind has waited by the database's clock, or None."""

    batch: float | None
    gateway_event: float | None
    contact_import: float | None
    campaign: float | None


def background_work(*, business: Business | None = None) -> Work:
    """Whether the work behind the business's campaigns, or behind all, keeps up."""
    try:
        age = heartbeat_age()
    except failover.Away:
        age = None
    return Work(
        queues=queue_lengths(),
        oldest_waiting=oldest_waiting(business=business),
        scheduler_heartbeat_age=age,
    )


def oldest_waiting(*, business: Business | None = None) -> OldestWaiting:
    """Of the business, or of all. Gateway events belong to nobody before they are applied."""
    batches = Batch.objects.filter(
        broadcast__status=Broadcast.Status.SENDING,
        state=Batch.State.READY,
        not_before__lte=Now(),
    )
    due = Campaign.objects.filter(status=Campaign.Status.SCHEDULED, scheduled_at__lte=Now())
    events = GatewayEvent.objects.filter(state=GatewayEvent.State.PENDING).order_by("pk")
    imports = ContactImport.objects.filter(status=ContactImport.Status.PENDING)
    if business is not None:
        batches = batches.filter(broadcast__business=business)
        due, imports = due.filter(business=business), imports.filter(business=business)
    return OldestWaiting(
        batch=_waited(batches, Greatest("created_at", "not_before")),
        gateway_event=_waited(events, F("received_at")),
        contact_import=_waited(imports, F("created_at")),
        campaign=_waited(due, F("scheduled_at")),
    )


def queue_lengths() -> dict[str, int] | None:
    """Tasks that wait in each queue; None when the broker is away."""
    routes = settings.CELERY_TASK_ROUTES.values()
    names = {settings.CELERY_TASK_DEFAULT_QUEUE, *(route["queue"] for route in routes)}
    try:
        return {name: doorbell.waiting(name) for name in sorted(names)}
    except failover.Away:
        return None


def heartbeat_age() -> float | None:
    """Seconds since beat, broker and a worker last worked together; None: for a minute not."""
    value = failover.cache.call(connection.client().get, HEARTBEAT)
    if not isinstance(value, bytes):
        return None
    try:
        beat = datetime.fromisoformat(value.decode())
        return max(0.0, (timezone.now() - beat).total_seconds())
    except (ValueError, TypeError):  # not what our task writes
        return None


def _waited(work: QuerySet[Model], since: F | Func) -> float | None:
    began = ExpressionWrapper(since, output_field=DateTimeField())
    oldest = work.annotate(waited=Now() - began)
    if not work.query.order_by:
        oldest = oldest.order_by("-waited")
    waited: timedelta | None = oldest.values_list("waited", flat=True).first()
    return None if waited is None else waited.total_seconds()
