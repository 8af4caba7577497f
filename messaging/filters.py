"""Filters of the lists of messages and replies."""

from contextlib import suppress
from functools import partial
from typing import Any

import django_filters
from django.db.models import QuerySet

from contacts.phone import InvalidPhone, normalise
from messaging.models import InboundMessage, Message


class PhoneFilter(django_filters.CharFilter):  # type: ignore[misc]  # it has no stubs
    """A phone in any spelling, as contacts and messages take it; or the sender's own word."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value:
            country = self.parent.request.parser_context["view"].business.country
            with suppress(InvalidPhone):
                value = normalise(value, country)
        found: QuerySet[Any] = super().filter(qs, value)
        return found


ContactFilter = partial(
    django_filters.NumberFilter, min_value=1, max_value=2**63 - 1, decimal_places=0
)


class MessageFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    status = django_filters.ChoiceFilter(choices=Message.Status.choices)
    phone = PhoneFilter()
    contact = ContactFilter(field_name="contact_id")

    class Meta:
        model = Message
        fields = ["status", "phone", "contact"]


class InboxFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    is_handled = django_filters.BooleanFilter("handled_at", "isnull", exclude=True)
    keyword = django_filters.MultipleChoiceFilter(choices=InboundMessage.Keyword.choices)
    phone = PhoneFilter()
    contact = ContactFilter(field_name="contact_id")

    class Meta:
        model = InboundMessage
        fields: tuple[str, ...] = ()
