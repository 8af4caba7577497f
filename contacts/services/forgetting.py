"""What public forms leave behind, and for how long."""

from datetime import UTC, timedelta
from typing import Final

from django.utils import timezone

from contacts.models import DailySignups, OptInRequest

KEPT_DAYS: Final = timedelta(days=7)


def forget_requests() -> None:
    """What was typed into forms is kept no longer than it can be confirmed."""
    now = timezone.now()
    OptInRequest.objects.filter(expires_at__lt=now).delete()
    DailySignups.objects.filter(day__lt=now.astimezone(UTC).date() - KEPT_DAYS).delete()
