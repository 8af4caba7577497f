"""Reads of contacts, for the API and for the apps above."""

from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet

from contacts.filters import AudienceFilter, matching
from contacts.models import Contact, ContactList, ListMembership, Suppression


class Audience(TypedDict):
    """Whom a broadcast goes to, as JSON: a list, a filter, both (who is in both) or all.

    on: the ISO day on which ages are counted, so that an audience does not change at midnight.
    """

    list: int | None
    filter: AudienceFilter | None
    on: str


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


def suppressed_phones(*, business_id: int, phones: Sequence[str]) -> set[str]:
    """Those of the phones (E.164) that the business must not text."""
    suppressed = Suppression.objects.filter(business_id=business_id, phone__in=phones)
    return set(suppressed.values_list("phone", flat=True))
