"""Offers of campaigns and automations as JSON."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.problems import Problem
from accounts.strict import StrictMixin, StrictSerializer
from campaigns.models import MAX_OFFER_DAYS, MAX_OFFER_TEXT, MAX_OFFER_TITLE, WithOffer
from campaigns.offers import OfferEnded, check_leads
from campaigns.serializers.fields import InstantField
from messaging.rendering import TemplateError


class OfferSerializer(StrictSerializer):
    """Behind `{{offer_link}}`, with a code for the till. Whoever gives one replaces it whole."""

    title = serializers.CharField(source="offer_title", max_length=MAX_OFFER_TITLE)
    text = serializers.CharField(
        source="offer_text", max_length=MAX_OFFER_TEXT, required=False, allow_blank=True
    )
    valid_until = InstantField(
        source="offer_valid_until",
        required=False,
        allow_null=True,
        help_text="From then on nobody can redeem it, and what waits to be sent expires.",
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", required=False, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        nothing: dict[str, Any] = {
            name: "" if name in {"offer_title", "offer_text"} else None
            for name in (str(field.source) for field in self.fields.values())
        }
        if data is None:
            return nothing
        # A partial change of the campaign is no partial offer: what is not given, is empty.
        given = nothing | super().run_validation(data)
        if not given["offer_title"]:
            required = str(self.fields["title"].error_messages["required"])
            raise serializers.ValidationError({"title": [ErrorDetail(required, "required")]})
        return given

    def to_representation(self, instance: WithOffer) -> Any:
        return super().to_representation(instance) if instance.offer_title else None


class AutomationOfferSerializer(OfferSerializer):
    """Ends at `valid_until`, or `valid_days` after the message: whichever comes first."""

    valid_days = serializers.IntegerField(
        source="offer_valid_days",
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_OFFER_DAYS,
    )


class WithOfferSerializer(StrictMixin):
    """What of a text and its offer can only be judged together."""

    def check_offer(self, attrs: dict[str, Any], text: str) -> None:
        """text: the one that will go out, be it changed or not."""
        row: Any = self.instance
        end = attrs.get("offer_valid_until")
        if end and end <= timezone.now() and end != getattr(row, "offer_valid_until", None):
            detail = ErrorDetail("This time has passed.", OfferEnded.code)
            raise serializers.ValidationError({"offer": {"valid_until": [detail]}})
        title = attrs.get("offer_title", getattr(row, "offer_title", ""))
        track_links = attrs.get("track_links", getattr(row, "track_links", True))
        try:
            check_leads(text, has_offer=bool(title), track_links=track_links)
        except (TemplateError, Problem) as error:
            field = "offer" if error.code == "NO_OFFER" else "text"
            detail = ErrorDetail(error.detail, error.code)
            raise serializers.ValidationError({field: [detail]}) from error
