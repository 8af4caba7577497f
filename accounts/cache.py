"""The cached reads of a business, and the receivers that keep them true."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import Business
from accounts.signals import businesses_changed
from rediskit.versioned_cache import (
    Cached,
    generation_key,
    get_or_compute,
    invalidate_durably,
    versioned_key,
)


def profile_key(business_id: int) -> str:
    """
    >>> profile_key(5)
    'cache:profile:v1:5:5'
    """
    return versioned_key("cache:profile", 1, business_id, business_id)


def business_generation(business_id: int) -> str:
    """Of everything that shows or depends on the row of the business."""
    return generation_key("business", business_id)


def get_profile(*, business_id: int, compute: Callable[[], bytes], fresh: bool) -> Cached:
    return get_or_compute(
        key=profile_key(business_id),
        generations=[business_generation(business_id)],
        ttl=settings.CACHE_TTLS["profile"],
        compute=compute,
        fresh=fresh,
    )


@receiver([post_save, post_delete], sender=Business)
def forget_business(*, instance: Business, **_: Any) -> None:
    invalidate_durably(business_generation(instance.pk))


@receiver(businesses_changed)
def forget_businesses(*, business_ids: set[int], **_: Any) -> None:
    invalidate_durably(*map(business_generation, business_ids))
