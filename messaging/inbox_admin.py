"""Replies as staff see them: read, marked as handled; and what is answered by itself."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator

from accounts.models import User
from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin, local_time
from messaging import services, texts
from messaging.models import AutoReply, InboundMessage, SentReply
from messaging.rendering import TemplateError

OCCURRED, HANDLED = local_time("occurred_at", "when"), local_time("handled_at", "handled")
SENT: Any = local_time("created_at", "sent")


class HandledFilter(admin.SimpleListFilter):
    title = "handled"
    parameter_name = "handled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Not yet"), ("yes", "Handled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(handled_at__isnull=self.value() == "no")


@admin.register(InboundMessage)
class InboundMessageAdmin(ReadOnlyAdmin, BusinessAdmin):
    """Those of nobody, to whom no business wrote, are for superusers."""

    list_display = ["phone", "said", "keyword", "effect", "business", "when", "done"]
    list_filter = [HandledFilter, "keyword", "business"]
    list_select_related = ["business"]
    search_fields = ["phone__exact", "message__public_id__exact"]
    search_help_text = "A whole phone, such as +306941234567, or the id of the message answered."
    ordering = ["-id"]
    fields = [
        "business", "phone", "to", "text", "keyword", "effect", "answered", "when", "done",
        "handled_by",
    ]  # fmt: skip
    readonly_fields = ["answered", "when", "done"]
    actions = ["mark_as_handled", "mark_as_open"]

    @admin.display(description="text")
    def said(self, reply: InboundMessage) -> str:
        return Truncator(reply.text).chars(60)

    @admin.display(description="when", ordering="occurred_at")
    def when(self, reply: InboundMessage) -> str:
        return OCCURRED(reply) if reply.business else f"{reply.occurred_at:%d %b %Y, %H:%M} UTC"

    @admin.display(description="handled", ordering="handled_at")
    def done(self, reply: InboundMessage) -> str:
        return HANDLED(reply) if reply.business else "-"

    @admin.display(description="answers")
    def answered(self, reply: InboundMessage) -> str:
        return f"{reply.message.public_id}: {reply.message.text}" if reply.message else "-"

    @admin.action(description="Mark the selected replies as handled", permissions=["view"])
    def mark_as_handled(self, request: HttpRequest, queryset: QuerySet[InboundMessage]) -> None:
        self._mark(request, queryset, is_handled=True)

    @admin.action(description="Mark the selected replies as not handled", permissions=["view"])
    def mark_as_open(self, request: HttpRequest, queryset: QuerySet[InboundMessage]) -> None:
        self._mark(request, queryset, is_handled=False)

    def _mark(
        self, request: HttpRequest, queryset: QuerySet[InboundMessage], *, is_handled: bool
    ) -> None:
        assert isinstance(request.user, User)
        for reply in queryset:
            services.mark_handled(inbound=reply, by=request.user, is_handled=is_handled)
        self.message_user(request, "Done.")


REPLY_TEXT_HELP: Final = (
    f"Empty: the standard text, where there is one. {texts.PLACEHOLDERS} A line with a link to opt "
    "out is added to the answers to HELP, START and YES."
)


class AutoReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = AutoReply
        fields = ["business", "kind", "is_active", "text"]
        help_texts = {"text": REPLY_TEXT_HELP}
        error_messages = {
            NON_FIELD_ERRORS: {
                "unique_together": "There is an answer of this kind already: change that one."
            }
        }

    def clean_text(self) -> str:
        text = str(self.cleaned_data["text"])
        try:
            if text:
                texts.check_text(text, has_offer=False)
        except TemplateError as error:
            raise ValidationError(error.detail) from error
        return text


@admin.register(AutoReply)
class AutoReplyAdmin(BusinessAdmin):
    """Without a row of its kind HELP is answered with the standard text, and nothing else is."""

    form = AutoReplyForm
    list_display = ["kind", "business", "is_active", "text"]
    list_filter = ["kind", "is_active", "business"]
    list_select_related = ["business"]
    ordering = ["business", "kind"]

    def get_readonly_fields(self, request: HttpRequest, obj: AutoReply | None = None) -> Any:
        return ["business", "kind"] if obj else []

    def save_model(self, request: HttpRequest, obj: AutoReply, form: Any, change: Any) -> None:
        saved = services.save_auto_reply(
            business=obj.business, kind=obj.kind, text=obj.text, is_active=obj.is_active
        )
        obj.pk = saved.pk


@admin.register(SentReply)
class SentReplyAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ["phone", "kind", "business", SENT]
    list_filter = ["kind", "business"]
    list_select_related = ["business"]
    search_fields = ["phone__exact"]
    ordering = ["-id"]
