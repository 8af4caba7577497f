"""What broadcasts offer and where their links lead: fixed once they are sent."""

from typing import Any

from django.contrib import admin

from accounts.models import Business
from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin
from tracking.models import Offer, ShortLink


class _OfBroadcast(ReadOnlyAdmin, BusinessAdmin):
    business_path = "broadcast__business"
    list_select_related = ("broadcast__business",)

    @admin.display(description="business")
    def business(self, row: Any) -> Business:
        found: Business = row.broadcast.business
        return found


@admin.register(Offer)
class OfferAdmin(_OfBroadcast):
    list_display = ("title", "business", "broadcast", "until")
    search_fields = ("title",)
    ordering = ("-broadcast_id",)

    @admin.display(description="valid until", ordering="valid_until")
    def until(self, offer: Offer) -> str:
        if offer.valid_until is None:
            return "-"
        zone = offer.broadcast.business.zone
        return f"{offer.valid_until.astimezone(zone):%d %b %Y, %H:%M %Z}"


@admin.register(ShortLink)
class ShortLinkAdmin(_OfBroadcast):
    """Targets are shown as text: whoever clicks one here would trust it for being here."""

    list_display = ("number", "target", "business", "broadcast")
    search_fields = ("target",)
    ordering = ("-id",)
