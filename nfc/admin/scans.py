"""What happened by tags: a log."""

from django.contrib import admin

from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin, local_time
from nfc.models import Scan


@admin.register(Scan)
class ScanAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ("id", "kind", "tag", "contact", "is_test", "business", local_time("at", "time"))
    list_filter = ("kind", "is_test", "tag", "business")
    list_select_related = ("tag", "contact", "business")
    search_fields = ("contact__phone__exact", "tag__public_id__exact")
    search_help_text = "A whole phone, such as +306941234567, or a tag's public id."
    ordering = ("-id",)
