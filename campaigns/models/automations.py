"""Messages that go out by themselves, and to whom they went."""

from datetime import time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import SENDER, Business, validate_sender
from campaigns.models.campaigns import WithOffer
from messaging.models import Broadcast

MAX_OFFER_DAYS = 366
LATEST_SEND_TIME = time(23, 30)  # the sweep needs some minutes of the day


class Automation(WithOffer):
    """A text that goes out by itself: when somebody signs up, or on their birthday.

    offer_valid_days: the offer ends so many days after the message; of both ends the first counts.
    send_time: of birthday messages, in the business's time zone.
    swept_on: the latest day of the business whose birthdays have been seen to.
    failure: why the latest day's birthday messages did not go out; empty if they did.
    Not deleted once it has sent something: its runs say who has had it.
    """

    class Kind(models.TextChoices):
        WELCOME = "welcome"  # once per phone
        BIRTHDAY = "birthday"  # once per phone and year

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="automations"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    text = models.TextField()
    sender = models.CharField(max_length=14, blank=True, validators=[validate_sender])
    offer_valid_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_OFFER_DAYS)],
    )
    is_active = models.BooleanField(default=True)
    send_time = models.TimeField(
        null=True, blank=True, validators=[MaxValueValidator(LATEST_SEND_TIME)]
    )
    swept_on = models.DateField(null=True, blank=True)
    failure = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "kind"], name="automation_kind_once"),
            models.CheckConstraint(
                condition=Q(kind="birthday", send_time__isnull=False, swept_on__isnull=False)
                | (~Q(kind="birthday") & Q(send_time=None, swept_on=None)),
                name="automation_birthday_when",
            ),
            models.CheckConstraint(
                condition=Q(sender="") | Q(sender__regex=SENDER), name="automation_sender"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["welcome", "birthday"]), name="automation_kind"
            ),
            models.CheckConstraint(
                condition=~Q(offer_title="")
                | Q(offer_text="", offer_valid_until=None, offer_valid_days=None),
                name="automation_offer_titled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} message"


class AutomationRun(models.Model):
    """An automation has happened to a person: the broadcast has its message to that phone.

    contact_id: without a constraint, since a deleted contact leaves its number behind as history.
    year: of the birthday; 0 for what happens to a person once.
    """

    automation = models.ForeignKey(
        Automation, on_delete=models.PROTECT, db_index=False, related_name="runs"
    )
    phone = models.CharField(max_length=16, db_collation="C")
    contact_id = models.BigIntegerField(null=True, blank=True)
    year = models.PositiveSmallIntegerField(default=0)
    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.PROTECT, related_name="automation_runs"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            # Serves as the index by automation, too.
            models.UniqueConstraint(
                fields=["automation", "phone", "year"], name="automation_run_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.automation_id} to {self.phone}"
