"""What countries and businesses allow: quiet hours as data, and who has had how much."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import validate_country

validate_month_day = RegexValidator(
    r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z", "A day of the year is MM-DD, such as 12-25."
)


class QuietHours(models.Model):
    """When marketing messages must not go out in a country, in the local time of the business.

    A country without a row has none. A business's own hours take the place of its country's. Two
    equal times mean the whole day. At most one of the last three says on which days the row holds:
    none of them, on all. A night that begins on such a day lasts until its end on the next one.
    """

    country = models.CharField(max_length=2, validators=[validate_country], db_collation="C")
    starts = models.TimeField()
    ends = models.TimeField(help_text="Midnight may lie between; the same time: all day.")
    weekday = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(7)],
        help_text="1 is Monday, 7 is Sunday.",
    )
    month_day = models.CharField(
        max_length=5, blank=True, validators=[validate_month_day], help_text="Such as 12-25."
    )
    days_after_easter = models.SmallIntegerField(
        null=True, blank=True, help_text="Of the western churches: 1 is Easter Monday."
    )
    source = models.CharField(max_length=255, help_text="Who says so.")

    class Meta:
        verbose_name_plural = "quiet hours"
        constraints = [
            models.CheckConstraint(
                condition=Q(weekday__isnull=True) | Q(weekday__range=(1, 7)),
                name="quiet_hours_weekday",
            ),
            models.CheckConstraint(
                condition=Q(weekday__isnull=True, month_day="")
                | Q(weekday__isnull=True, days_after_easter__isnull=True)
                | Q(month_day="", days_after_easter__isnull=True),
                name="quiet_hours_one_kind_of_day",
            ),
        ]
        indexes = [models.Index(fields=["country"], name="quiet_hours_country")]

    def __str__(self) -> str:
        return f"{self.country} {self.starts:%H:%M}-{self.ends:%H:%M}"


class CountedMessage(models.Model):
    """A marketing message that counts for its phone's frequency cap, while its business has one.

    Written when the message is released to the gateway, so that Message needs no index by phone.
    """

    message_id = models.BigIntegerField(primary_key=True)
    business_id = models.BigIntegerField()
    phone = models.CharField(max_length=16, db_collation="C")
    released_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(
                fields=["business_id", "phone", "released_at"], name="counted_message_phone"
            )
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.phone}"
