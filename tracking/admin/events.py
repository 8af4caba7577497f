"""Logs of what people did: to look at."""

from typing import Any

from django.contrib import admin

from accounts.models import Business
from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin
from tracking.models import Click, OfferView, OptOut


class _Event(ReadOnlyAdmin, BusinessAdmin):
    """The business of most is that of the broadcast."""

    business_path = "broadcast__business"
    search_fields = ("message__public_id__exact",)
    search_help_text = "A message's id."
    ordering = ("-pk",)

    @admin.display(description="business")
    def business(self, row: Any) -> Business:
        found: Business = row.broadcast.business
        return found


@admin.register(OfferView)
class OfferViewAdmin(_Event):
    list_display = ("message", "broadcast", "business", "first_at", "times")
    list_select_related = ("message", "broadcast__business")


@admin.register(Click)
class ClickAdmin(_Event):
    business_path = "link__broadcast__business"
    list_display = ("message", "link", "business", "first_at", "times")
    list_select_related = ("message", "link__broadcast__business")

    @admin.display(description="business")
    def business(self, row: Any) -> Business:
        found: Business = row.link.broadcast.business
        return found


@admin.register(OptOut)
class OptOutAdmin(_Event):
    business_path = "business"
    list_display = ("message", "broadcast", "business", "at", "undone_at")
    list_select_related = ("message", "broadcast", "business")
    fields = ("message", "broadcast", "business", "phones", "taken", "at", "undone_at")
