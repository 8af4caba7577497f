"""Campaigns as JSON."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.strict import StrictModelSerializer, StrictSerializer
from campaigns import selectors, services
from campaigns.models import Campaign
from campaigns.schedule import EARLIEST, LATEST
from campaigns.serializers.fields import AudienceFilterField, InstantField, OwnRow, validate_text
from campaigns.serializers.offers import OfferSerializer, WithOfferSerializer
from campaigns.serializers.recurrence import RecurrenceSerializer
from campaigns.serializers.results import StatisticsSerializer
from contacts.phone import InvalidPhone, normalise
from messaging.serializers import MessageSerializer


class CampaignSerializer(WithOfferSerializer, StrictModelSerializer[Campaign]):
    """`text` is the campaign's own; empty if it uses a template.

    With `track_links`, http and https addresses in the text go out as short links of the business,
    which count who follows them.

    With `recurrence` the campaign is `scheduled` between its runs, for the next one; `failure` says
    why the latest one was left out. `scheduled_at` chooses the time of the day, and the day from
    which on the first day of the rule counts.
    """

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
    recurrence = RecurrenceSerializer(
        required=False, allow_null=True, help_text="Empty: the campaign goes out once."
    )
    offer = OfferSerializer()

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
            "offer",
            "track_links",
            "status",
            "failure",
            "scheduled_at",
            "recurrence",
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
        template = attrs.get("template", getattr(self.instance, "template", None))
        text = attrs.get("text", getattr(self.instance, "text", ""))
        self.check_offer(attrs, template.text if template else text)
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


class RetrySerializer(StrictSerializer):
    """`include`: `unconfirmed` for what may have arrived, too."""

    include = serializers.ListField(
        child=serializers.ChoiceField([each.value for each in selectors.RETRY_IF_NAMED]),
        required=False,
        default=list,
    )


class CampaignTestSerializer(StrictSerializer):
    """Phones in any spelling; `business` comes with the view."""

    phones = serializers.ListField(
        child=serializers.CharField(), min_length=1, max_length=services.MAX_PHONES
    )

    def validate_phones(self, value: list[str]) -> list[str]:
        country = self.context["view"].business.country
        try:
            return list(dict.fromkeys(normalise(phone, country) for phone in value))
        except InvalidPhone as error:
            raise serializers.ValidationError(str(error), code="INVALID_PHONE") from error


class TestMessagesSerializer(serializers.Serializer[Any]):
    """Followed by `messages/{id}/`."""

    messages = MessageSerializer(many=True)
