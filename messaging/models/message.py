"""One SMS to one phone."""

import secrets

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models import Contact
from messaging.models.broadcast import Broadcast


def new_public_id() -> str:
    """12 url-safe characters, 72 random bits: a message's name before strangers."""
    return secrets.token_urlsafe(9)


def new_public_ids(count: int) -> list[str]:
    """Drawn together: nine bytes are twelve characters without padding."""
    drawn = secrets.token_urlsafe(9 * count)
    return [drawn[start : start + 12] for start in range(0, len(drawn), 12)]


class Message(models.Model):
    """One SMS to one phone of one broadcast. Never revived: a retry is a new message.

    Ladder, held by a trigger:
    queued -> sent -> delivered | undelivered
    queued -> failed | unknown | cancelled | suppressed | expired
    unknown -> sent | delivered | undelivered | failed
    failed (unconfirmed) -> delivered | undelivered

    While its batch is `submitting` the statistics call a queued message submitting. `sent` means
    accepted by the gateway and not yet reported; `unknown` that the gateway may have accepted it.

    No index may mention status, reason, batch_id or a time stamp of this table: their updates stay
    in the page (HOT), which doubles the rate of recording. The table's fillfactor is 50 for that.
    The foreign keys have no database constraint: two of them double the cost of an insert.
    Businesses with broadcasts and broadcasts themselves are never deleted; a deleted contact leaves
    its number behind as history.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        DELIVERED = "delivered"
        UNDELIVERED = "undelivered"
        FAILED = "failed"
        UNKNOWN = "unknown"
        CANCELLED = "cancelled"
        SUPPRESSED = "suppressed", "Left out"
        EXPIRED = "expired"

    public_id = models.CharField(
        max_length=12, unique=True, default=new_public_id, db_collation="C", editable=False
    )
    business = models.ForeignKey(
        Business,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    phone = models.CharField(max_length=16, db_collation="C")
    text = models.TextField()
    segments = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=12, choices=Status, default=Status.QUEUED, db_collation="C"
    )
    reason = models.CharField(max_length=40, blank=True, default="", db_collation="C")
    batch_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Serves as the index by broadcast, too: pages of a broadcast go by phone.
            models.UniqueConstraint(fields=["broadcast", "phone"], name="message_phone_once"),
        ]
        # A business's messages, newest first.
        indexes = [models.Index(fields=["business", "id"], name="message_business")]

    def __str__(self) -> str:
        return self.public_id


class MessageProblem(models.Model):
    """Append-only: a message that came to a status worth a look, so that none needs an index."""

    broadcast_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    status = models.CharField(max_length=12, db_collation="C")
    reason = models.CharField(max_length=40, db_collation="C")
    created_at = models.DateTimeField(db_default=Now())

    STATUSES = frozenset(
        {
            Message.Status.FAILED,
            Message.Status.UNDELIVERED,
            Message.Status.UNKNOWN,
            Message.Status.SUPPRESSED,
        }
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["failed", "undelivered", "unknown", "suppressed"]),
                name="message_problem_status",
            ),
        ]
        indexes = [
            models.Index(
                fields=["broadcast_id", "status", "message_id"], name="message_problem_broadcast"
            ),
            # What was closed and may still be lifted.
            models.Index(
                fields=["created_at", "broadcast_id"],
                condition=Q(reason="unconfirmed"),
                name="message_problem_unconfirmed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.status}: {self.reason}"
