"""The JSON forms of people and businesses."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts import selectors
from accounts.models import (
    Business,
    BusinessLogo,
    Invitation,
    Membership,
    User,
    validate_country,
    validate_sender,
    validate_time_zone,
)
from accounts.strict import StrictModelSerializer, StrictSerializer
from accounts.validators import validate_colour, validate_link_domain

MAX_PASSWORD = 1000


class EmailField(serializers.EmailField):
    """An address as the accounts keep it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


class PasswordField(serializers.CharField):
    """Taken as typed; its strength is the service's matter."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True, **kwargs)


class LowerCaseField(serializers.CharField):
    """Whatever is typed, kept in lower case."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


class BusinessSerializer(StrictModelSerializer[Business]):
    signup_countries = serializers.ListField(
        child=serializers.CharField(validators=[validate_country]),
        required=False,
        max_length=250,
        help_text="Whose phones may sign up on public forms; empty: the business's own country.",
    )
    link_domain = LowerCaseField(
        required=False,
        allow_blank=True,
        max_length=253,
        validators=[validate_link_domain],
        help_text="Host of the links in messages; empty: that of the site.",
    )
    colour = LowerCaseField(
        required=False, validators=[validate_colour], help_text="Of buttons on public pages."
    )

    class Meta:
        model = Business
        fields = [
            "id",
            "name",
            "sender_name",
            "time_zone",
            "country",
            "quiet_from",
            "quiet_until",
            "daily_message_cap",
            "pace",
            "frequency_cap_messages",
            "frequency_cap_days",
            "daily_signup_cap",
            "signup_countries",
            "link_domain",
            "colour",
            "created_at",
        ]
        read_only_fields = ["daily_message_cap", "pace", "created_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        def merged(*names: str) -> list[Any]:
            return [attrs.get(name, getattr(self.instance, name, None)) for name in names]

        start, end = merged("quiet_from", "quiet_until")
        if (start is None) != (end is None) or (start is not None and start == end):
            message = "Quiet hours have a start and a different end, or neither."
            raise ValidationError({"quiet_until": [ErrorDetail(message, "INVALID_QUIET_HOURS")]})
        number, days = merged("frequency_cap_messages", "frequency_cap_days")
        if (number is None) != (days is None):
            message = "A frequency cap is so many messages in so many days, or neither."
            detail = ErrorDetail(message, "INVALID_FREQUENCY_CAP")
            raise ValidationError({"frequency_cap_days": [detail]})
        return attrs


class LogoUploadSerializer(StrictSerializer):
    file = serializers.FileField(help_text="PNG, JPEG or WebP, at most 60 KB.")


class LogoSerializer(serializers.ModelSerializer[BusinessLogo]):
    class Meta:
        model = BusinessLogo
        fields = ["content_type", "sha256"]
        read_only_fields = fields


class MyBusinessSerializer(serializers.ModelSerializer[Membership]):
    id = serializers.IntegerField(source="business.id")
    name = serializers.CharField(source="business.name")

    class Meta:
        model = Membership
        fields = ["id", "name", "role"]
        read_only_fields = fields


class UserSerializer(StrictModelSerializer[User]):
    businesses = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "email", "full_name", "created_at", "businesses"]
        read_only_fields = ["email", "created_at"]

    @extend_schema_field(MyBusinessSerializer(many=True))
    def get_businesses(self, user: User) -> Any:
        return MyBusinessSerializer(selectors.memberships_of(user), many=True).data


class PersonSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "full_name"]
        read_only_fields = fields


class MemberSerializer(StrictModelSerializer[Membership]):
    user = PersonSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "role", "created_at"]
        read_only_fields = ["created_at"]


class InvitationSerializer(StrictModelSerializer[Invitation]):
    email = EmailField()

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "created_at", "expires_at"]
        read_only_fields = ["created_at", "expires_at"]


class WithRefresh(StrictSerializer):
    return_refresh = serializers.BooleanField(
        default=False, help_text="Give the refresh token in the answer too, not in a cookie only."
    )


class RegisterSerializer(WithRefresh):
    email = EmailField()
    password = PasswordField()
    business_name = serializers.CharField(max_length=120)
    sender_name = serializers.CharField(required=False, validators=[validate_sender])
    time_zone = serializers.CharField(required=False, validators=[validate_time_zone])
    country = serializers.CharField(required=False, validators=[validate_country])


class LoginSerializer(WithRefresh):
    email = EmailField()
    password = PasswordField()


class RefreshSerializer(WithRefresh):
    refresh = serializers.CharField(
        required=False, max_length=100, help_text="For clients that do not keep cookies."
    )


class LogoutSerializer(StrictSerializer):
    refresh = serializers.CharField(required=False, max_length=100)


class AcceptSerializer(WithRefresh):
    token = serializers.CharField(max_length=100)
    password = PasswordField(help_text="A new one, or that of the account if there is one.")
    full_name = serializers.CharField(required=False, max_length=150)


class ResetSerializer(StrictSerializer):
    email = EmailField()


class ResetConfirmSerializer(StrictSerializer):
    token = serializers.CharField(max_length=200)
    password = PasswordField()


class ChangePasswordSerializer(WithRefresh):
    current_password = PasswordField()
    new_password = PasswordField()


class AccessSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="A JWT for the header Authorization: Bearer.")
    refresh = serializers.CharField(required=False, help_text="Only if return_refresh was true.")


class SessionSerializer(AccessSerializer):
    user = UserSerializer()
    business = BusinessSerializer(allow_null=True)
