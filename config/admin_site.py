"""The admin's index as a clerk reads it: daily work first, the engine last."""

from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse

from rediskit.client_address import client_address
from rediskit.ratelimits import Limit, limited

ORDER: Final = {
    "campaigns": ("Campaign", "Template"),
    "nfc": ("Tag", "OptInForm", "Scan"),
    "tracking": ("Redemption", "Offer", "ShortLink", "OfferView", "Click", "OptOut"),
    "contacts": (
        "Contact", "ContactList", "ListMembership", "ContactImport", "Suppression", "Consent",
    ),
    "accounts": (
        "Business", "Membership", "Invitation", "User", "RefreshSession", "IdempotentRequest",
    ),
    "messaging": (
        "InboundMessage", "AutoReply", "Message", "SentReply", "DailyUsage", "Broadcast", "Batch",
        "MessageProblem", "GatewayEvent", "GatewayReference", "WaitingReport",
    ),
}  # fmt: skip


class TaplineAdminSite(AdminSite):
    site_title = site_header = "Tapline"
    index_title = "Your shop"
    enable_nav_sidebar = False  # lists need the width

    @limited(
        Limit("admin:login:ip", client_address),
        methods=["POST"],
        given_back_if=lambda answer: answer.status_code == 302,
    )
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().login(request, extra_context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = super().get_app_list(request, app_label)
        for app in apps:
            models = ORDER.get(app["app_label"], ())
            app["models"].sort(key=lambda model: _place(model["object_name"], models))
        return sorted(apps, key=lambda app: _place(app["app_label"], tuple(ORDER)))


class TaplineAdminConfig(AdminConfig):
    default_site = "config.admin_site.TaplineAdminSite"


def _place(name: str, order: tuple[str, ...]) -> int:
    """Whatever has no place of its own comes last, in the order it had."""
    return order.index(name) if name in order else len(order)
