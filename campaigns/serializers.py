"""Templates and campaigns as JSON."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Business
from accounts.strict import StrictModelSerializer, StrictSerializer
from campaigns import selectors
from campaigns.models import Campaign, Template
from campaigns.schedule import EARLIEST, LATEST
from campaigns.statistics import CampaignStatistics
from contacts.filters import validate_audience_filter
from contacts.models import Gender
from messaging.models import Message
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


class TemplateSerializer(StrictModelSerializer[Template]):
    text = TextField()
    is_system = serializers.SerializerMethodField()

    class Meta:
        model = Template
        fields = ("id", "name", "text", "is_system", "created_at", "updated_at")

    def get_is_system(self, template: Template) -> bool:
        return template.business_id is None


class CampaignSerializer(StrictModelSerializer[Campaign]):
    """`text` is the campaign's own; empty if it uses a template."""

    template = OwnRow(rows=selectors.templates_of, required=False, allow_null=True)
    text = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    list = OwnRow(
        source="contact_list",
        rows=selectors.lists_of,
        required=False,
        allow_null=True,
        help_text="Only contacts of this list; all if empty.",
    )
    filter = AudienceFilterField(
        required=False, allow_null=True, help_text="Only contacts whom it finds; all if empty."
    )
    scheduled_at = InstantField(
        required=False, allow_null=True, help_text="Setting it schedules, emptying unschedules."
    )

    class Meta:
        model = Campaign
        fields: tuple[str, ...] = (
            "id",
            "name",
            "template",
            "text",
            "list",
            "filter",
            "sender",
            "status",
            "failure",
            "scheduled_at",
            "created_at",
            "updated_at",
            "launched_at",
            "finished_at",
        )
        read_only_fields = (
            "status", "failure", "created_at", "updated_at", "launched_at", "finished_at",
        )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None or {"template", "text"} & attrs.keys():
            attrs |= _template_or_text(attrs, self.instance)
        return attrs


def _template_or_text(attrs: dict[str, Any], campaign: Campaign | None) -> dict[str, Any]:
    """Giving the one takes the place of the other; both, or neither, is an error."""
    template, text = attrs.get("template"), attrs.get("text", "")
    if template and text:
        raise serializers.ValidationError(
            {"text": ["Give a template or a text, not both."]}, code="TEMPLATE_OR_TEXT"
        )
    if not template and not text and campaign is not None:
        template = None if "template" in attrs else campaign.template
        text = "" if "text" in attrs else campaign.text
    if template is None:
        _check_own_text(text)
    return {"template": template, "text": text}


def _check_own_text(text: str) -> None:
    try:
        validate_text(text)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"text": error.detail}) from error


class StatisticsSerializer(serializers.Serializer[CampaignStatistics]):
    """Each message counts in exactly one status, so that they add up to `total`.

    `sent` is accepted and not yet reported, `submitting` on its way to the gateway; `segments` are
    those of accepted messages. delivery_rate = delivered / total, failure_rate = (failed +
    undelivered) / total, conversion_rate = redemptions / delivered; 0 where nothing is to divide
    by. Views, clicks, redemptions and unsubscribes are not counted per campaign yet: 0.
    """

    total = serializers.IntegerField()
    queued = serializers.IntegerField()
    submitting = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    undelivered = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    suppressed = serializers.IntegerField()
    expired = serializers.IntegerField()
    segments = serializers.IntegerField()
    views = serializers.IntegerField()
    clicks = serializers.IntegerField()
    redemptions = serializers.IntegerField()
    unsubscribes = serializers.IntegerField()
    delivery_rate = serializers.FloatField()
    failure_rate = serializers.FloatField()
    conversion_rate = serializers.FloatField()
    first_sent_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField(allow_null=True)


class CampaignListSerializer(CampaignSerializer):
    """`stats` is null unless `with_stats` asks for it."""

    stats = serializers.SerializerMethodField()

    class Meta(CampaignSerializer.Meta):
        fields: tuple[str, ...] = (*CampaignSerializer.Meta.fields, "stats")

    @extend_schema_field(StatisticsSerializer(allow_null=True))
    def get_stats(self, campaign: Campaign) -> dict[str, Any] | None:
        statistics = self.context.get("statistics")
        return StatisticsSerializer(statistics[campaign.pk]).data if statistics else None


class ScheduleSerializer(StrictSerializer):
    """Either `scheduled_at`, or `date` and `time` in the business's time zone."""

    scheduled_at = InstantField(required=False)
    date = serializers.DateField(
        required=False, validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)]
    )
    time = serializers.TimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if set(attrs) not in ({"scheduled_at"}, {"date", "time"}):
            raise serializers.ValidationError(
                "Give scheduled_at, or date and time in the business's time zone.",
                code="SCHEDULE_REQUIRED",
            )
        return attrs


class EmptySerializer(StrictSerializer):
    """An action without input refuses any."""


class PreviewSerializer(serializers.Serializer[Any]):
    """`suggestion`: the template's text in the cheaper GSM-7, if its meaning can be kept."""

    text = serializers.CharField()
    encoding = serializers.ChoiceField(["GSM-7", "UCS-2"])
    characters = serializers.IntegerField()
    segments = serializers.IntegerField()
    unicode_characters = serializers.CharField(help_text="What forces UCS-2, each character once.")
    suggestion = serializers.CharField(allow_null=True)


class PreviewInputSerializer(StrictSerializer):
    text = TextField()
    contact = OwnRow(rows=selectors.contacts_of, required=False, allow_null=True)


class SampleSerializer(PreviewSerializer):
    contact = serializers.IntegerField()
    phone = serializers.CharField()


class SamplesSerializer(serializers.Serializer[Any]):
    samples = SampleSerializer(many=True)


class AudienceSerializer(serializers.Serializer[selectors.AudienceSummary]):
    """Who would get the campaign if it went out now."""

    count = serializers.IntegerField()
    exclusions = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many are left out, by reason."
    )
    segments = serializers.IntegerField(
        help_text=f"Of all texts; projected from the first {selectors.ESTIMATED_FROM}."
    )


class IdsSerializer(StrictSerializer):
    """`ids=1,2`"""

    ids = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=100)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value({"ids": data["ids"].split(",")} if "ids" in data else {})


class MessageStatusSerializer(StrictSerializer):
    status = serializers.ChoiceField(Message.Status.choices, required=False)
