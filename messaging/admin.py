"""The engine as staff see it: to look at, and, for what is in quarantine, to try again."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.scoped_admin import (
    BusinessAdmin,
    ReadOnlyAdmin,
    SuperuserOnly,
    is_superuser,
    local_time,
)
from accounts.service_admin import ServiceAdmin
from messaging import inbox_admin, selectors, services, tasks  # noqa: F401 - it registers itself
from messaging.gateways.base import FailureReason
from messaging.models import (
    Batch,
    Broadcast,
    BroadcastCounters,
    DailyUsage,
    ExpansionCursor,
    GatewayEvent,
    GatewayReference,
    Message,
    MessageProblem,
    QuietHours,
    WaitingReport,
)
from rediskit.doorbell import ring_on_commit, ring_senders_on_commit

# What staff read in the place of a reason; another one is shown as it is kept.
WHY: Final[Mapping[str, str]] = {
    "opted_out": "unsubscribed before it was sent",
    "contact_deleted": "the contact was deleted before it was sent",
    "phone_changed": "the contact had another number by then",
    "frequency_cap": "has had as many messages as the frequency cap allows",
    FailureReason.INVALID_NUMBER: "no such number",
    FailureReason.INVALID_SENDER: "the sender's name is not accepted",
    FailureReason.INVALID_TEXT: "the text is not accepted",
    FailureReason.REFUSED: "refused by the gateway",
    FailureReason.TIMEOUT: "the gateway did not answer in time",
    FailureReason.CONNECTION_RESET: "the connection to the gateway broke",
    FailureReason.GATEWAY_ERROR: "the gateway had an error",
    FailureReason.UNREADABLE_REPLY: "the gateway's answer made no sense",
    FailureReason.WORKER_LOST: "our program ended while it was sent",
    FailureReason.UNCONFIRMED: "nothing was heard of it; it may have arrived",
    FailureReason.UNDELIVERABLE: "the network could not deliver it",
    FailureReason.EXPIRED: "the network gave up",
    FailureReason.ABSENT: "the phone was off or out of reach",
    FailureReason.BLOCKED: "the network or the phone takes no such messages",
}
SENT, REPORTED = local_time("sent_at"), local_time("reported_at")
DATES = (local_time("created_at"), SENT, REPORTED)
QUIET_DAYS: Final = ("weekday", "month_day", "days_after_easter")
QUIET_DAYS_HELP: Final = (
    "At most one of these; none: every day. A night that begins on such a day lasts until its end "
    "on the next morning."
)


class BesideBroadcast(admin.StackedInline):  # type: ignore[type-arg]
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return True


class CountersInline(BesideBroadcast):
    model = BroadcastCounters


class CursorInline(BesideBroadcast):
    model = ExpansionCursor
    verbose_name_plural = "expansion: how far the audience has been turned into messages"


class OperatorAdmin(ReadOnlyAdmin, BusinessAdmin):
    """The engine, or of all businesses at once: of no use to clerks, hence for superusers only."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Also asked where another model refers to one of these; some have no business at all.
        rows: QuerySet[Any] = super(BusinessAdmin, self).get_queryset(request)
        return rows if is_superuser(request) else rows.none()

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)


class UnknownFilter(admin.SimpleListFilter):
    title = "unknown messages"
    parameter_name = "unknown"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Some")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Broadcast]) -> QuerySet[Broadcast]:
        return queryset.filter(counters__unknown__gt=0) if self.value() == "yes" else queryset


