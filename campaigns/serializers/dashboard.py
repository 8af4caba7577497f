"""The dashboard as JSON."""

from typing import Any

from rest_framework import serializers

from campaigns.serializers.results import StatisticsSerializer


class ContactFiguresSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    subscribed = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    new = serializers.IntegerField(help_text="Added in the last 30 days.")


class DashboardSerializer(serializers.Serializer[Any]):
    """The business in figures.

    `last_30_days`: all messages that were started in the last 30 days, those of campaigns, of
    automations and single ones, and what people did with them until now.
    """

    contacts = ContactFiguresSerializer()
    campaigns = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many stand in each status."
    )
    last_30_days = StatisticsSerializer()
