"""What integrators see of messages and replies."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import validate_sender
from accounts.strict import StrictModelSerializer, StrictSerializer
from contacts.models import Contact
from contacts.phone import InvalidPhone, normalise
from messaging import rendering, texts
from messaging.models import AutoReply, InboundMessage, Message


def _checked(text: str) -> str:
    """A text that may be sent without an offer."""
    try:
        texts.check_text(text, has_offer=False)
    except rendering.TemplateError as error:
        raise serializers.ValidationError(ErrorDetail(error.detail, error.code)) from error
    return text


class MessageSerializer(serializers.ModelSerializer[Message]):
    """A message is named by its public id, which is also its reference at the gateway."""

    id = serializers.CharField(source="public_id")
    contact = serializers.IntegerField(source="contact_id", allow_null=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "phone",
            "contact",
            "text",
            "segments",
            "status",
            "reason",
            "created_at",
            "sent_at",
            "reported_at",
        ]
        read_only_fields = fields


class SendMessageSerializer(StrictSerializer):
    """`phone` or `contact`, and the text; `business` comes in the context."""

    phone = serializers.CharField(required=False)
    contact = serializers.IntegerField(required=False)
    text = serializers.CharField()
    sender = serializers.CharField(required=False, validators=[validate_sender])

    def validate_text(self, value: str) -> str:
        return _checked(value)

    def validate_phone(self, value: str) -> str:
        try:
            return normalise(value, self.context["business"].country)
        except InvalidPhone as error:
            raise serializers.ValidationError(ErrorDetail(str(error), "INVALID_PHONE")) from error

    def validate_contact(self, value: int) -> Contact:
        contacts = Contact.objects.filter(business=self.context["business"], pk=value)
        contact = contacts.first()
        if contact is None:
            raise serializers.ValidationError(
                ErrorDetail("There is no such contact.", "DOES_NOT_EXIST")
            )
        return contact

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("phone" in attrs) == ("contact" in attrs):
            raise serializers.ValidationError(
                ErrorDetail("Give either a phone or a contact.", "PHONE_OR_CONTACT")
            )
        return attrs


class InboundMessageSerializer(StrictModelSerializer[InboundMessage]):
    """message: the one that it answers, by its public id. Only is_handled can be changed."""

    contact = serializers.IntegerField(source="contact_id", read_only=True, allow_null=True)
    message = serializers.CharField(
        source="message.public_id", read_only=True, allow_null=True, default=None
    )
    is_handled = serializers.BooleanField()

    class Meta:
        model = InboundMessage
        fields = [
            "id",
            "phone",
            "contact",
            "to",
            "text",
            "keyword",
            "effect",
            "message",
            "is_handled",
            "handled_at",
            "occurred_at",
            "received_at",
        ]
        read_only_fields = [name for name in fields if name != "is_handled"]


class AutoReplySerializer(StrictModelSerializer[AutoReply]):
    """text: what goes out; an empty one brings the standard text back."""

    text = serializers.CharField(required=False, allow_blank=True, max_length=1000)

    class Meta:
        model = AutoReply
        fields = ["kind", "is_active", "text"]
        read_only_fields = ["kind"]

    def validate_text(self, value: str) -> str:
        return _checked(value) if value else value
