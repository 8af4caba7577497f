"""Filters of the list of messages."""

import django_filters

from messaging.models import Message


class MessageFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    status = django_filters.ChoiceFilter(choices=Message.Status.choices)
    phone = django_filters.CharFilter()
    contact = django_filters.NumberFilter(field_name="contact_id")

    class Meta:
        model = Message
        fields = ["status", "phone", "contact"]
