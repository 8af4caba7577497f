"""What the list of campaigns can be searched by."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django_filters import rest_framework as filters

from accounts.selectors import get_business
from campaigns.cache import ListQuery
from campaigns.models import Campaign, Template
from campaigns.schedule import EARLIEST, LATEST
from campaigns.selectors import with_broadcasts

_DAYS = [MinValueValidator(EARLIEST), MaxValueValidator(LATEST)]


class TemplateFilter(filters.FilterSet):  # type: ignore[misc]
    q = filters.CharFilter("name", "icontains", label="Part of the name.")

    class Meta:
        model = Template
        fields: tuple[str, ...] = ()


class StableOrdering(filters.OrderingFilter):  # type: ignore[misc]
    """Ends with the id, so that no campaign stands on two pages."""

    def filter(self, qs: QuerySet[Campaign], value: Any) -> QuerySet[Campaign]:
        names = [name for name in value or () if name]  # "," names nothing
        if not names:
            return qs
        return qs.order_by(*(self.get_ordering_value(name) for name in names), "-pk")


class CampaignFilter(filters.FilterSet):  # type: ignore[misc]
    q = filters.CharFilter("name", "icontains", label="Part of the name.")
    status = filters.MultipleChoiceFilter(choices=Campaign.Status.choices)
    date_from = filters.DateFilter(
        method="created_from",
        validators=_DAYS,
        label="Created on this day of the business's time zone, or later.",
    )
    date_to = filters.DateFilter(
        method="created_to",
        validators=_DAYS,
        label="Created on this day of the business's time zone, or earlier.",
    )
    ordering = StableOrdering(fields=["created_at", "name", "scheduled_at", "status"])
    with_stats = filters.BooleanFilter(
        method="add_broadcasts", label="With the statistics of each."
    )

    class Meta:
        model = Campaign
        fields: tuple[str, ...] = ()

    def list_query(self, page: int | str, page_size: int) -> ListQuery:
        """What was asked for, in one form for all spellings of it; only if it is valid."""
        asked = self.form.cleaned_data
        return ListQuery(
            page=page,
            page_size=page_size,
            search=asked["q"],
            status=asked["status"],
            date_from=asked["date_from"],
            date_to=asked["date_to"],
            ordering=asked["ordering"] or ("-created_at",),
            with_stats=bool(asked["with_stats"]),
        )

    def created_from(self, campaigns: QuerySet[Campaign], _: str, day: date) -> QuerySet[Campaign]:
        return campaigns.filter(created_at__gte=self._midnight(day))

    def created_to(self, campaigns: QuerySet[Campaign], _: str, day: date) -> QuerySet[Campaign]:
        return campaigns.filter(created_at__lt=self._midnight(day + timedelta(days=1)))

    def add_broadcasts(
        self, campaigns: QuerySet[Campaign], _: str, wanted: object
    ) -> QuerySet[Campaign]:
        return with_broadcasts(campaigns) if wanted else campaigns

    def _midnight(self, day: date) -> datetime:
        # The zone of now, not of when the request began: the cache may keep the answer.
        business = get_business(self.request.parser_context["view"].business.pk)
        return datetime.combine(day, time.min, tzinfo=business.zone)
