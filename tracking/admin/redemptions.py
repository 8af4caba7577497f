"""Redemptions, and the page on which the till redeems: open to till staff, who see nothing else."""

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts import selectors as accounts
from accounts.models import Business, User
from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin, is_superuser, local_time
from rediskit.client_address import client_ip
from rediskit.ratelimits import limited
from tracking import limits, services
from tracking.models import Redemption
from tracking.services import RedeemStatus, UndoStatus

SHOWN_UNDOABLE = 20

_REDEEMED = {
    RedeemStatus.REDEEMED: (messages.SUCCESS, "Redeemed: {title}"),
    RedeemStatus.ALREADY_REDEEMED: (messages.ERROR, "Already redeemed at {at}: {title}"),
    RedeemStatus.EXPIRED: (messages.ERROR, "This offer has ended: {title}"),
    RedeemStatus.NOT_FOUND: (messages.ERROR, "There is no offer with this code."),
}
_UNDONE = {
    UndoStatus.UNDONE: (messages.SUCCESS, "Taken back, it can be redeemed again: {title}"),
    UndoStatus.NOT_REDEEMED: (messages.ERROR, "This is not redeemed: {title}"),
    UndoStatus.TOO_LATE: (messages.ERROR, "It is too late to take this back: {title}"),
    UndoStatus.NOT_FOUND: (messages.ERROR, "There is no offer with this code."),
}


def member_ids(request: HttpRequest) -> list[int]:
    """The businesses of the staff user, the till's too; asked for once per request."""
    if not hasattr(request, "_member_business_ids"):
        user: Any = request.user
        found = accounts.member_business_ids(user) if user.is_active and user.is_staff else []
        request._member_business_ids = found  # type: ignore[attr-defined]  # noqa: SLF001
    ids: list[int] = request._member_business_ids  # type: ignore[attr-defined]  # noqa: SLF001
    return ids


class RedeemForm(forms.Form):
    """business: among those of the user; hidden if there is but one."""

    business = forms.ModelChoiceField(queryset=Business.objects.none())
    code = forms.CharField(
        max_length=300,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "off", "spellcheck": "false", "size": 40}
        ),
        help_text="The code under the QR code, or what a scanner reads from it.",
    )

    def __init__(self, businesses: QuerySet[Business], data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["business"]
        field.queryset = businesses
        if len(only := businesses[:2]) == 1:
            field.initial = only[0]
            field.widget = forms.HiddenInput()


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = (
        "offer",
        "message",
        "business",
        local_time("redeemed_at"),
        "redeemed_by",
        "channel",
        local_time("undone_at"),
    )
    list_filter = ("channel", "business")
    list_select_related = ("business", "message", "broadcast__offer", "redeemed_by")
    search_fields = ("message__public_id__exact",)
    search_help_text = "A code."
    ordering = ("-id",)
    fields: ClassVar[Any] = (
        "offer", "message", "business", "broadcast", "redeemed_at", "redeemed_by", "channel", "ip",
        "user_agent", "undone_at", "undone_by",
    )  # fmt: skip
    readonly_fields = ("offer",)
    change_list_template = "admin/tracking/redemption/change_list.html"

    def _is_allowed(self, request: HttpRequest) -> bool:
        return is_superuser(request) or bool(member_ids(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Redemption]:
        rows = Redemption.objects.all()
        if is_superuser(request):
            return rows
        return rows.filter(business__in=member_ids(request))

    def get_urls(self) -> list[Any]:
        redeem = self.admin_site.admin_view(self.redeem_view)
        return [path("redeem/", redeem, name="tracking_redemption_redeem"), *super().get_urls()]

    @admin.display(description="offer")
    def offer(self, redemption: Redemption) -> str:
        return redemption.broadcast.offer.title

    @limited(limits.REDEEM, methods=["POST"])
    def redeem_view(self, request: HttpRequest) -> HttpResponse:
        """A form; each answer is a message on the same page, which may be loaded again safely."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = RedeemForm(self._businesses(request), request.POST or None)
        if form.is_valid():
            self._act(request, **form.cleaned_data)
            return HttpResponseRedirect(reverse("admin:tracking_redemption_redeem"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Redeem a code",
            "form": form,
            "undoable": self._undoable(request),
        }
        return TemplateResponse(request, "admin/tracking/redemption/redeem.html", context)

    def _act(self, request: HttpRequest, business: Business, code: str) -> None:
        assert isinstance(request.user, User)
        if "undo" in request.POST:
            undone = services.undo_redemption(business_id=business.pk, code=code, user=request.user)
            level, words = _UNDONE[undone.status]
            self.message_user(request, words.format(title=undone.title), level)
            return
        evidence = services.Evidence(
            channel=Redemption.Channel.ADMIN,
            ip=client_ip(request),
            user_agent=request.headers.get("User-Agent", ""),
        )
        redeemed = services.redeem(
            business_id=business.pk, code=code, user=request.user, evidence=evidence
        )
        at = redeemed.redeemed_at
        shown = f"{at.astimezone(business.zone):%H:%M on %d %b %Y}" if at else ""
        level, words = _REDEEMED[redeemed.status]
        self.message_user(request, words.format(title=redeemed.title, at=shown), level)

    def _businesses(self, request: HttpRequest) -> QuerySet[Business]:
        businesses = Business.objects.order_by("name", "pk")
        if is_superuser(request):
            return businesses
        return businesses.filter(pk__in=member_ids(request))

    def _undoable(self, request: HttpRequest) -> QuerySet[Redemption]:
        since = timezone.now() - timedelta(minutes=settings.REDEMPTION_UNDO_MINUTES)
        rows = self.get_queryset(request).filter(undone_at=None, redeemed_at__gt=since)
        related = ("business", "message", "broadcast__offer", "redeemed_by")
        return rows.select_related(*related).order_by("-id")[:SHOWN_UNDOABLE]
