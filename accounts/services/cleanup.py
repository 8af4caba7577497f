"""Forgetting what has served its time."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import IdempotentRequest, RefreshSession

IDEMPOTENCY_HOURS = 24


def forget_expired() -> None:
    now = timezone.now()
    kept_from = now - timedelta(hours=IDEMPOTENCY_HOURS)
    IdempotentRequest.objects.filter(created_at__lt=kept_from).delete()
    RefreshSession.objects.filter(expires_at__lt=now).delete()
