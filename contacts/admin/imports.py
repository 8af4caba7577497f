"""Imports: upload a file, watch it, see what was not taken."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.scoped_admin import local_time
from accounts.service_admin import ServiceAdmin
from contacts import services, tasks
from contacts.models import ContactImport
from rediskit.doorbell import ring_on_commit

SHOWN_ERRORS = 100
UPLOADED = local_time("created_at", "uploaded")
SHOWN = (
    "business", "original_name", "status", "failure", "contact_list", "dry_run",
    "update_existing", "created_by", UPLOADED, local_time("finished_at"),
)  # fmt: skip
ROWS = ("total", "processed", "created", "updated", "skipped", "failed", "first_errors")


class UploadForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ContactImport
        fields = ("business", "file", "contact_list", "dry_run", "update_existing")
        help_texts = {
            "file": "A CSV file whose first line names the columns; phone is the one it must have.",
            "contact_list": "Its contacts are put on this list, too.",
            "dry_run": "Only check the file; take in nothing.",
            "update_existing": "Change contacts that are known already; else they are skipped.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        contact_list, business = data.get("contact_list"), data.get("business")
        if contact_list and business and contact_list.business_id != business.pk:
            raise ValidationError({"contact_list": "This is a list of another business."})
        if data.get("file"):
            self._check_size(data["file"])
        return data

    def _check_size(self, file: Any) -> None:
        try:
            services.check_size(file)
        except services.FileTooLarge as error:
            raise ValidationError({"file": error.detail}) from error


@admin.register(ContactImport)
class ContactImportAdmin(ServiceAdmin):
    """Adding one is the upload; afterwards it is only to be looked at, or cancelled."""

    form = UploadForm
    list_display = (
        "original_name",
        "status",
        "processed",
        "total",
        "created",
        "updated",
        "skipped",
        "failed",
        "business",
        UPLOADED,
    )
    list_filter = ("status", "business")
    list_select_related = ("business",)
    autocomplete_fields = ("contact_list",)
    search_fields = ("original_name",)
    ordering = ("-id",)
    actions = ("cancel",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": UploadForm.Meta.fields})]
        return [(None, {"fields": SHOWN}), ("Rows of the file", {"fields": ROWS})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*SHOWN, *ROWS) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        data = form.cleaned_data
        user: Any = request.user
        created = services.create_import(
            business=data["business"],
            created_by=user,
            file=data["file"],
            name=data["file"].name,
            contact_list=data["contact_list"],
            dry_run=data["dry_run"],
            update_existing=data["update_existing"],
        )
        obj.pk, obj.original_name = created.pk, created.original_name
        ring_on_commit(tasks.run_import, created.pk)

    @admin.display(description=f"the first {SHOWN_ERRORS} errors")
    def first_errors(self, contact_import: ContactImport) -> SafeString:
        errors = contact_import.errors.order_by("line", "id")[:SHOWN_ERRORS]
        rows = ((error.line, error.column, error.code, error.reason) for error in errors)
        cells = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        head = "<tr><th>line</th><th>column</th><th>code</th><th>reason</th></tr>"
        return format_html(f"<table>{head}{{}}</table>", format_html_join("", cells, rows))

    @admin.action(
        description="Stop the selected imports (rows taken so far stay)", permissions=["view"]
    )
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        for contact_import in queryset.filter(status__in=ContactImport.OPEN):
            self._cancel(request, contact_import)

    def _cancel(self, request: HttpRequest, contact_import: ContactImport) -> None:
        try:
            services.cancel_import(contact_import=contact_import)
        except services.ImportOver as error:
            self.message_user(request, f"{contact_import}: {error.detail}", level="WARNING")
        else:
            self.message_user(request, f"{contact_import} was cancelled.")
