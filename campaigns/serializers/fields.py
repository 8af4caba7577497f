"""Fields that several serializers share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Business
from campaigns.schedule import EARLIEST, LATEST
from contacts.filters import validate_audience_filter
from contacts.models import Gender
from messaging.rendering import TemplateError
from messaging.texts import check_text


def validate_text(text: str) -> str:
    try:
        check_text(text)
    except TemplateError as error:
        raise serializers.ValidationError(error.detail, code=error.code) from error
    return text


class TextField(serializers.CharField):
    """A message text with placeholders; an empty one is `check_text`'s to refuse, too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return validate_text(super().run_validation(data))


class InstantField(serializers.DateTimeField):
    """An instant that says its offset from UTC: a bare wall time could mean many."""

    def __init__(self, **kwargs: Any) -> None:
        limits = [
            MinValueValidator(datetime.combine(EARLIEST, datetime.min.time(), UTC)),
            MaxValueValidator(datetime.combine(LATEST, datetime.min.time(), UTC)),
        ]
        super().__init__(default_timezone=UTC, validators=limits, **kwargs)

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise serializers.ValidationError(
                "Add the offset from UTC, such as 2027-03-01T10:00:00+02:00.",
                code="OFFSET_REQUIRED",
            )
        return super().enforce_timezone(value)


class OwnRow(serializers.PrimaryKeyRelatedField[Any]):
    """A row of the request's business, by id; another business's does not exist."""

    def __init__(self, *, rows: Callable[[Business], QuerySet[Any]], **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(pk_field=serializers.IntegerField(), **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        return self.rows(self.context["view"].business)


class AudienceFilterSerializer(serializers.Serializer[Any]):
    """For the schema only: `validate_audience_filter` judges."""

    gender = serializers.ChoiceField(Gender.choices, required=False)
    age_min = serializers.IntegerField(required=False)
    age_max = serializers.IntegerField(required=False)


@extend_schema_field(AudienceFilterSerializer)
class AudienceFilterField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> Any:
        return validate_audience_filter(super().to_internal_value(data))
