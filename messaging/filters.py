"""Filters of the lists of messages and replies."""

import django_filters

from messaging.models import InboundMessage, Message


class MessageFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    status = django_filters.ChoiceFilter(choices=Message.Status.choices)
    phone = django_filters.CharFilter()
    contact = django_filters.NumberFilter(field_name="contact_id")

    class Meta:
        model = Message
        fields = ["status", "phone", "contact"]


class InboxFilter(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    is_handled = django_filters.BooleanFilter("handled_at", "isnull", exclude=True)
    keyword = django_filters.MultipleChoiceFilter(choices=InboundMessage.Keyword.choices)
    phone = django_filters.CharFilter()
    contact = django_filters.NumberFilter(
        field_name="contact_id", min_value=1, max_value=2**63 - 1, decimal_places=0
    )

    class Meta:
        model = InboundMessage
        fields: tuple[str, ...] = ()
