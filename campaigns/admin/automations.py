"""Automations: written, switched on and off, and in figures."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.service_admin import ServiceAdmin
from campaigns import selectors, services
from campaigns.admin.displays import as_sent, figures
from campaigns.forms import OFFER_FIELDS, AutomationForm
from campaigns.models import Automation
from campaigns.statistics import statistics_of_all


@admin.register(Automation)
class AutomationAdmin(ServiceAdmin):
    in_use = services.AutomationInUse.title
    form = AutomationForm
    list_display = ["kind", "business", "is_active", "send_time", "text", "failure"]
    list_filter = ["kind", "is_active", "business"]
    list_select_related = ["business"]
    ordering = ["business", "kind"]

    def get_fieldsets(self, request: HttpRequest, obj: Automation | None = None) -> Any:
        text, track_links = (["goes_out_as"] if obj else []), OFFER_FIELDS[-1]
        failure = ["failure"] if obj and obj.failure else []
        sections: list[Any] = [
            (None, {"fields": ["business", "kind", "is_active", "send_time", *failure]}),
            ("Message", {"fields": ["text", *text, track_links, "sender"]}),
            ("Offer", {"fields": [*OFFER_FIELDS[:-1], "offer_last_day", "offer_valid_days"]}),
        ]
        return [*sections, ("Results", {"fields": ["results"]})] if obj else sections

    def get_readonly_fields(self, request: HttpRequest, obj: Automation | None = None) -> Any:
        return ["business", "kind", "failure", "goes_out_as", "results"] if obj else []

    def save_model(self, request: HttpRequest, obj: Automation, form: Any, change: Any) -> None:
        cleaned = form.cleaned_data
        names = {*AutomationForm.Meta.fields, "offer_valid_until"} - {"business", "kind"}
        fields: Any = {name: cleaned[name] for name in names}
        if change:
            services.update_automation(automation=obj, **fields)
            return
        obj.pk = services.create_automation(
            business=obj.business, kind=cleaned["kind"], **fields
        ).pk

    def delete_model(self, request: HttpRequest, obj: Automation) -> None:
        services.delete_automation(automation=obj)

    @admin.display(description="goes out as")
    def goes_out_as(self, automation: Automation) -> SafeString:
        return as_sent(automation.text, automation.business, track_links=automation.track_links)

    @admin.display
    def results(self, automation: Automation) -> SafeString:
        broadcasts = selectors.broadcasts_of_automation(automation)
        return figures(statistics_of_all(broadcasts), automation.business.zone)
