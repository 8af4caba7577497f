"""Reads of contacts, for the API and for the apps above."""

import re
from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypedDict

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from accounts.models import Business
from contacts.filters import AudienceFilter, matching
from contacts.models import Contact, ContactImport, ContactList, ListMembership, Suppression


class Audience(TypedDict):
    """Whom a broadcast goes to, as JSON: a list, a filter, both (who is in both) or all.

    on: the ISO day on which ages are counted, so that an audience does not change at midnight.
    """

    list: int | None
    filter: AudienceFilter | None
    on: str


def today_in(business: Business) -> date:
    """The day it is at the business: ages are counted on it."""
    return timezone.now().astimezone(business.zone).date()


def audience(*, business_id: int, spec: Audience, is_subscribed: bool = True) -> QuerySet[Contact]:
    """Subscribed contacts of the audience (or those who would be), to be read in order of id.

    A list that no longer exists, or is another business's, has nobody in it.
    """
    on = date.fromisoformat(spec["on"])
    contacts = Contact.objects.filter(business_id=business_id, is_subscribed=is_subscribed)
    if spec["filter"]:
        contacts = contacts.filter(matching(spec["filter"], on=on))
    if spec["list"] is None:
        return contacts
    contact_list = ContactList.objects.filter(business_id=business_id, pk=spec["list"]).first()
    if contact_list is None:
        return contacts.none()
    return contacts.filter(belonging_to(contact_list, on=on))


def belonging_to(contact_list: ContactList, *, on: date) -> Q:
    """Contacts of a list, static or dynamic; still to be limited to the list's business."""
    if contact_list.filter is not None:
        return matching(contact_list.filter, on=on)
    members = ListMembership.objects.filter(contact_list=contact_list, contact=OuterRef("pk"))
    return Q(Exists(members))


def having_birthday(day: date) -> Q:
    """Contacts whose birthday is on the day; that of 29 February is the 28th in common years."""
    is_last_of_february = (day.month, day.day) == (2, 28) and not isleap(day.year)
    numbers = [28, 29] if is_last_of_february else [day.day]
    return Q(birthday__month=day.month, birthday__day__in=numbers)


def suppressed_phones(*, business_id: int, phones: Sequence[str]) -> set[str]:
    """Those of the phones (E.164) that the business must not text."""
    suppressed = Suppression.objects.filter(business_id=business_id, phone__in=phones)
    return set(suppressed.values_list("phone", flat=True))


def due_imports() -> list[int]:
    """Open imports that nobody works on, the oldest first."""
    return list(ContactImport.objects.unclaimed().order_by("id").values_list("pk", flat=True))


def containing(text: str) -> Q:
    """Contacts with the text in phone, e-mail or name, whatever its case.

    A phone is found by any part of any spelling: `694 123`, `0030694`.
    """
    condition = Q(email__icontains=text) | Q(full_name__icontains=text)
    digits = re.sub(r"[\s().\-/]", "", text)
    if re.fullmatch(r"\+?[0-9]+", digits):
        condition |= Q(phone__contains=digits.removeprefix("00"))
    return condition


def with_full_name(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    return contacts.alias(full_name=Concat("first_name", Value(" "), "last_name"))


def list_counts(contact_lists: Iterable[ContactList], *, on: date) -> dict[int, int]:
    """The numbers of contacts, subscribed or not, of one business's lists; in two queries."""
    lists = list(contact_lists)
    static = [contact_list.pk for contact_list in lists if contact_list.filter is None]
    members = ListMembership.objects.filter(contact_list__in=static)
    grouped = members.values_list("contact_list").annotate(number=Count("pk")).order_by()
    counts = dict.fromkeys(static, 0) | dict(grouped)
    filters = {each.pk: each.filter for each in lists if each.filter is not None}
    if filters:
        contacts = Contact.objects.filter(business_id=lists[0].business_id)
        found = contacts.aggregate(
            **{
                f"list_{pk}": Count("pk", filter=matching(filter_, on=on))
                for pk, filter_ in filters.items()
            }
        )
        counts |= {int(name.removeprefix("list_")): number for name, number in found.items()}
    return counts


def import_errors(contact_import: ContactImport) -> Iterator[tuple[object, ...]]:
    """A header and the import's errors in order of line, read as they are asked for."""
    yield ("line", "column", "code", "reason")
    rows = contact_import.errors.order_by("line", "id")
    yield from rows.values_list("line", "column", "code", "reason").iterator()
