"""Contacts as JSON: validation and rendering."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.models import Business
from accounts.strict import StrictModelSerializer, StrictSerializer
from contacts import selectors
from contacts.attributes import InvalidAttributes, check_attributes
from contacts.filters import validate_audience_filter
from contacts.models import Consent, Contact, ContactImport, ContactList
from contacts.phone import InvalidPhone, normalise
from contacts.services import MAX_MEMBERS_PER_CALL


def business_of(serializer: serializers.BaseSerializer[Any]) -> Business:
    business: Business = serializer.context["view"].business
    return business


@extend_schema_field({"type": "object", "additionalProperties": True})
class AttributesField(serializers.JSONField):
    """A flat object of texts, numbers, booleans and nulls."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return dict(check_attributes(data))
        except InvalidAttributes as error:
            raise ValidationError(str(error), code="INVALID_ATTRIBUTES") from error


class ContactSerializer(StrictModelSerializer[Contact]):
    """A contact; the phone may come in any spelling and is answered as E.164."""

    phone = serializers.CharField(max_length=64)
    attributes = AttributesField(required=False)
    is_subscribed = serializers.BooleanField(required=False)

    class Meta:
        model = Contact
        fields = (
            "id",
            "phone",
            "email",
            "first_name",
            "last_name",
            "gender",
            "birthday",
            "attributes",
            "is_subscribed",
            "unsubscribed_at",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "unsubscribed_at", "created_at", "updated_at")

    def validate_phone(self, value: str) -> str:
        try:
            return normalise(value, business_of(self).country)
        except InvalidPhone as error:
            raise ValidationError(str(error), code="INVALID_PHONE") from error


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    """text: the words agreed to, verbatim; version: of the form that showed them."""

    text = serializers.SerializerMethodField()
    language = serializers.SerializerMethodField()

    class Meta:
        model = Consent
        fields = (
            "id",
            "kind",
            "source",
            "reference",
            "text",
            "language",
            "version",
            "tag",
            "page",
            "created_at",
        )

    def get_text(self, consent: Consent) -> str:
        return consent.text.text if consent.text else ""

    def get_language(self, consent: Consent) -> str:
        return consent.text.language if consent.text else ""


@extend_schema_field(
    {
        "type": ["object", "null"],
        "properties": {
            "gender": {"type": "string", "enum": ["female", "male", "other"]},
            "age_min": {"type": "integer"},
            "age_max": {"type": "integer"},
        },
    }
)
class AudienceFilterField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> dict[str, Any]:
        return dict(validate_audience_filter(data))


class ContactListSerializer(StrictModelSerializer[ContactList]):
    """A list; with a filter it is dynamic, and its members are whoever the filter finds."""

    filter = AudienceFilterField(required=False, allow_null=True)
    count = serializers.SerializerMethodField(help_text="Contacts in it, subscribed or not.")

    class Meta:
        model = ContactList
        fields = ("id", "name", "filter", "count", "created_at", "updated_at")
        read_only_fields = ("id", "created_at", "updated_at")

    def get_count(self, contact_list: ContactList) -> int:
        counts: dict[int, int] | None = self.context.get("counts")
        if counts is None:
            on = selectors.today_in(business_of(self))
            counts = selectors.list_counts([contact_list], on=on)
        return counts[contact_list.pk]


class MembersSerializer(StrictSerializer):
    contacts = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        allow_empty=False,
        max_length=MAX_MEMBERS_PER_CALL,
    )


class MembershipChangeSerializer(serializers.Serializer[Any]):
    """How many contacts joined or left; those that were there, or were not, do not count."""

    changed = serializers.IntegerField()


class ImportUploadSerializer(StrictSerializer):
    file = serializers.FileField(help_text="A CSV file; see docs/import.md.")
    list = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    dry_run = serializers.BooleanField(default=False)
    update_existing = serializers.BooleanField(default=False)

    def validate_list(self, value: int) -> ContactList:
        contact_list = ContactList.objects.filter(business=business_of(self), pk=value).first()
        if contact_list is None:
            raise ValidationError(ErrorDetail("There is no such list.", code="LIST_NOT_FOUND"))
        return contact_list


class ImportSerializer(serializers.ModelSerializer[ContactImport]):
    """processed = created + updated + skipped + failed; total is known once the file was read."""

    file_name = serializers.CharField(source="original_name")
    list = serializers.PrimaryKeyRelatedField[ContactList](source="contact_list", read_only=True)
    errors_url = serializers.SerializerMethodField()

    class Meta:
        model = ContactImport
        fields = (
            "id",
            "status",
            "file_name",
            "list",
            "dry_run",
            "update_existing",
            "total",
            "processed",
            "created",
            "updated",
            "skipped",
            "failed",
            "failure_code",
            "failure",
            "errors_url",
            "created_at",
            "finished_at",
        )

    def get_errors_url(self, contact_import: ContactImport) -> str:
        return reverse("contact-import-errors", args=[contact_import.pk])
