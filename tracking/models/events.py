"""What people did with a message. Each row counts once, in the transaction that wrote it.

As in Message, references to messages, broadcasts and contacts have no database constraint: the
first two stay, and a deleted contact leaves its number behind as history.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models import Contact
from messaging.models import Broadcast, Message
from tracking.models.targets import ShortLink


class OfferView(models.Model):
    """The offer of a message was looked at, so many times."""

    message = models.OneToOneField(
        Message,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        primary_key=True,
        related_name="+",
    )
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    first_at = models.DateTimeField(db_default=Now())
    times = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"View of {self.message_id}"


class Click(models.Model):
    """A link of a message was followed, so many times."""

    message = models.ForeignKey(
        Message,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    link = models.ForeignKey(ShortLink, on_delete=models.PROTECT, related_name="clicks")
    first_at = models.DateTimeField(db_default=Now())
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "link"], name="click_once"),
        ]

    def __str__(self) -> str:
        return f"Click on {self.link_id} in {self.message_id}"


class Redemption(models.Model):
    """The offer of a message was redeemed: once, unless that was undone. Rows stay as evidence.

    ip, user_agent, channel: of the till that redeemed it.
    """

    class Channel(models.TextChoices):
        API = "api"
        ADMIN = "admin"

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, db_index=False, related_name="redemptions"
    )
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    message = models.ForeignKey(
        Message,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    redeemed_at = models.DateTimeField(db_default=Now())
    redeemed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    channel = models.CharField(max_length=10, choices=Channel)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message"], condition=Q(undone_at__isnull=True), name="redemption_once"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["api", "admin"]), name="redemption_channel"
            ),
        ]
        indexes = [
            models.Index(fields=["business", "-id"], name="redemption_business"),
            # Of a message also those that were undone.
            models.Index(fields=["message"], name="redemption_message"),
        ]

    def __str__(self) -> str:
        return f"Redemption {self.pk}"


class OptOut(models.Model):
    """The opt-out link of a message was used.

    phones: those it spoke for; taken: those of them that nobody had taken out before, which is
    what an undo gives back. A row that took none counts in no statistic.
    """

    message = models.OneToOneField(
        Message,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        primary_key=True,
        related_name="+",
    )
    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    phones = ArrayField(models.CharField(max_length=16))
    taken = ArrayField(models.CharField(max_length=16))
    at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "opt-out by link"
        verbose_name_plural = "opt-outs by link"
        indexes = [models.Index(fields=["business", "at"], name="opt_out_business")]

    def __str__(self) -> str:
        return f"Opt-out by {self.message_id}"
