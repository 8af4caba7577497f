"""The forms behind tags."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest

from accounts.scoped_admin import local_time
from accounts.service_admin import ServiceAdmin
from nfc import services
from nfc.admin_forms import ASKS, OTHER_TEXTS, TEXTS, FormForm
from nfc.models import OptInForm

CHANGED: Final = local_time("updated_at", "changed")


@admin.register(OptInForm)
class OptInFormAdmin(ServiceAdmin):
    form = FormForm
    in_use = services.FormInUse.title
    fieldsets = (
        (None, {"fields": ("business", "name", "double_opt_in")}),
        ("Asked for beside the phone", {"fields": ASKS}),
        ("Texts", {"fields": ("language", *TEXTS)}),
        (
            "Texts in the other language",
            {
                "fields": OTHER_TEXTS,
                "description": "Greek if the texts above are English, and the other way round. "
                "If all are empty, every visitor is shown those above.",
            },
        ),
    )
    list_display = ("name", "version", "language", "double_opt_in", "business")
    list_filter = ("business",)
    list_select_related = ("business",)
    search_fields = ("name", "consent_text")
    ordering = ("name", "id")

    def get_fieldsets(self, request: HttpRequest, obj: OptInForm | None = None) -> Any:
        sections = super().get_fieldsets(request, obj)
        more = ("Versions", {"fields": ("version", CHANGED)})
        return (*sections, more) if obj else sections

    def get_readonly_fields(self, request: HttpRequest, obj: OptInForm | None = None) -> Any:
        return ("business", "version", CHANGED) if obj else ()

    def delete_model(self, request: HttpRequest, obj: OptInForm) -> None:
        services.delete_form(form=obj)

    def save_model(self, request: HttpRequest, obj: OptInForm, form: Any, change: bool) -> None:  # noqa: FBT001
        names = ("name", "language", *TEXTS, "double_opt_in", "fields", "translations")
        fields: Any = {name: form.cleaned_data[name] for name in names}
        if change:
            # As it was before the form's texts were put into it: the version depends on that.
            services.update_form(form=OptInForm(pk=obj.pk), **fields)
            return
        obj.pk = services.create_form(business=obj.business, **fields).pk
