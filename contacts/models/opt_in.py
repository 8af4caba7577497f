"""Sign-ups by public forms: those that wait for the person, and how many there were."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models.consents import (
    MAX_PAGE,
    MAX_REFERENCE,
    MAX_TAG,
    MAX_USER_AGENT,
    ConsentText,
)
from contacts.models.contacts import ContactList


class OptInRequest(models.Model):
    """A sign-up that the owner of the phone has yet to confirm, by the link in an SMS.

    Ladder: open -> confirmed (confirmed_at is set, once); either is deleted after expires_at.
    fields: what the form said of the person, birthday as an ISO day. Only the token's hash is kept.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    phone = models.CharField(max_length=16, db_collation="C")
    token_hash = models.CharField(max_length=64, unique=True)
    fields = models.JSONField(default=dict)
    contact_list = models.ForeignKey(
        ContactList, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    reference = models.CharField(max_length=MAX_REFERENCE, blank=True)
    tag = models.CharField(max_length=MAX_TAG, blank=True)
    page = models.CharField(max_length=MAX_PAGE, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=MAX_USER_AGENT, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sign-up to confirm"
        verbose_name_plural = "sign-ups to confirm"
        indexes = [models.Index(fields=["business", "phone"], name="opt_in_request_phone")]

    def __str__(self) -> str:
        return self.phone


class DailySignups(models.Model):
    """How many sign-ups by public forms a business has taken on a day (UTC)."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    day = models.DateField()
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "daily sign-ups"
        constraints = [
            models.UniqueConstraint(fields=["business", "day"], name="daily_signups_once"),
        ]

    def __str__(self) -> str:
        return f"{self.count} on {self.day}"