@admin.register(Broadcast)
class BroadcastAdmin(OperatorAdmin, ServiceAdmin):
    list_display = [
        "id", "business", "status", "sender", "total", "done", "unknown", "created_at",
    ]  # fmt: skip
    list_filter = ["status", UnknownFilter, "business"]
    list_select_related = ["business", "counters"]
    search_fields = ["text"]
    inlines = [CountersInline, CursorInline]
    actions = ["resume", "cancel", "close_unknown"]

    def possible_actions(self, obj: Broadcast | None) -> Collection[str]:
        if obj is None:
            return ()
        is_paused = obj.status == Broadcast.Status.PAUSED
        is_open = is_paused or obj.status == Broadcast.Status.SENDING
        possible = {
            "resume": is_paused,
            "cancel": is_open,
            "close_unknown": obj.counters.unknown > 0,
        }
        return [name for name, is_possible in possible.items() if is_possible]

    @admin.action(description="Go on sending", permissions=["view"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Broadcast]) -> None:
        """The only way for messages that no campaign has; a campaign follows its broadcast."""
        chosen = queryset.values_list("pk", flat=True)
        resumed = sum(services.resume_broadcast(broadcast_id=pk) for pk in chosen)
        ring_senders_on_commit(tasks.send_next)
        self.message_user(request, f"Broadcasts that go on: {resumed}.")

    @admin.action(description="Cancel for good", permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Broadcast]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            rows = [(row, f"{row.get_status_display()} {row.failure}") for row in queryset]
            question = "What has not been sent yet of these broadcasts never will be:"
            return self.ask(request, "cancel", "Cancel for good", question, rows)
        chosen = list(queryset.values_list("pk", flat=True))
        cancelled = [pk for pk in chosen if services.cancel_broadcast(broadcast_id=pk)]
        for pk in cancelled:
            ring_on_commit(tasks.settle, pk)
        self.message_user(request, f"Broadcasts that were cancelled: {len(cancelled)}.")
        return None

    @admin.action(description="Close unknown messages as failed", permissions=["view"])
    def close_unknown(
        self, request: HttpRequest, queryset: QuerySet[Broadcast]
    ) -> HttpResponse | None:
        chosen = list(queryset.values_list("pk", flat=True))
        if "confirmed" not in request.POST:
            found = {
                each.broadcast_id: f"{each.messages} unknown ({', '.join(each.reasons)})"
                for each in selectors.unknown_messages(broadcast_ids=chosen)
            }
            rows = [(row, found.get(row.pk, "nothing unknown")) for row in queryset]
            question = (
                "Close the unknown messages of these broadcasts as failed (unconfirmed)? Their "
                "businesses may then send them again, and some people may get them twice."
            )
            return self.ask(request, "close_unknown", "Close unknown messages", question, rows)
        closed = services.close_unknown(older_than=timedelta(0), broadcast_ids=chosen)
        self.message_user(request, f"{closed} messages were closed as failed (unconfirmed).")
        return None

    @admin.display
    def unknown(self, broadcast: Broadcast) -> int:
        return broadcast.counters.unknown

    @admin.display(description="messages")
    def total(self, broadcast: Broadcast) -> int:
        return broadcast.counters.total

    @admin.display(description="handed over")
    def done(self, broadcast: Broadcast) -> str:
        counters = broadcast.counters
        return f"{100 * counters.handed_over // counters.total} %" if counters.total else "-"


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin, BusinessAdmin):
    """Searched by exact phone or id only: anything else would read the whole table."""

    list_display = [
        "public_id", "business", "phone", "status", "why", SENT, REPORTED,
    ]  # fmt: skip
    list_filter = ["status", "business"]
    list_select_related = ["business"]
    search_fields = ["public_id__exact", "phone__exact"]
    search_help_text = "A whole phone, such as +306941234567, or a message's id."

    def get_ordering(self, request: HttpRequest) -> Any:
        # Of one broadcast as its index has them.
        one = "broadcast__id__exact" in request.GET
        return ["broadcast_id", "phone"] if one else ["-id"]

    def get_fields(self, request: HttpRequest, obj: Message | None = None) -> Any:
        return [
            "public_id", "business", "phone", "text", "segments", "status", "why", *DATES,
        ]  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Message | None = None) -> Any:
        return ("why", *DATES)

    @admin.display(description="reason")
    def why(self, message: Message) -> str:
        return WHY.get(message.reason, message.reason) or "-"


@admin.register(Batch)
class BatchAdmin(OperatorAdmin):
    business_path = "broadcast__business"
    list_display = ["id", "broadcast", "state", "size", "attempts", "not_before", "lease_until"]
    list_filter = ["state"]
    list_select_related = ["broadcast"]
    ordering = ["-id"]


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ["business", "day", "messages"]
    list_filter = ["business"]
    list_select_related = ["business"]
    ordering = ["-day"]


@admin.register(GatewayEvent)
class GatewayEventAdmin(OperatorAdmin):
    list_display = ["id", "gateway", "kind", "state", "problem", "received_at"]
    list_filter = ["state", "kind"]
    ordering = ["-id"]
    fields = [
        "gateway", "kind", "state", "problem", "received_at", "body",
    ]  # fmt: skip
    actions = ["replay"]

    @admin.display(description="body")
    def body(self, event: GatewayEvent) -> str:
        return bytes(event.raw[:20_000]).decode("utf-8", "backslashreplace")

    @admin.action(description="Try again to apply the selected events", permissions=["view"])
    def replay(self, request: HttpRequest, queryset: QuerySet[GatewayEvent]) -> None:
        moved = services.replay_events(ids=list(queryset.values_list("pk", flat=True)))
        ring_on_commit(tasks.apply_events)
        self.message_user(request, f"{moved} events will be tried again.")


@admin.register(MessageProblem)
class MessageProblemAdmin(OperatorAdmin):
    list_display = ["message_id", "broadcast_id", "status", "reason", "created_at"]
    list_filter = ["status"]
    search_fields = ["=broadcast_id", "=message_id"]
    ordering = ["-id"]


@admin.register(WaitingReport)
class WaitingReportAdmin(OperatorAdmin):
    list_display = ["gateway_message_id", "status", "reason", "received_at"]
    search_fields = ["gateway_message_id__exact"]
    ordering = ["-id"]


@admin.register(GatewayReference)
class GatewayReferenceAdmin(OperatorAdmin):
    list_display = ["gateway_message_id", "message_id"]
    search_fields = ["gateway_message_id__exact", "=message_id"]
    search_help_text = "The gateway's id of a message, or our number of it."
    ordering = ["gateway_message_id"]


@admin.register(QuietHours)
class QuietHoursAdmin(SuperuserOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """The law of each country: for whoever answers for the installation."""

    fieldsets = (
        (None, {"fields": ("country", "starts", "ends", "source")}),
        ("Days", {"fields": QUIET_DAYS, "description": QUIET_DAYS_HELP}),
    )
    list_display = (
        "country",
        "starts",
        "ends",
        "weekday",
        "month_day",
        "days_after_easter",
        "source",
    )
    list_filter = ("country",)
    ordering = ("country", "weekday", "month_day", "days_after_easter", "starts")
