"""What people agreed to or took back, and the proof that the record is as it was written.

The database refuses changes of all of this, and chains every new Consent to the one before it:
docs/adr/0008-consent-chain.md.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models.contacts import Contact

MAX_TAG = 24  # characters
MAX_PAGE = 200
MAX_USER_AGENT = 400
MAX_REFERENCE = 64


class ConsentText(models.Model):
    """The words that somebody agreed to, as they stood on the page. Kept once per business."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    sha256 = models.CharField(max_length=64, help_text="Of the text in UTF-8.")
    language = models.CharField(max_length=10)
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["business", "sha256", "language"], name="consent_text_once"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class Consent(models.Model):
    """What a person agreed to or took back, and how we know. The database refuses changes.

    Deleting the contact empties its reference; nothing else of a row can change or go.
    """

    class Kind(models.TextChoices):
        GRANTED = "granted"
        WITHDRAWN = "withdrawn"

    class Source(models.TextChoices):
        API = "api"
        IMPORT = "import"
        ADMIN = "admin"
        FORM = "form", "Sign-up form"
        CONFIRMATION = "confirmation", "Confirmation by the person"
        LINK = "opt_out_link"
        UNDO = "opt_out_undo", "Opt-out undone"
        REPLY = "reply", "Keyword in a reply"
        DEMO = "demo"

    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="consents")
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="consents"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=20, choices=Source)
    reference = models.CharField(
        max_length=MAX_REFERENCE,
        blank=True,
        help_text="The import, message or form that it came by.",
    )
    # Texts never go, so nothing ever looks for the consents of one.
    text = models.ForeignKey(
        ConsentText, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    version = models.PositiveIntegerField(null=True, help_text="Of the form.")
    tag = models.CharField(
        max_length=MAX_TAG, blank=True, default="", db_default="", help_text="Its public id."
    )
    page = models.CharField(max_length=MAX_PAGE, blank=True, default="", db_default="")
    person_hash = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="The salted SHA-256 of the ConsentPerson; empty if there never was one.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["granted", "withdrawn"]), name="consent_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.source}"


class ConsentPerson(models.Model):
    """Who it was: the personal data of a consent. May be deleted, but not changed.

    Outside the chain, which holds a salted hash of it only: erasing a person leaves the chain
    valid, and without the salt nobody can find out the phone by trying them all.
    """

    consent = models.OneToOneField(
        Consent, on_delete=models.PROTECT, primary_key=True, related_name="person"
    )
    phone = models.CharField(max_length=16, db_collation="C", db_index=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=MAX_USER_AGENT, blank=True)
    salt = models.BinaryField(max_length=16)

    class Meta:
        verbose_name = "person of a consent"
        verbose_name_plural = "persons of consents"

    def __str__(self) -> str:
        return self.phone


class ConsentLink(models.Model):
    """A consent's place in its business's chain. Written by the database alone, at the commit.

    hash: SHA-256, in hex, of the consent, its number and the hash of the number before it.
    """

    consent = models.OneToOneField(
        Consent, on_delete=models.PROTECT, primary_key=True, related_name="link"
    )
    # The index of the constraint below begins with it.
    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    number = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["business", "number"], name="consent_link_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number} of {self.business_id}"


class ConsentHead(models.Model):
    """The end of a business's chain, which shows that no consent is missing there."""

    business = models.OneToOneField(
        Business, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    count = models.PositiveBigIntegerField()
    last_hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.count} of {self.business_id}"
