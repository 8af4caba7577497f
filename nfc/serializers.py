"""Tags, forms and what came of them, as JSON."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.models import Business
from accounts.strict import StrictModelSerializer, StrictSerializer
from contacts.models import Gender
from nfc import selectors
from nfc.form_rules import MAX_TEXT, InvalidForm, check_fields, check_translations
from nfc.models import OPTIONAL_FIELDS, PHONE, OptInForm, Scan, Tag
from nfc.qr import link_of

DEFAULT_DAYS: Final = 30
MAX_DAYS: Final = 366
# Days that can still be counted from.
_DAYS: Final = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
_REQUIRED_FLAG: Final = {
    "type": "object",
    "properties": {"required": {"type": "boolean"}},
    "required": ["required"],
}


class OwnRow(serializers.PrimaryKeyRelatedField[Any]):
    """A row of the request's business, by id; another business's does not exist."""

    def __init__(self, *, rows: Callable[[Business], QuerySet[Any]], **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(
            pk_field=serializers.IntegerField(), required=False, allow_null=True, **kwargs
        )

    def get_queryset(self) -> QuerySet[Any]:
        return self.rows(self.context["view"].business)


class TagSerializer(StrictModelSerializer[Tag]):
    """`url` is what the chip and the code say; it never changes."""

    form = OwnRow(rows=selectors.forms_of, help_text="What sign-ups are asked and told.")
    campaign = OwnRow(rows=selectors.campaigns_of)
    list = OwnRow(
        source="contact_list",
        rows=selectors.static_lists_of,
        help_text="A static list that whoever signs up is put on.",
    )
    url = serializers.SerializerMethodField()

    class Meta:
        model = Tag
        fields = (
            "id",
            "public_id",
            "url",
            "label",
            "type",
            "status",
            "form",
            "campaign",
            "list",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("public_id", "created_at", "updated_at")

    def get_url(self, tag: Tag) -> str:
        return link_of(tag)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs.get("type", self.instance.type if self.instance else Tag.Type.OPT_IN)
        form = attrs["form"] if "form" in attrs else getattr(self.instance, "form", None)
        if kind == Tag.Type.OPT_IN and form is None:
            message = "A tag that people sign up by needs a form."
            raise ValidationError({"form": [ErrorDetail(message, "FORM_REQUIRED")]})
        return attrs


@extend_schema_field(
    {
        "type": "object",
        "properties": dict.fromkeys((PHONE, *OPTIONAL_FIELDS), _REQUIRED_FLAG),
        "required": ["phone"],
        "additionalProperties": False,
    }
)
class FieldsField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> dict[str, Any]:
        return _checked(check_fields, super().to_internal_value(data))


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {
                "consent_text": {"type": "string"},
                "thank_you_text": {"type": "string"},
                "offer_text": {"type": "string"},
            },
            "required": ["consent_text", "thank_you_text"],
        },
    }
)
class TranslationsField(serializers.JSONField):
    def to_internal_value(self, data: Any) -> dict[str, dict[str, str]]:
        return _checked(check_translations, super().to_internal_value(data))


def _checked(check: Callable[[Any], dict[str, Any]], data: Any) -> dict[str, Any]:
    try:
        return check(data)
    except InvalidForm as error:
        raise ValidationError(str(error), code=error.code) from error


class FormSerializer(StrictModelSerializer[OptInForm]):
    """`version` rises with every change of what is asked for or agreed to.

    `language` is that of consent_text, thank_you_text and offer_text; `translations` holds them in
    other languages. Visitors are shown those of the page's language, else these.
    """

    # The metaclass takes it away before it could hide the serializer's own `fields`.
    fields = FieldsField(  # type: ignore[assignment]
        required=False,
        help_text="What is asked for, and what must be given. The phone always must.",
    )
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    translations = TranslationsField(required=False)
    consent_text = serializers.CharField(max_length=MAX_TEXT)
    thank_you_text = serializers.CharField(max_length=MAX_TEXT)
    offer_text = serializers.CharField(max_length=MAX_TEXT, required=False, allow_blank=True)

    class Meta:
        model = OptInForm
        fields = (
            "id",
            "name",
            "version",
            "fields",
            "language",
            "consent_text",
            "thank_you_text",
            "offer_text",
            "translations",
            "double_opt_in",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("version", "created_at", "updated_at")


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """What happened by a tag. `day` is that of the business's time zone, in whose figures it is."""

    class Meta:
        model = Scan
        fields = ("id", "tag", "kind", "at", "day", "contact", "is_test")
        read_only_fields = fields


