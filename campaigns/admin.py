"""Templates and campaigns as staff see them."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.models import User
from accounts.problems import Problem
from accounts.scoped_admin import (
    BusinessAdmin,
    ByMembership,
    ReadOnlyAdmin,
    is_superuser,
    managed_ids,
)
from campaigns import selectors, services, tasks
from campaigns.forms import CampaignForm, TemplateForm
from campaigns.models import Campaign, CampaignRun, Template
from messaging.models import BroadcastCounters
from messaging.tasks import send_next, settle
from rediskit.doorbell import ring_on_commit, ring_senders


class ServiceAdmin(BusinessAdmin):
    """Changes rows by the services; what they refuse becomes a message, and changes nothing."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Problem as problem:
            self.message_user(request, problem.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Problem as problem:
            self.message_user(request, problem.detail, messages.ERROR)
            return HttpResponseRedirect("..")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the deletion in bulk, which asks no service."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Template)
class TemplateAdmin(BusinessAdmin):
    """Superusers write the system's, too: those without a business."""

    form = TemplateForm
    list_display = ["name", "business", "text", "updated_at"]
    list_filter = ["business"]
    list_select_related = ["business"]
    search_fields = ["name", "text"]
    ordering = ["name"]

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if not is_superuser(request):
            kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class CampaignRunInline(ReadOnlyAdmin, ByMembership, admin.TabularInline):  # type: ignore[type-arg]
    model = CampaignRun
    extra = 0
    fields = ["kind", "broadcast", "created_at"]

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return self._is_allowed(request)


@admin.register(Campaign)
class CampaignAdmin(ServiceAdmin):
    form = CampaignForm
    inlines = [CampaignRunInline]
    list_display = [
        "name", "business", "status", "scheduled_at", "recipients", "handed_over", "delivered",
        "not_delivered",
    ]  # fmt: skip
    list_filter = ["status", "business"]
    list_select_related = ["business"]
    search_fields = ["name"]
    ordering = ["-created_at", "-pk"]
    fields = [
        "business", "name", "template", "text", "contact_list", "filter", "sender", "send_date",
        "send_time", "status", "failure", "scheduled_at", "launched_at", "finished_at",
    ]  # fmt: skip
    readonly_fields = ["status", "failure", "scheduled_at", "launched_at", "finished_at"]
    actions = ["send_now", "pause", "resume", "cancel"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        runs = CampaignRun.objects.select_related("broadcast__counters")
        return super().get_queryset(request).prefetch_related(Prefetch("runs", runs))

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        return [*self.readonly_fields, *(["business"] if obj else [])]

    def get_fields(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        """Once launched, there is nothing to choose."""
        fields = super().get_fields(request, obj)
        if obj is None or obj.status in Campaign.EDITABLE:
            return fields
        return [name for name in fields if name not in {"send_date", "send_time"}]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in Campaign.EDITABLE
        return editable and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in Campaign.EDITABLE
        return editable and super().has_delete_permission(request, obj)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "template" and not is_superuser(request):
            own_or_system = Q(business__in=managed_ids(request)) | Q(business=None)
            field.queryset = Template.objects.filter(own_or_system)
        return field

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: Any) -> None:
        assert isinstance(request.user, User)
        cleaned = form.cleaned_data
        fields = {name: cleaned[name] for name in CampaignForm.Meta.fields if name != "business"}
        schedule = cleaned["schedule"]
        if change:
            services.update_campaign(campaign=obj, schedule=schedule, **fields)
            return
        obj.pk = services.create_campaign(
            business=obj.business, created_by=request.user, schedule=schedule, **fields
        ).pk

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        services.delete_campaign(campaign=obj)

    @admin.action(description="Send now", permissions=["change"])
    def send_now(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._act(request, queryset, services.send_campaign, "will be sent")
        ring_on_commit(tasks.launch_due)

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._act(request, queryset, services.pause_campaign, "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._act(request, queryset, services.resume_campaign, "resumed")
        transaction.on_commit(lambda: ring_senders(send_next))

    @admin.action(description="Cancel", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        for campaign in self._act(request, queryset, services.cancel_campaign, "cancelled"):
            for broadcast_id in selectors.broadcasts_of(campaign):
                ring_on_commit(settle, broadcast_id)

    def _act(
        self,
        request: HttpRequest,
        campaigns: Iterable[Campaign],
        service: Callable[..., Campaign],
        done: str,
    ) -> list[Campaign]:
        """Those that moved; each of the others is named with the reason."""
        moved = []
        for campaign in campaigns:
            try:
                moved.append(service(campaign=campaign))
            except Problem as problem:
                self.message_user(request, f"{campaign}: {problem.detail}", messages.ERROR)
        if moved:
            names = ", ".join(str(campaign) for campaign in moved)
            self.message_user(request, f"{names}: {done}.", messages.SUCCESS)
        return moved

    @admin.display(description="messages")
    def recipients(self, campaign: Campaign) -> int:
        return _count(campaign, "total")

    @admin.display(description="handed over")
    def handed_over(self, campaign: Campaign) -> str:
        total = _count(campaign, "total")
        return f"{100 * (total - _count(campaign, 'queued')) // total} %" if total else "-"

    @admin.display
    def delivered(self, campaign: Campaign) -> int:
        return _count(campaign, "delivered")

    @admin.display(description="failed or unknown")
    def not_delivered(self, campaign: Campaign) -> int:
        return _count(campaign, "failed", "undelivered", "unknown")


def _count(campaign: Campaign, *statuses: str) -> int:
    """From the prefetched runs: no query."""
    counters: list[BroadcastCounters] = [run.broadcast.counters for run in campaign.runs.all()]
    return sum(getattr(row, status) for row in counters for status in statuses)
