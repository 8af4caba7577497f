"""People, the businesses they work for, and their sessions."""

import uuid
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import connection, models
from django.db.models.functions import Lower, Now

from accounts.validators import COLOUR, validate_colour, validate_link_domain

# Satisfies both of Mitto's APIs: 3-11 letters and digits, or 3-14 digits. Reads the same in SQL.
SENDER = r"^([A-Za-z0-9]{3,11}|[0-9]{3,14})\Z"
validate_sender = RegexValidator(
    SENDER,
    "A sender name is 3 to 11 Latin letters and digits, or 3 to 14 digits.",
    code="INVALID_SENDER",
)
# Over how many days a person's messages may be counted: so long is remembered who got one.
MAX_FREQUENCY_DAYS = 90
validate_country = RegexValidator(
    r"^[A-Z]{2}\Z", "A country is two capital letters, such as GR.", code="INVALID_COUNTRY"
)


# To PostgreSQL an abbreviation goes before a zone of that name: winter time, in summer too.
_WINTER_TIMES = frozenset({"CET", "EET", "MET", "WET"})


def validate_time_zone(value: str) -> None:
    """A zone that both Python and the database know: each reads a copy of its own."""
    is_zone = value in available_timezones() - _WINTER_TIMES
    if not is_zone or not _is_known_to_database(value):
        raise ValidationError(
            "A time zone is UTC or the IANA name of a place, such as Europe/Athens.",
            code="INVALID_TIME_ZONE",
        )


def _is_known_to_database(time_zone: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_timezone_names WHERE name = %s", [time_zone])
        return cursor.fetchone() is not None


def default_daily_cap() -> int:
    """0 until staff approve the business, unless the operator chose otherwise."""
    return settings.DEFAULT_DAILY_CAP


def default_signup_cap() -> int:
    return settings.DEFAULT_SIGNUP_CAP


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in by e-mail. The address is kept in lower case."""

    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may use the admin", default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def normalize_username(cls, username: str) -> str:
        # Called by full_clean, so by every form of the admin and by createsuperuser.
        return super().normalize_username(username).strip().lower()


class Business(models.Model):
    """A store: the owner of contacts, campaigns and messages, and the border between tenants."""

    name = models.CharField(max_length=120)
    sender_name = models.CharField(max_length=14, validators=[validate_sender])
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    country = models.CharField(
        max_length=2,
        default="GR",
        validators=[validate_country],
        help_text="Phones without a country code are read as numbers of this country.",
    )
    quiet_from = models.TimeField(
        null=True,
        blank=True,
        help_text="Nothing is sent from this local time "
        "(empty: the country's quiet hours, for marketing)",
    )
    quiet_until = models.TimeField(null=True, blank=True, help_text="until this one.")
    daily_message_cap = models.PositiveIntegerField(
        default=default_daily_cap,
        help_text="Messages a day (UTC); 0 until staff approve it.",
    )
    pace = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Messages a second at most (empty: no limit of its own).",
    )
    frequency_cap_messages = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Marketing messages that one person gets at most (empty: no limit)",
    )
    frequency_cap_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_FREQUENCY_DAYS)],
        help_text="in so many days.",
    )
    daily_signup_cap = models.PositiveIntegerField(
        default=default_signup_cap,
        help_text="Sign-ups by public forms a day (UTC).",
    )
    signup_countries = ArrayField(
        models.CharField(max_length=2, validators=[validate_country]),
        default=list,
        blank=True,
        help_text="Countries whose phones may sign up on public forms, such as GR, CY; "
        "empty: the business's own.",
    )
    link_domain = models.CharField(
        max_length=253,
        blank=True,
        validators=[validate_link_domain],
        help_text="Host of the links in messages, such as go.example.com; empty: that of the site.",
    )
    colour = models.CharField(
        max_length=7,
        default="#1a4f8a",
        validators=[validate_colour],
        help_text="Of buttons on public pages, such as #1a4f8a.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "businesses"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="business_quiet_hours_both_or_none",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    frequency_cap_messages__isnull=True, frequency_cap_days__isnull=True
                )
                | models.Q(
                    frequency_cap_messages__isnull=False,
                    frequency_cap_messages__gte=1,
                    frequency_cap_days__isnull=False,
                    frequency_cap_days__range=(1, MAX_FREQUENCY_DAYS),
                ),
                name="business_frequency_cap_both_or_none",
            ),
            models.CheckConstraint(
                condition=models.Q(pace__isnull=True) | models.Q(pace__gte=1),
                name="business_pace",
            ),
            models.CheckConstraint(
                condition=models.Q(colour__regex=COLOUR), name="business_colour"
            ),
            models.CheckConstraint(
                condition=models.Q(sender_name__regex=SENDER), name="business_sender"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def link_base(self) -> str:
        """What addresses in the business's messages begin with, without a slash at the end."""
        if not self.link_domain:
            return settings.PUBLIC_BASE_URL
        scheme = settings.PUBLIC_BASE_URL.partition("://")[0]
        return f"{scheme}://{self.link_domain}"


class BusinessLogo(models.Model):
    """The picture on a business's public pages, in the database: no volume to share or to lose."""

    MAX_BYTES = 60 * 1024

    class ContentType(models.TextChoices):
        PNG = "image/png"
        JPEG = "image/jpeg"
        WEBP = "image/webp"

    business = models.OneToOneField(
        Business, on_delete=models.CASCADE, primary_key=True, related_name="logo"
    )
    content_type = models.CharField(max_length=10, choices=ContentType)
    image = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(content_type__in=["image/png", "image/jpeg", "image/webp"]),
                name="business_logo_type",
            ),
        ]

    def __str__(self) -> str:
        return f"Logo of {self.business_id}"


class Role(models.TextChoices):
    OWNER = "owner"
    MANAGER = "manager"
    TILL = "till"


class Membership(models.Model):
    """A user's role in a business: owners do all, managers all but people, the till redeems."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, db_index=False, related_name="memberships"
    )
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "business"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} of {self.business_id}"


class Invitation(models.Model):
    """An e-mailed, single-use way into a business; only the token's hash is kept."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="invitation_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.business_id}"


class RefreshSession(models.Model):
    """One refresh token; each use rotates it, which adds the next row of the family.

    Ladder: live -> used (rotated); live | used -> revoked (log-out, change of password, reuse). A
    family with one revoked row is revoked: a rotation that commits a moment later adds a row that
    is of no use. Only the token's hash is kept.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="refresh_sessions")
    family = models.UUIDField(default=uuid.uuid4, db_index=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.family} of {self.user_id}"


class IdempotentRequest(models.Model):
    """The answer given to a POST that named an Idempotency-Key, kept for a day."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "key"], name="idempotent_request_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.business_id}"
