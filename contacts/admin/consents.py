"""Consents with their proof, to be looked at."""

from typing import Any

from django.contrib import admin

from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin, local_time
from contacts.models import Consent

SINCE: Any = local_time("created_at", "since")
WHAT = ("kind", "contact", "business", SINCE)
HOW = ("source", "reference", "words", "language", "version", "tag", "page")
WHO = ("phone", "ip", "user_agent")
CHAIN = ("number", "hash")


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ("id", "contact", "kind", "source", "reference", "business", SINCE)
    list_filter = ("kind", "source", "business")
    list_select_related = ("contact", "business")
    search_fields = ("contact__phone__exact", "person__phone__exact", "reference__exact")
    search_help_text = "A whole phone, such as +306941234567, or a reference."
    ordering = ("-id",)
    readonly_fields = (*WHAT, *HOW, *WHO, *CHAIN)
    fieldsets = (
        (None, {"fields": WHAT}),
        ("How they agreed, or took it back", {"fields": HOW}),
        (
            "Who it was",
            {"fields": WHO, "description": "Known of what people do themselves, until erased."},
        ),
        (
            "Place in the chain",
            {
                "fields": CHAIN,
                "description": "“manage.py verify_consents” checks that none was changed.",
            },
        ),
    )

    @admin.display(description="the words, as they stood there")
    def words(self, consent: Consent) -> str:
        return consent.text.text if consent.text else "-"

    @admin.display
    def language(self, consent: Consent) -> str:
        return consent.text.language if consent.text else "-"

    @admin.display
    def phone(self, consent: Consent) -> str:
        return consent.person.phone if hasattr(consent, "person") else "-"

    @admin.display(description="IP address")
    def ip(self, consent: Consent) -> str:
        return (consent.person.ip if hasattr(consent, "person") else None) or "-"

    @admin.display(description="browser")
    def user_agent(self, consent: Consent) -> str:
        return (consent.person.user_agent if hasattr(consent, "person") else "") or "-"

    @admin.display
    def number(self, consent: Consent) -> int | str:
        return consent.link.number if hasattr(consent, "link") else "-"

    @admin.display(description="SHA-256")
    def hash(self, consent: Consent) -> str:
        return consent.link.hash if hasattr(consent, "link") else "-"
