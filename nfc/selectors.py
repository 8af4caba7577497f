"""Reads of tags, forms and figures."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django.db.models import QuerySet, Sum

from accounts.models import Business
from accounts.problems import Problem
from campaigns.models import Campaign
from contacts.models import Contact, ContactList
from nfc import cache
from nfc.models import PUBLIC_ID, OptInForm, Scan, Tag, TagDay
from rediskit.versioned_cache import State

FIGURES = ("taps", "forms", "opt_ins", "visits", "redemptions", "unsubscribes")


class TagNotFound(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "TAG_NOT_FOUND"
    title: ClassVar[str] = "There is no such tag"


class TagInactive(Problem):
    status: ClassVar[int] = 404
    code: ClassVar[str] = "TAG_INACTIVE"
    title: ClassVar[str] = "This tag is not in use"

    def __init__(self, tag: Tag) -> None:
        super().__init__()
        self.tag = tag


def is_public_id(text: str) -> bool:
    """Whether it could be one; the database takes no NUL, for one."""
    return re.fullmatch(PUBLIC_ID, text, re.ASCII) is not None


def find_tag(public_id: str) -> Tag:
    """With its business and form, as they are now. Raises TagNotFound, TagInactive."""
    return _in_use(_read_tag(public_id))


def find_shown_tag(public_id: str, *, fresh: bool = False) -> tuple[Tag, State]:
    """As `find_tag`, by the cache: to be shown, never to be saved."""
    if not is_public_id(public_id):
        raise TagNotFound
    tag, state = cache.get_tag(
        public_id=public_id, compute=lambda: cache.dump(_read_tag(public_id)), fresh=fresh
    )
    if tag is None:
        raise TagNotFound
    return _in_use(tag), state


def _read_tag(public_id: str) -> Tag:
    tags = Tag.objects.filter(public_id=public_id).select_related("business", "form")
    tag = tags.first() if is_public_id(public_id) else None
    if tag is None:
        raise TagNotFound
    return tag


def _in_use(tag: Tag) -> Tag:
    if tag.status == Tag.Status.INACTIVE:
        raise TagInactive(tag)
    return tag


def forms_of(business: Business) -> QuerySet[OptInForm]:
    return OptInForm.objects.filter(business=business)


def campaigns_of(business: Business) -> QuerySet[Campaign]:
    return Campaign.objects.filter(business=business)


def static_lists_of(business: Business) -> QuerySet[ContactList]:
    return ContactList.objects.filter(business=business, filter__isnull=True)


def days_of(tag: Tag, *, first: date, last: date) -> list[TagDay]:
    """The days on which something happened, both ends included, the newest first."""
    days = TagDay.objects.filter(tag=tag, day__gte=first, day__lte=last)
    return list(days.order_by("-day"))


def totals_of(tag_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """All figures of each tag since it was made."""
    days = TagDay.objects.filter(tag__in=tag_ids).order_by()
    sums: Any = days.values("tag").annotate(**{f"all_{name}": Sum(name) for name in FIGURES})
    found = {row["tag"]: {name: row[f"all_{name}"] for name in FIGURES} for row in sums}
    return {pk: found.get(pk, dict.fromkeys(FIGURES, 0)) for pk in tag_ids}


def tag_of_contact(contact_id: int) -> Scan | None:
    """The sign-up by which the contact first came in, if that was by a tag."""
    sign_ups = Scan.objects.filter(contact=contact_id, kind=Scan.Kind.OPT_IN)
    return sign_ups.select_related("tag__business").order_by("id").first()


def standing_unsubscribe(contact_id: int) -> Scan | None:
    """Where the contact's last opt-out was counted, unless it has been taken back."""
    kinds = (Scan.Kind.UNSUBSCRIBE, Scan.Kind.UNSUBSCRIBE_UNDONE)
    scans = Scan.objects.filter(contact=contact_id, kind__in=kinds)
    last = scans.select_related("tag__business").order_by("id").last()
    return last if last and last.kind == Scan.Kind.UNSUBSCRIBE else None


def scan_of_redemption(redemption_id: int) -> Scan | None:
    """Where a redemption was counted."""
    counted = Scan.objects.filter(redemption=redemption_id, kind=Scan.Kind.REDEMPTION)
    return counted.select_related("tag__business").first()


def tag_of_business(*, business_id: int, public_id: str) -> Tag | None:
    """Whatever its status: a sign-up may be confirmed days later."""
    if not public_id:
        return None
    tags = Tag.objects.filter(business=business_id, public_id=public_id)
    return tags.select_related("business", "form").first()


def contact_id_of(*, business_id: int, phone: str) -> int | None:
    contacts = Contact.objects.filter(business=business_id, phone=phone)
    return contacts.values_list("pk", flat=True).first()
