"""Templates: a shop's own, and, to look at, those that all shops may choose."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from accounts.scoped_admin import BusinessAdmin, is_superuser, managed_ids
from accounts.service_admin import ServiceAdmin
from campaigns import services
from campaigns.admin.displays import as_sent
from campaigns.forms import TemplateForm
from campaigns.models import Template


@admin.register(Template)
class TemplateAdmin(ServiceAdmin):
    """Superusers write the system's, too: those without a business."""

    in_use = services.TemplateInUse.title
    form = TemplateForm
    list_display = ["name", "whose", "beginning"]
    list_filter = ["business"]
    list_select_related = ["business"]
    search_fields = ["name", "text"]
    ordering = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        if is_superuser(request):
            return super().get_queryset(request)
        own_or_system = Q(business__in=managed_ids(request)) | Q(business=None)
        # Past the base's scope, which knows no rows without a business.
        templates: QuerySet[Template] = super(BusinessAdmin, self).get_queryset(request)
        return templates.filter(own_or_system)

    def get_fields(self, request: HttpRequest, obj: Template | None = None) -> Any:
        return [*TemplateForm.Meta.fields, *(["goes_out_as"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Template | None = None) -> list[str]:
        return ["goes_out_as", *(["business"] if obj else [])]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_writable(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_writable(request, obj) and super().has_delete_permission(request, obj)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if not is_superuser(request):
            kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def delete_model(self, request: HttpRequest, obj: Template) -> None:
        if obj.business_id is None:  # the service keeps these from those who use them
            obj.delete()
            return
        services.delete_template(template=obj)

    @admin.display(description="business", ordering="business__name")
    def whose(self, template: Template) -> str:
        return str(template.business or "everybody’s")

    @admin.display(description="text")
    def beginning(self, template: Template) -> str:
        return Truncator(template.text).chars(80)

    @admin.display(description="goes out as")
    def goes_out_as(self, template: Template) -> SafeString:
        return as_sent(template.text, template.business)


def _is_writable(request: HttpRequest, template: Template | None) -> bool:
    return is_superuser(request) or template is None or template.business_id is not None
