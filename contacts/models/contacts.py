"""People a business may text, or must not, and the lists they are on."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business

E164 = r"^\+[1-9][0-9]{6,14}$"


class Gender(models.TextChoices):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class Contact(models.Model):
    """One phone of one business. Subscribed unless its Suppression says otherwise."""

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="contacts"
    )
    phone = models.CharField(max_length=16, db_collation="C", validators=[RegexValidator(E164)])
    email = models.EmailField(blank=True)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    gender = models.CharField(max_length=10, choices=Gender, blank=True)
    birthday = models.DateField(null=True, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    is_subscribed = models.BooleanField(default=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "phone"], name="contact_phone_once"),
            models.CheckConstraint(condition=Q(phone__regex=E164), name="contact_phone_e164"),
            models.CheckConstraint(
                condition=Q(gender__in=["", *Gender.values]), name="contact_gender"
            ),
            models.CheckConstraint(
                condition=Q(is_subscribed=True, unsubscribed_at__isnull=True)
                | Q(is_subscribed=False, unsubscribed_at__isnull=False),
                name="contact_unsubscribed_at",
            ),
        ]
        # Audiences and pages are read by id within the business.
        indexes = [models.Index(fields=["business", "id"], name="contact_business_id")]

    def __str__(self) -> str:
        return self.phone


class ContactList(models.Model):
    """A named set of contacts: its members, or, if it has a filter, whoever the filter finds.

    filter: {"gender"?: Gender, "age_min"?: years, "age_max"?: years}
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="lists"
    )
    name = models.CharField(max_length=120)
    filter = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "name"], name="contact_list_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ListMembership(models.Model):
    contact_list = models.ForeignKey(
        ContactList, on_delete=models.CASCADE, db_index=False, related_name="members"
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "list member"
        constraints = [
            models.UniqueConstraint(
                fields=["contact_list", "contact"], name="list_membership_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.contact_list_id}"


class Suppression(models.Model):
    """A phone that a business must not text. Survives the contact's deletion and every import.

    Invariant: a contact is unsubscribed exactly when its phone stands here.
    """

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, db_index=False, related_name="suppressions"
    )
    phone = models.CharField(max_length=16, db_collation="C")
    source = models.CharField(max_length=20)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "opted-out phone"
        constraints = [
            models.UniqueConstraint(fields=["business", "phone"], name="suppression_once"),
        ]

    def __str__(self) -> str:
        return self.phone
