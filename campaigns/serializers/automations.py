"""Automations as JSON."""

from typing import Any

from django.core.validators import MaxValueValidator
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.strict import StrictModelSerializer
from campaigns.models import LATEST_SEND_TIME, Automation
from campaigns.serializers.fields import TextField
from campaigns.serializers.offers import AutomationOfferSerializer, WithOfferSerializer

_TIME_REQUIRED = ErrorDetail("Birthday messages need a time of the day.", "SEND_TIME_REQUIRED")
_KIND_FIXED = ErrorDetail("Its kind stays: it remembers who has had it.", "KIND_FIXED")
_TIME_UNWANTED = ErrorDetail("Only birthday messages have a time.", "SEND_TIME_UNWANTED")


class AutomationSerializer(WithOfferSerializer, StrictModelSerializer[Automation]):
    """`welcome` goes to whoever signs up for the first time, once per phone, for ever.

    `birthday` goes out on the day, once per phone and year, at `send_time` of the business's time
    zone; `failure` says why the latest day's did not.
    """

    text = TextField()
    send_time = serializers.TimeField(
        required=False,
        allow_null=True,
        validators=[MaxValueValidator(LATEST_SEND_TIME)],
        help_text="Of `birthday`, which needs it, at 23:30 at the latest; of no other.",
    )
    offer = AutomationOfferSerializer()

    class Meta:
        model = Automation
        fields = (
            "id",
            "kind",
            "text",
            "sender",
            "offer",
            "track_links",
            "is_active",
            "send_time",
            "failure",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("failure", "created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        row: Any = self.instance
        if row is not None and attrs.get("kind", row.kind) != row.kind:
            raise serializers.ValidationError({"kind": [_KIND_FIXED]})
        is_birthday = attrs.get("kind", getattr(row, "kind", "")) == Automation.Kind.BIRTHDAY
        if is_birthday != bool(attrs.get("send_time", getattr(row, "send_time", None))):
            problem = _TIME_REQUIRED if is_birthday else _TIME_UNWANTED
            raise serializers.ValidationError({"send_time": [problem]})
        self.check_offer(attrs, attrs.get("text", getattr(self.instance, "text", "")))
        return attrs
