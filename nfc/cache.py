"""What visitors are shown of a tag, cached, and the receivers that keep it true."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import orjson
from django.conf import settings
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.cache import business_generation
from accounts.models import Business
from nfc.models import OptInForm, Tag
from rediskit.versioned_cache import (
    State,
    generation_key,
    get_or_compute,
    invalidate_durably,
    versioned_key,
)

# All that a page for visitors is made of.
_TAG: Final = ("id", "business_id", "public_id", "type", "status", "form_id")
_FORM: Final = (
    "id", "business_id", "version", "fields", "language", "consent_text", "thank_you_text",
    "offer_text", "translations", "double_opt_in",
)  # fmt: skip
_BUSINESS: Final = ("id", "name", "country", "time_zone", "colour", "link_domain")


def tag_key(business_id: int, public_id: str) -> str:
    """
    >>> tag_key(1, "mUkVYzPTLQhZ1c0a")
    'cache:tag:v1:1:mUkVYzPTLQhZ1c0a'
    """
    return versioned_key("cache:tag", 1, business_id, public_id)


def tags_generation(business_id: int) -> str:
    """Of all tags and forms of the business."""
    return generation_key("tags", business_id)


def get_tag(
    *, public_id: str, compute: Callable[[], bytes], fresh: bool
) -> tuple[Tag | None, State]:
    """The tag with its form and business, to be looked at only; None if there is none.

    compute: what `dump` makes of the tag; its errors are passed on.
    """
    owner = _owner(public_id)
    if owner is None:
        return None, "miss"
    cached = get_or_compute(
        key=tag_key(owner, public_id),
        generations=[tags_generation(owner), business_generation(owner)],
        ttl=settings.CACHE_TTLS["tags"],
        compute=compute,
        fresh=fresh,
    )
    return _load(cached.body), cached.state


def dump(tag: Tag) -> bytes:
    return orjson.dumps(
        {
            "tag": _values(tag, _TAG),
            "form": _values(tag.form, _FORM) if tag.form else None,
            "business": _values(tag.business, _BUSINESS),
        }
    )


def _load(body: bytes) -> Tag:
    stored: dict[str, Any] = orjson.loads(body)
    tag = Tag(**stored["tag"])
    tag.business = Business(**stored["business"])
    tag.form = OptInForm(**stored["form"]) if stored["form"] else None
    return tag


def _values(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _owner(public_id: str) -> int | None:
    try:
        return _known_owner(public_id)
    except Tag.DoesNotExist:
        return None


@lru_cache(maxsize=10_000)
def _known_owner(public_id: str) -> int:
    """Whose tag it is, which never changes. That there is none is not remembered."""
    return Tag.objects.values_list("business_id", flat=True).get(public_id=public_id)


@receiver([post_save, post_delete], sender=Tag)
def forget_tag(*, instance: Tag, **_: Any) -> None:
    invalidate_durably(tags_generation(instance.business_id))


@receiver([post_save, post_delete], sender=OptInForm)
def forget_form(*, instance: OptInForm, **_: Any) -> None:
    invalidate_durably(tags_generation(instance.business_id))
