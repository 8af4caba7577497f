"""The engine's unit of work and the rows beside it."""

from typing import TypedDict

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import SENDER, Business, validate_sender


class Retry(TypedDict):
    """Whose failures a broadcast sends again, as JSON: those with these reasons.

    broadcasts: ids, ascending; of the messages to one phone the one in the last of them counts.
    """

    broadcasts: list[int]
    reasons: list[str]


class Broadcast(models.Model):
    """One text to one audience: text, sender, window, status. It knows contacts, not campaigns.

    Ladder, held by a trigger: sending <-> paused; sending -> completed;
    sending | paused -> cancelled | failed.

    audience: what `contacts.selectors.audience` takes; empty when the messages were given, or are
    those of a retry.
    """

    class Status(models.TextChoices):
        SENDING = "sending"
        PAUSED = "paused"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        FAILED = "failed"

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, db_index=False, related_name="broadcasts"
    )
    text = models.TextField(help_text="With placeholders, as it was at the launch.")
    sender = models.CharField(max_length=14, validators=[validate_sender])
    is_marketing = models.BooleanField(default=True, help_text="Ends with an opt-out link.")
    audience = models.JSONField(null=True, blank=True)
    retry_of = models.JSONField(
        null=True, blank=True, help_text="Whose failures it sends again, and which: see Retry."
    )
    phone = models.CharField(
        max_length=16,
        null=True,
        blank=True,
        db_collation="C",
        help_text="Of a broadcast of one message; empty if there may be several.",
    )
    link_base = models.CharField(
        max_length=255, blank=True, help_text="Of the links in its texts; empty: the site's."
    )
    reaches_suppressed = models.BooleanField(
        "reaches who has unsubscribed",
        default=False,
        help_text="Goes to people who have opted out too: they asked for this one.",
    )
    is_asked_for = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Answers somebody who asked: no frequency cap holds it, nor does it count.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.SENDING)
    failure = models.CharField(max_length=255, blank=True)
    not_before = models.DateTimeField(db_default=Now())
    setbacks = models.PositiveSmallIntegerField(
        default=0, help_text="Gateway calls in a row that came to nothing."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_served = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["sending", "paused", "completed", "cancelled", "failed"]),
                name="broadcast_status",
            ),
            # Whoever starts one has validated it; this is the last door before the gateway.
            models.CheckConstraint(condition=Q(sender__regex=SENDER), name="broadcast_sender"),
        ]
        indexes = [
            models.Index(
                fields=["last_served"], condition=Q(status="sending"), name="broadcast_served"
            ),
            models.Index(fields=["business", "-id"], name="broadcast_business"),
            # Whom a reply answers: docs/adr/0011-whose-reply-it-is.md.
            models.Index(
                fields=["phone", "-id"], condition=Q(phone__isnull=False), name="broadcast_phone"
            ),
            models.Index(
                fields=["finished_at"], condition=Q(phone__isnull=True), name="broadcast_finished"
            ),
            models.Index(
                fields=["business", "id"], condition=Q(phone__isnull=True), name="broadcast_many"
            ),
        ]

    def __str__(self) -> str:
        return f"Broadcast {self.pk}"

    @property
    def links_begin(self) -> str:
        """What every link in its texts begins with, without a slash at the end."""
        return self.link_base or settings.PUBLIC_BASE_URL


class BroadcastCounters(models.Model):
    """How many messages of a broadcast stand in each status; kept with the statuses themselves.

    A row of its own, so that results never wait for claims, pause or expansion.
    """

    broadcast = models.OneToOneField(
        Broadcast, on_delete=models.CASCADE, primary_key=True, related_name="counters"
    )
    total = models.PositiveIntegerField(default=0)
    queued = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    delivered = models.PositiveIntegerField(default=0)
    undelivered = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    suppressed = models.PositiveIntegerField("left out", default=0)
    expired = models.PositiveIntegerField(default=0)
    segments = models.PositiveIntegerField(default=0)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "broadcast counters"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    total=F("queued")
                    + F("sent")
                    + F("delivered")
                    + F("undelivered")
                    + F("failed")
                    + F("unknown")
                    + F("cancelled")
                    + F("suppressed")
                    + F("expired")
                ),
                name="broadcast_counters_add_up",
            ),
        ]
        indexes = [
            # Where messages are to be settled. Other updates of the row stay HOT.
            models.Index(
                fields=["broadcast"], condition=Q(unknown__gt=0), name="broadcast_counters_unknown"
            ),
        ]

    def __str__(self) -> str:
        return f"Counters of {self.broadcast_id}"

    @property
    def handed_over(self) -> int:
        """To the gateway, whatever came of it; what never goes there is not."""
        return self.sent + self.delivered + self.undelivered + self.failed + self.unknown


class ExpansionCursor(models.Model):
    """How far a broadcast's audience has been turned into messages (contacts in order of id).

    Of a retry: how many of the failures, in order of the id of the message that failed.
    """

    broadcast = models.OneToOneField(
        Broadcast, on_delete=models.CASCADE, primary_key=True, related_name="cursor"
    )
    after_contact_id = models.BigIntegerField(default=0)
    up_to_contact_id = models.BigIntegerField(help_text="Later contacts are not of this audience.")
    done = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["broadcast"], condition=Q(done=False), name="expansion_open"),
        ]

    def __str__(self) -> str:
        return f"Cursor of {self.broadcast_id}"


class Batch(models.Model):
    """The messages of one gateway call: those in the id range that carry this batch's id.

    Ladder, held by a trigger: ready -> submitting -> recorded | lost; ready -> cancelled.
    `submitting` is the write-ahead mark: once it is committed its messages are never sent again
    by themselves. Only the holder of the lease token records; the sweep declares a batch lost
    when its lease has run out.
    """

    class State(models.TextChoices):
        READY = "ready"
        SUBMITTING = "submitting"
        RECORDED = "recorded"
        LOST = "lost"
        CANCELLED = "cancelled"

    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.PROTECT, related_name="batches", db_index=False
    )
    state = models.CharField(max_length=10, choices=State, default=State.READY, db_collation="C")
    size = models.PositiveIntegerField()
    first_message_id = models.BigIntegerField()
    last_message_id = models.BigIntegerField()
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "batches"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["ready", "submitting", "recorded", "lost", "cancelled"]),
                name="batch_state",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["ready", "cancelled"])
                | Q(lease_token__isnull=False, lease_until__isnull=False),
                name="batch_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["broadcast", "id"], condition=Q(state="ready"), name="batch_ready"
            ),
            models.Index(
                fields=["broadcast", "lease_until"],
                condition=Q(state="submitting"),
                name="batch_submitting",
            ),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk} of {self.broadcast_id}"


class DailyUsage(models.Model):
    """Messages that a business handed to the gateway on a day (UTC).

    Of one zone for all: a business that could choose its own could live through three days at once.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    day = models.DateField()
    messages = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(fields=["business", "day"], name="daily_usage_once"),
        ]

    def __str__(self) -> str:
        return f"{self.business_id} on {self.day}: {self.messages}"
