"""The query parameters of contacts."""

from datetime import date
from typing import Any

import django_filters
from django.db.models import QuerySet

from contacts import selectors
from contacts.filters import MAX_AGE, AudienceFilter, matching
from contacts.models import Contact, ContactList, Gender


def _lists(request: Any) -> QuerySet[ContactList]:
    if request is None:  # the schema is being generated
        return ContactList.objects.none()
    business = request.parser_context["view"].business
    return ContactList.objects.filter(business=business)


class ContactFilterSet(django_filters.FilterSet):  # type: ignore[misc]  # it has no stubs
    q = django_filters.CharFilter(
        method="search", max_length=100, help_text="Any part of phone, e-mail or name."
    )
    is_subscribed = django_filters.BooleanFilter()
    list = django_filters.ModelChoiceFilter(queryset=_lists, method="in_list")
    gender = django_filters.ChoiceFilter(choices=Gender.choices)
    age_min = django_filters.NumberFilter(method="of_age", min_value=0, max_value=MAX_AGE)
    age_max = django_filters.NumberFilter(method="of_age", min_value=0, max_value=MAX_AGE)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Contact
        fields: tuple[str, ...] = ()

    @property
    def _today(self) -> date:
        return selectors.today_in(self.request.parser_context["view"].business)

    def search(self, queryset: QuerySet[Contact], _: str, value: str) -> QuerySet[Contact]:
        return selectors.with_full_name(queryset).filter(selectors.containing(value))

    def in_list(self, queryset: QuerySet[Contact], _: str, value: ContactList) -> QuerySet[Contact]:
        return queryset.filter(selectors.belonging_to(value, on=self._today))

    def of_age(self, queryset: QuerySet[Contact], name: str, value: Any) -> QuerySet[Contact]:
        ages: AudienceFilter = {name: int(value)}  # type: ignore[misc]
        return queryset.filter(matching(ages, on=self._today))
