"""Where the links in a broadcast's texts lead."""

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from messaging.models import Broadcast
from tracking.targets import MAX_TARGET

MAX_LINKS = 99  # a code has room for two digits
MAX_TITLE = 120


class ShortLink(models.Model):
    """The broadcast's n-th link: `/s/{public_id}{n}` leads to its target, for every message."""

    broadcast = models.ForeignKey(
        Broadcast, on_delete=models.PROTECT, db_index=False, related_name="short_links"
    )
    number = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_LINKS)]
    )
    target = models.CharField(max_length=MAX_TARGET)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["broadcast", "number"], name="short_link_once"),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=MAX_LINKS), name="short_link_number"
            ),
            # Whatever wrote the row: nothing but the web is behind a link of ours.
            models.CheckConstraint(
                condition=Q(target__startswith="https://") | Q(target__startswith="http://"),
                name="short_link_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.target}"


class Offer(models.Model):
    """What the people of one broadcast may redeem, each once: `/o/{public_id}` shows it."""

    broadcast = models.OneToOneField(
        Broadcast, on_delete=models.PROTECT, primary_key=True, related_name="offer"
    )
    title = models.CharField(max_length=MAX_TITLE)
    text = models.TextField(blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.title

    def is_expired(self, now: datetime) -> bool:
        return self.valid_until is not None and self.valid_until <= now
