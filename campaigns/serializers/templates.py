"""Templates, and texts as they would go out, as JSON."""

from typing import Any

from rest_framework import serializers

from accounts.strict import StrictModelSerializer, StrictSerializer
from campaigns import selectors
from campaigns.models import Template
from campaigns.serializers.fields import OwnRow, TextField


class TemplateSerializer(StrictModelSerializer[Template]):
    text = TextField()
    is_system = serializers.SerializerMethodField()

    class Meta:
        model = Template
        fields = ("id", "name", "text", "is_system", "created_at", "updated_at")

    def get_is_system(self, template: Template) -> bool:
        return template.business_id is None


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
