"""Files of contacts on their way in."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Business
from contacts.models.contacts import ContactList

MAX_ERROR_COLUMN = 100  # characters
MAX_ERROR_REASON = 255


class ContactImportQuerySet(models.QuerySet["ContactImport"]):
    def unclaimed(self) -> Self:
        """Open ones that no live run holds."""
        free = Q(lease_until=None) | Q(lease_until__lt=Now())
        return self.filter(free, status__in=ContactImport.OPEN)


class ContactImport(models.Model):
    """A file of contacts on its way in.

    Ladder: pending -> processing -> completed | failed; pending | processing -> cancelled.
    `processed` counts data rows that are committed, and `read_bytes` and `read_lines` say where in
    the file they end, so that the next slice, or a crash, resumes after them;
    processed = created + updated + skipped + failed.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (Status.PENDING, Status.PROCESSING)

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="imports")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    contact_list = models.ForeignKey(
        ContactList,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        limit_choices_to={"filter__isnull": True},
    )
    file = models.FileField(upload_to="imports/%Y/%m/")
    original_name = models.CharField(max_length=255)
    dry_run = models.BooleanField(default=False)
    update_existing = models.BooleanField(default=False)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    failure = models.TextField(blank=True, help_text="Why the file as a whole was refused.")
    failure_code = models.CharField(max_length=40, blank=True)
    encoding = models.CharField(max_length=20, blank=True)
    total = models.PositiveIntegerField(null=True, blank=True)
    processed = models.PositiveIntegerField(default=0)
    read_bytes = models.PositiveBigIntegerField(default=0)
    read_lines = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Runs that began since a row was last committed."
    )
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ContactImportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    processed=models.F("created")
                    + models.F("updated")
                    + models.F("skipped")
                    + models.F("failed")
                ),
                name="contact_import_adds_up",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(status__in=["pending", "processing"]),
                name="contact_import_open",
            ),
        ]

    def __str__(self) -> str:
        return self.original_name


class ImportedPhone(models.Model):
    """The line on which a running import first met a phone; emptied when the import ends.

    Kept in the database so that duplicates are found in flat memory, and after a crash too.
    """

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    phone = models.CharField(max_length=16, db_collation="C")
    line = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact_import", "phone"], name="imported_phone_once"),
        ]

    def __str__(self) -> str:
        return f"{self.phone} on line {self.line}"


class ContactImportError(models.Model):
    """One row of an import that was not taken: its line in the file, and why."""

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, db_index=False, related_name="errors"
    )
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=MAX_ERROR_COLUMN, blank=True)
    code = models.CharField(max_length=40)
    reason = models.CharField(max_length=MAX_ERROR_REASON)

    class Meta:
        indexes = [models.Index(fields=["contact_import", "line"], name="import_error_line")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
