"""What people write back, and what a business answers by itself."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models import Contact
from messaging.models.broadcast import Broadcast
from messaging.models.events import GatewayEvent
from messaging.models.message import Message

MAX_ADDRESS = 32  # characters


class InboundMessage(models.Model):
    """An SMS that somebody sent us: of the business that last messaged the phone, or of none.

    phone: in E.164, or, if the gateway named none that can be dialled, what it named instead.
    occurred_at: the gateway's time where it names one that is past, else that of its arrival. Of
    two keywords of a phone the one with the later such time counts.
    dedupe_key: of the gateway's id or time, so that what is posted again is not taken again.
    As in Message, messages and contacts have no database constraint.
    """

    class Keyword(models.TextChoices):
        STOP = "stop"
        HELP = "help"
        START = "start"
        YES = "yes"

    class Effect(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed"
        RESUBSCRIBED = "resubscribed"
        CONFIRMED = "confirmed", "Sign-up confirmed"
        OUTDATED = "outdated", "A later word of the person was known"

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    phone = models.CharField(max_length=MAX_ADDRESS, db_collation="C")
    to = models.CharField(max_length=MAX_ADDRESS, blank=True)
    text = models.TextField(blank=True)
    keyword = models.CharField(max_length=10, choices=Keyword, blank=True, default="")
    effect = models.CharField(max_length=12, choices=Effect, blank=True, default="")
    message = models.ForeignKey(
        Message,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        help_text="The one that it answers: the last that the phone got.",
    )
    event = models.ForeignKey(
        GatewayEvent, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    dedupe_key = models.CharField(max_length=64, unique=True, db_collation="C", editable=False)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "reply"
        verbose_name_plural = "replies"
        constraints = [
            models.CheckConstraint(
                condition=Q(keyword__in=["", "stop", "help", "start", "yes"]),
                name="inbound_keyword",
            ),
            models.CheckConstraint(
                condition=Q(
                    effect__in=["", "unsubscribed", "resubscribed", "confirmed", "outdated"]
                ),
                name="inbound_effect",
            ),
        ]
        indexes = [
            models.Index(fields=["business", "-id"], name="inbound_newest"),
            models.Index(
                fields=["business", "-id"],
                condition=Q(handled_at__isnull=True),
                name="inbound_unhandled",
            ),
            models.Index(fields=["business", "phone", "occurred_at"], name="inbound_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.phone}: {self.text[:40]}"

    @property
    def is_handled(self) -> bool:
        return self.handled_at is not None


class AutoReply(models.Model):
    """What a business answers by itself; without a row, the kind's default holds."""

    class Kind(models.TextChoices):
        HELP = "help", "To HELP"
        STOP = "stop", "To STOP: confirms the opt-out, once, to a phone that is opted out"
        START = "start", "To START and YES"
        OTHER = "other", "To whatever is no keyword"

    ACTIVE_BY_ITSELF = frozenset({Kind.HELP})

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="auto_replies"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.TextField(blank=True, help_text="Empty: the standard text, where there is one.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "automatic reply"
        verbose_name_plural = "automatic replies"
        constraints = [
            models.UniqueConstraint(fields=["business", "kind"], name="auto_reply_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["help", "stop", "start", "other"]), name="auto_reply_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class SentReply(models.Model):
    """An automatic reply went out. The constraint is what keeps two machines from a dialogue.

    day: UTC, as the daily cap. Whoever sends it: a phone gets one of a kind a day.
    """

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    phone = models.CharField(max_length=16, db_collation="C")
    kind = models.CharField(max_length=10, choices=AutoReply.Kind)
    day = models.DateField()
    inbound = models.OneToOneField(
        InboundMessage, on_delete=models.PROTECT, related_name="auto_reply"
    )
    broadcast = models.OneToOneField(Broadcast, on_delete=models.PROTECT, related_name="auto_reply")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "automatic reply sent"
        verbose_name_plural = "automatic replies sent"
        constraints = [
            models.UniqueConstraint(fields=["phone", "kind", "day"], name="sent_reply_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.phone}"
