"""The page of a contact, with the timeline that only this app knows."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from contacts.admin import ContactAdmin
from contacts.models import Contact
from nfc.timeline import Entry, timeline

SHOWN: Final = 50
WORDS: Final = {
    "consent": "Consent",
    "message": "Message",
    "reply": "Reply",
    "view": "Offer looked at",
    "click": "Link followed",
    "redemption": "Offer at the till",
    "scan": "Tag",
}
# A link in a text is longer than a phone is wide.
ROW: Final = '<tr><th>{}</th><td>{}</td><td style="overflow-wrap: anywhere">{}</td></tr>'

admin.site.unregister(Contact)


@admin.register(Contact)
class ContactWithTimeline(ContactAdmin):
    def get_fields(self, request: HttpRequest, obj: Contact | None = None) -> tuple[Any, ...]:
        return (*super().get_fields(request, obj), *(("happened",) if obj else ()))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Contact | None = None
    ) -> tuple[Any, ...]:
        return (*super().get_readonly_fields(request, obj), "happened")

    @admin.display(description="what happened, newest first")
    def happened(self, contact: Contact) -> SafeString:
        entries, older = timeline(contact, size=SHOWN)
        zone = contact.business.zone
        rows = [
            (f"{entry.at.astimezone(zone):%d %b %Y, %H:%M %Z}", WORDS[entry.kind], _told(entry))
            for entry in entries
        ]
        table = format_html_join("", ROW, rows)
        end = f"The latest {SHOWN}; the API has them all." if older else ""
        return format_html("<table>{}</table>{}", table, end)


def _told(entry: Entry) -> SafeString:
    words = ", ".join(filter(None, (entry.what.replace("_", " "), entry.origin, entry.text)))
    if entry.kind != "message":
        return format_html("{}", words)
    url = reverse("admin:messaging_message_change", args=[entry.number])
    return format_html('<a href="{}">{}</a>', url, words)
