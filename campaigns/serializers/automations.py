"""Automations as JSON."""

from typing import Any

from rest_framework import serializers

from accounts.strict import StrictModelSerializer
from campaigns.models import Automation
from campaigns.serializers.fields import TextField
from campaigns.serializers.offers import AutomationOfferSerializer, WithOfferSerializer


class AutomationSerializer(WithOfferSerializer, StrictModelSerializer[Automation]):
    """`welcome` goes to whoever signs up for the first time, once per phone, for ever."""

    kind = serializers.ChoiceField([(each.value, each.label) for each in Automation.OFFERED])
    text = TextField()
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
            "created_at",
            "updated_at",
        )
        read_only_fields = ("created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        self.check_offer(attrs, attrs.get("text", getattr(self.instance, "text", "")))
        return attrs
