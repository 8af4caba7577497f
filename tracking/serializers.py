"""The JSON forms of offers, redemptions and figures."""

from typing import Any

from rest_framework import serializers

from accounts.strict import StrictSerializer
from tracking.services import RedeemStatus, UndoStatus


class TrackingIdSerializer(StrictSerializer):
    tracking_id = serializers.CharField(
        max_length=300, help_text="The code, or the whole address that a QR code holds."
    )


class RedeemedSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(
        choices=[status.value for status in RedeemStatus],
        help_text="Of another business's code: not_found.",
    )
    redeemed_at = serializers.DateTimeField(
        allow_null=True, help_text="Now, or when it was redeemed before."
    )
    title = serializers.CharField(help_text="Of the offer; empty if not_found.")


class UndoneSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=[status.value for status in UndoStatus])
    title = serializers.CharField(help_text="Of the offer; empty if not_found.")


class EngagementSerializer(serializers.Serializer[Any]):
    """People, not page loads: each message counts once, as a click once per link."""

    views = serializers.IntegerField()
    clicks = serializers.IntegerField()
    redemptions = serializers.IntegerField()
    unsubscribes = serializers.IntegerField()


class PublicOfferSerializer(serializers.Serializer[Any]):
    business = serializers.CharField(help_text="Its name.")
    title = serializers.CharField()
    text = serializers.CharField()
    valid_until = serializers.DateTimeField(allow_null=True)
    is_expired = serializers.BooleanField()
    redeemed_at = serializers.DateTimeField(allow_null=True)


class ExistsSerializer(serializers.Serializer[Any]):
    exists = serializers.BooleanField()
    already_redeemed = serializers.BooleanField()