class FunnelSerializer(serializers.Serializer[Any]):
    """`forms` were filled in, `opt_ins` are people who are in by it and were not before.

    Redemptions and unsubscribes are those of people who first came in by this tag.
    """

    taps = serializers.IntegerField()
    forms = serializers.IntegerField()
    opt_ins = serializers.IntegerField()
    visits = serializers.IntegerField()
    redemptions = serializers.IntegerField()
    unsubscribes = serializers.IntegerField()


class TagDaySerializer(FunnelSerializer):
    day = serializers.DateField()


class TagStatisticsSerializer(FunnelSerializer):
    """The sums of the days, and each day on which something happened, the newest first."""

    days = TagDaySerializer(many=True)


class PeriodSerializer(StrictSerializer):
    """Days of the business's time zone, both ends included; the last 30 if none are named."""

    date_from = serializers.DateField(required=False, validators=_DAYS)
    date_to = serializers.DateField(required=False, validators=_DAYS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        last: date = attrs.get("date_to") or self.context["today"]
        first: date = attrs.get("date_from") or last - timedelta(days=DEFAULT_DAYS - 1)
        if not first <= last < first + timedelta(days=MAX_DAYS):
            message = f"A period is of 1 to {MAX_DAYS} days, the first one first."
            raise ValidationError({"date_from": [ErrorDetail(message, "INVALID_PERIOD")]})
        return {"first": first, "last": last}


class ShopSerializer(serializers.Serializer[Business]):
    name = serializers.CharField()
    country = serializers.CharField()
    colour = serializers.CharField()


class ShownFormSerializer(serializers.Serializer[Any]):
    """`language` is that of `consent_text`, which the visitor has to be shown and to agree to."""

    version = serializers.IntegerField()
    fields = FieldsField()  # type: ignore[assignment]
    language = serializers.CharField()
    consent_text = serializers.CharField()
    double_opt_in = serializers.BooleanField()


class ConfigSerializer(serializers.Serializer[Any]):
    """`form` is null for tags that confirm visits and have none."""

    public_id = serializers.CharField(source="tag.public_id")
    type = serializers.ChoiceField(Tag.Type.choices, source="tag.type")
    is_test = serializers.BooleanField(source="tag.is_test")
    business = ShopSerializer(source="tag.business")
    form = serializers.SerializerMethodField()

    @extend_schema_field(ShownFormSerializer(allow_null=True))
    def get_form(self, config: dict[str, Any]) -> dict[str, Any] | None:
        form: OptInForm | None = config["tag"].form
        if form is None:
            return None
        return {
            "version": form.version,
            "fields": form.fields,
            "language": config["texts"].language,
            "consent_text": config["texts"].consent_text,
            "double_opt_in": form.double_opt_in,
        }


class VisitSerializer(serializers.Serializer[Any]):
    """For the schema only: nfc.public_forms judges."""

    phone = serializers.CharField(help_text="In any spelling; E.164 or the business's country's.")


class SignUpSerializer(VisitSerializer):
    """Those fields that the form asks for, and the consent, which must be true.

    `version` and `language` are those of the config that was shown: if the form has changed since,
    the answer is 409 FORM_CHANGED.
    """

    first_name = serializers.CharField(required=False)
    last_name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    birthday = serializers.DateField(required=False)
    gender = serializers.ChoiceField(Gender.choices, required=False)
    consent = serializers.BooleanField()
    version = serializers.IntegerField(required=False)
    language = serializers.CharField(required=False)


class AcceptedSerializer(serializers.Serializer[Any]):
    """The same for everybody."""

    status = serializers.ChoiceField(["accepted"])
    language = serializers.CharField(allow_null=True)
    thank_you_text = serializers.CharField()
    offer_text = serializers.CharField()
