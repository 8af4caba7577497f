"""Campaigns: written, sent, and followed."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import pluralize
from django.utils.safestring import SafeString

from accounts.models import User
from accounts.problems import Problem
from accounts.scoped_admin import local_time
from accounts.service_admin import ServiceAdmin
from campaigns import selectors, services, tasks
from campaigns.admin.columns import ProgressColumns
from campaigns.admin.displays import as_launched, as_sent, figures, retry_remark, run_table
from campaigns.forms import OFFER_FIELDS, CampaignForm, PhonesForm
from campaigns.models import Campaign, CampaignRun
from campaigns.recurrence import describe
from campaigns.recurrence_form import REPEAT_FIELDS
from campaigns.statistics import campaign_statistics
from contacts.forms import FILTER_FIELDS, describe_filter
from messaging.tasks import expand, send_next, settle
from messaging.waiting import why_waiting
from rediskit.doorbell import ring_on_commit, ring_senders_on_commit

SCHEDULED = local_time("scheduled_at", "time")
OFFER_END: Final = local_time("offer_valid_until", "valid until")
DATES: Final = (SCHEDULED, local_time("launched_at"), local_time("finished_at"))
RESULTS: Final = ("Results", {"fields": ["results", "one_by_one"]})
SHOWN_RUNS: Final = 50
SEND_AT_ONCE: Final = "To send at once, leave date and time empty and choose “Save and send now”."
RETRIES: Final = ("retry", "retry_unconfirmed")
_WAITING: Final = ("send_test", "send_now", "cancel", "duplicate")
# What the services allow, by status; here it decides no more than which buttons there are.
POSSIBLE: Final[Mapping[Campaign.Status, Sequence[str]]] = {
    Campaign.Status.DRAFT: ("send_test", "send_now", "duplicate"),
    Campaign.Status.SCHEDULED: _WAITING,
    Campaign.Status.MISSED: _WAITING,
    Campaign.Status.SENDING: ("pause", "cancel", "duplicate"),
    Campaign.Status.PAUSED: ("resume", "cancel", "duplicate"),
    Campaign.Status.COMPLETED: (*RETRIES, "duplicate"),
    Campaign.Status.CANCELLED: ("duplicate",),
    Campaign.Status.FAILED: ("duplicate",),
}


@admin.register(Campaign)
class CampaignAdmin(ProgressColumns, ServiceAdmin):
    form = CampaignForm
    list_display = [
        "name", "business", "status", SCHEDULED, "recipients", "handed_over", "delivered",
        "failed", "unknown", "clicks", "redemptions",
    ]  # fmt: skip
    list_filter = ["status", "business"]
    list_select_related = ["business"]
    search_fields = ["name"]
    ordering = ["-created_at", "-pk"]
    actions = [
        "send_test", "send_now", "pause", "resume", "cancel", "retry", "retry_unconfirmed",
        "duplicate",
    ]  # fmt: skip

    saving_actions = ("send_test", "send_now")

    def possible_actions(self, obj: Campaign | None) -> Collection[str]:
        if obj is None:
            return self.saving_actions
        possible = POSSIBLE[Campaign.Status(obj.status)]
        return possible if self.failed(obj) else [each for each in possible if each not in RETRIES]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        runs = (
            CampaignRun.objects.select_related("broadcast__counters", "broadcast__engagement")
            .defer("broadcast__text", "broadcast__audience")  # a series may have hundreds
            .order_by("pk")
        )
        return super().get_queryset(request).prefetch_related(Prefetch("runs", runs))

    def get_fieldsets(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        if obj is not None and obj.status not in Campaign.EDITABLE:
            state = ["status", *(["waits"] if obj.status == Campaign.Status.SENDING else [])]
            return [
                (None, {"fields": ["business", "name", *state, "failure", "repeats", *DATES]}),
                RESULTS,
                ("Message", {"fields": ["goes_out_as", "sender"]}),
                ("Offer", {"fields": [*OFFER_FIELDS[:-1], OFFER_END]}),
                ("Audience", {"fields": ["contact_list", "chosen"]}),
            ]
        size, reach = (["goes_out_as"], ["reach"]) if obj else ([], [])
        time = ["send_date", "send_time", *REPEAT_FIELDS]
        has_begun = obj is not None and obj.recurrence is not None and obj.launched_at
        status = ["status", *(["failure"] if has_begun else [])] if obj else []
        return [
            (None, {"fields": ["business", "name", *status]}),
            *([RESULTS] if has_begun else []),
            ("Message", {"fields": ["template", "text", *size, OFFER_FIELDS[-1], "sender"]}),
            ("Offer", {"fields": [*OFFER_FIELDS[:-1], "offer_last_day"]}),
            ("Audience", {"fields": ["contact_list", *FILTER_FIELDS, *reach]}),
            ("Time", {"fields": time, "description": SEND_AT_ONCE}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Campaign | None = None) -> Any:
        if obj is None:
            return []
        return [
            "business", "status", "waits", "failure", "repeats", "results", "one_by_one",
            "goes_out_as", "chosen", "reach", OFFER_END, *DATES,
        ]  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in Campaign.EDITABLE
        return editable and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in Campaign.EDITABLE
        return editable and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: Any) -> None:
        assert isinstance(request.user, User)
        cleaned = form.cleaned_data
        names = {*CampaignForm.Meta.fields, "filter", "offer_valid_until", "recurrence"} - {
            "business"
        }
        fields: Any = {name: cleaned[name] for name in names}
        schedule = cleaned["schedule"]
        if fields["recurrence"] and schedule is None:
            said = "This is a draft: it repeats once it has a date and a time, or was sent."
            self.message_user(request, said, messages.WARNING)
        if change:
            services.update_campaign(campaign=obj, schedule=schedule, **fields)
            return
        obj.pk = services.create_campaign(
            business=obj.business, created_by=request.user, schedule=schedule, **fields
        ).pk

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        services.delete_campaign(campaign=obj)

    @admin.action(description="Send now", permissions=["change"])
    def send_now(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            rows = [(each, f"{each.get_status_display()}, {self.reach(each)}") for each in queryset]
            question = "Send these campaigns at once, to everybody in their audience?"
            return self.ask(request, "send_now", "Send now", question, rows)
        self._act(request, queryset, services.send_campaign, "will be sent now")
        ring_on_commit(tasks.launch_due)
        return None

    @admin.action(description="Pause sending", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._act(request, queryset, services.pause_campaign, "paused")

    @admin.action(description="Go on sending", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        self._act(request, queryset, services.resume_campaign, "resumed")
        ring_senders_on_commit(send_next)

    @admin.action(description="Cancel for good", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            rows = [(campaign, campaign.get_status_display()) for campaign in queryset]
            question = (
                "What has not been sent yet of these campaigns never will be; what has been sent "
                "cannot be taken back:"
            )
            return self.ask(request, "cancel", "Cancel for good", question, rows)
        for campaign in self._act(request, queryset, services.cancel_campaign, "cancelled"):
            for broadcast_id in selectors.cancelled_broadcasts_of(campaign):
                ring_on_commit(settle, broadcast_id)
        return None

    @admin.action(description="Send failed ones again", permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> HttpResponse | None:
        question = (
            "Send these campaigns again to everybody whose message failed or was not delivered for "
            "a reason that may pass, and who is still subscribed?"
        )
        return self._retry(request, queryset, "retry", question)

    @admin.action(description="Send failed and unconfirmed ones again", permissions=["change"])
    def retry_unconfirmed(
        self, request: HttpRequest, queryset: QuerySet[Campaign]
    ) -> HttpResponse | None:
        question = (
            "Send these campaigns again also where nobody knows whether the message arrived? Some "
            "people may get it twice."
        )
        return self._retry(
            request, queryset, "retry_unconfirmed", question, include=selectors.RETRY_IF_NAMED
        )

    def _retry(
        self,
        request: HttpRequest,
        campaigns: QuerySet[Campaign],
        action: str,
        question: str,
        include: Collection[str] = (),
    ) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            rows = [
                (each, retry_remark(each, names_unconfirmed=bool(include))) for each in campaigns
            ]
            return self.ask(request, action, "Send again", question, rows)
        again = partial(services.retry_failed, include=include)
        for campaign in self._act(request, campaigns, again, "will be sent again"):
            ring_on_commit(expand, selectors.broadcasts_of(campaign)[-1])
        return None

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> HttpResponse | None:
        campaign = queryset.first()
        if campaign is None or len(queryset) > 1:
            self.message_user(request, "Choose one campaign to test.", messages.ERROR)
            return None
        answer = request.POST if "confirmed" in request.POST else None
        form = PhonesForm(campaign.business.country, answer)
        if not form.is_valid():
            question = "To whom shall the text go, as everybody would get it now?"
            rows = [(campaign, campaign.get_status_display())]
            return self.ask(request, "send_test", "Send a test", question, rows, form=form)
        try:
            services.send_test(campaign=campaign, phones=form.cleaned_data["phones"])
        except Problem as problem:
            self.message_user(request, f"{campaign}: {problem.detail}", messages.ERROR)
            return None
        ring_senders_on_commit(send_next)
        phones = ", ".join(form.cleaned_data["phones"])
        self.message_user(request, f"{campaign}: a test is on its way to {phones}.")
        return None

    @admin.action(description="Copy as a draft", permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> HttpResponse | None:
        assert isinstance(request.user, User)
        copy = partial(services.duplicate_campaign, created_by=request.user)
        copies = self._act(request, queryset, copy, "is a draft, which you can change")
        to_copy = self.is_on_page(request) and len(copies) == 1
        return HttpResponseRedirect(self.page_url(copies[0])) if to_copy else None

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

    @admin.display
    def results(self, campaign: Campaign) -> SafeString:
        broadcasts = [run.broadcast_id for run in campaign.runs.all()]
        statistics = campaign_statistics({campaign.pk: broadcasts})[campaign.pk]
        return figures(statistics, campaign.business.zone)

    @admin.display(description="waits, because")
    def waits(self, campaign: Campaign) -> str:
        broadcasts = [run.broadcast_id for run in campaign.runs.all()]
        why = why_waiting(broadcasts[-1], campaign.business.zone) if broadcasts else ""
        return why or "-"

    @admin.display
    def repeats(self, campaign: Campaign) -> str:
        return describe(campaign.recurrence) if campaign.recurrence else "no"

    @admin.display(description="runs")
    def one_by_one(self, campaign: Campaign) -> SafeString:
        return run_table(selectors.history_of(campaign)[:SHOWN_RUNS], campaign.business.zone)

    @admin.display(description="goes out as")
    def goes_out_as(self, campaign: Campaign) -> SafeString:
        """The text as it was at the launch, once there was one."""
        broadcasts = [run.broadcast for run in campaign.runs.all()]
        if broadcasts and campaign.status not in Campaign.EDITABLE:
            return as_launched(broadcasts[-1])
        text = selectors.text_of(campaign)
        return as_sent(text, campaign.business, track_links=campaign.track_links)

    @admin.display(description="who are")
    def chosen(self, campaign: Campaign) -> str:
        return describe_filter(campaign.filter) or "any"

    @admin.display(description="would reach now")
    def reach(self, campaign: Campaign) -> str:
        number = selectors.audience_of(campaign).count()
        return f"{number:,} contact{pluralize(number)}"
