"""Tags that customers tap, the forms behind them, and what came of it."""

import secrets
from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business
from campaigns.models import Campaign
from contacts.models import Contact, ContactList

MAX_NAME: Final = 120
PUBLIC_ID_BYTES: Final = 12  # 96 random bits, 16 characters
PUBLIC_ID: Final = r"[A-Za-z0-9_-]{16}"
# Always asked for and always required: without a phone there is nobody to text.
PHONE: Final = "phone"
OPTIONAL_FIELDS: Final = ("first_name", "last_name", "email", "birthday", "gender")


def new_public_id() -> str:
    return secrets.token_urlsafe(PUBLIC_ID_BYTES)


def phone_only() -> dict[str, Any]:
    return {PHONE: {"required": True}}


class OptInForm(models.Model):
    """What a person is asked and told when signing up.

    fields: {"phone": {"required": true}, "first_name"?: {"required": bool}, ...}; a field that is
    not named is not asked for. consent_text, thank_you_text and offer_text are in `language`;
    translations: {language: {"consent_text", "thank_you_text", "offer_text"?}} holds those in
    others. `version` counts the changes of what is asked and of what is agreed to.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="forms"
    )
    name = models.CharField(max_length=MAX_NAME)
    version = models.PositiveIntegerField(default=1)
    fields = models.JSONField(default=phone_only)
    language = models.CharField(max_length=5, choices=settings.LANGUAGES, default="en")
    consent_text = models.TextField()
    thank_you_text = models.TextField()
    offer_text = models.TextField(blank=True)
    translations = models.JSONField(default=dict, blank=True)
    double_opt_in = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "sign-up form"
        constraints = [
            models.UniqueConstraint(fields=["business", "name"], name="opt_in_form_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """One chip or printed code: a link that is written once and never changes.

    Ladder: active, inactive and test, any to any, whenever its owner says so. An inactive tag shows
    a friendly page and takes nothing. A test tag does all that an active one does, says so on its
    page, and moves no figures.
    """

    class Type(models.TextChoices):
        OPT_IN = "opt_in", "sign-up"
        VISIT = "visit", "visit confirmation"

    class Status(models.TextChoices):
        ACTIVE = "active"
        INACTIVE = "inactive"
        TEST = "test"

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="tags")
    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    label = models.CharField(max_length=MAX_NAME)
    type = models.CharField(max_length=10, choices=Type, default=Type.OPT_IN)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    form = models.ForeignKey(
        OptInForm, on_delete=models.PROTECT, null=True, blank=True, related_name="tags"
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.SET_NULL, null=True, blank=True, related_name="tags"
    )
    contact_list = models.ForeignKey(
        ContactList,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tags",
        limit_choices_to={"filter__isnull": True},
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(type__in=["opt_in", "visit"]), name="tag_type"),
            models.CheckConstraint(
                condition=Q(status__in=["active", "inactive", "test"]), name="tag_status"
            ),
            models.CheckConstraint(
                condition=Q(type="visit") | Q(form__isnull=False), name="tag_opt_in_has_form"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_test(self) -> bool:
        return self.status == self.Status.TEST

    @property
    def path(self) -> str:
        """The same for both types: a chip in the shop is written once."""
        return f"/nfc/{self.public_id}/"


class Scan(models.Model):
    """One thing that happened by a tag. Nothing of a visitor is kept but the contact's id.

    day: that of the business's time zone. A trigger at the commit moves the tag's figures of that
    day (TagDay), so that whatever adds a row is counted, and that no transaction waits for
    another's figures while it holds other locks. Rows of test tags are counted nowhere.
    """

    class Kind(models.TextChoices):
        TAP = "tap"
        FORM = "form"
        OPT_IN = "opt_in"
        VISIT = "visit"
        REDEMPTION = "redemption"
        REDEMPTION_UNDONE = "redemption_undone"
        UNSUBSCRIBE = "unsubscribe"
        UNSUBSCRIBE_UNDONE = "unsubscribe_undone"

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, db_index=False, related_name="scans")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField(db_default=Now())
    day = models.DateField()
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    redemption = models.PositiveBigIntegerField(null=True, blank=True, editable=False)
    is_test = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "tap",
                        "form",
                        "opt_in",
                        "visit",
                        "redemption",
                        "redemption_undone",
                        "unsubscribe",
                        "unsubscribe_undone",
                    ]
                ),
                name="scan_kind",
            ),
            models.UniqueConstraint(
                fields=["tag", "contact", "day"],
                condition=Q(kind="visit"),
                name="scan_visit_once_a_day",
            ),
            models.UniqueConstraint(
                fields=["redemption", "kind"],
                condition=Q(redemption__isnull=False),
                name="scan_redemption_once",
            ),
        ]
        indexes = [
            models.Index(fields=["business", "-id"], name="scan_newest"),
            models.Index(fields=["tag", "-id"], name="scan_of_tag"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.tag_id}"


class TagDay(models.Model):
    """A tag's funnel on one day. Only the trigger on Scan writes here."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, db_index=False, related_name="days")
    day = models.DateField()
    taps = models.PositiveIntegerField(default=0)
    forms = models.PositiveIntegerField(default=0)
    opt_ins = models.PositiveIntegerField(default=0)
    visits = models.PositiveIntegerField(default=0)
    redemptions = models.PositiveIntegerField(default=0)
    unsubscribes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "day"], name="tag_day_once")]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.day}"
