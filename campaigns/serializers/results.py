"""What came of campaigns, and whom they would reach, as JSON."""

from typing import Any

from rest_framework import serializers

from accounts.strict import StrictSerializer
from campaigns import selectors
from campaigns.models import CampaignRun
from campaigns.serializers.templates import PreviewSerializer
from campaigns.statistics import CampaignStatistics
from messaging.models import Broadcast, Message


class StatisticsSerializer(serializers.Serializer[CampaignStatistics]):
    """Each message counts in exactly one status, so that they add up to `total`.

    `sent` is accepted and not yet reported, `submitting` on its way to the gateway, `suppressed`
    left out when it was its turn; `segments` are those of accepted messages. delivery_rate =
    delivered / total, failure_rate = (failed + undelivered) / total, conversion_rate = redemptions
    / delivered; 0 where nothing is to divide by. A message counts once in views, redemptions and
    unsubscribes, and once for each of its links in clicks, however often; what was undone does not
    count.
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


class RunSerializer(serializers.Serializer[Any]):
    """A run of a campaign, or `times` runs in a row from `at` on that were left out."""

    kind = serializers.ChoiceField([*CampaignRun.Kind.values, "skipped"], source="what")
    at = serializers.DateTimeField()
    status = serializers.ChoiceField([*Broadcast.Status.values, "skipped"], source="state")
    times = serializers.IntegerField(source="number")
    reason = serializers.CharField(
        source="why", help_text="Why it was left out, or why it does not go on."
    )
    stats = StatisticsSerializer(allow_null=True)


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
