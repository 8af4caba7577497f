"""Tags: made, printed, and followed."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.scoped_admin import local_time
from accounts.service_admin import ServiceAdmin
from contacts.selectors import today_in
from nfc import selectors, services
from nfc.admin_forms import TagForm
from nfc.models import Tag, TagDay
from nfc.qr import as_inline_svg, link_of

DAYS: Final = 30
DATES: Final = (local_time("created_at", "since"), local_time("updated_at", "changed"))
MOST_CODES: Final = 500  # on one sheet


@admin.register(Tag)
class TagAdmin(ServiceAdmin):
    form = TagForm
    in_use = services.TagInUse.title
    list_display = (
        "label", "type", "status", "taps", "opt_ins", "redemptions", "business",
    )  # fmt: skip
    list_filter = ("type", "status", "business")
    list_select_related = ("business",)
    search_fields = ("label", "public_id__exact")
    search_help_text = "Part of a label, or a whole public id."
    ordering = ("label", "id")
    actions = ("print_codes",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        tags: QuerySet[Any] = super().get_queryset(request)
        days = TagDay.objects.filter(tag=OuterRef("pk")).order_by().values("tag")
        sums = {
            f"all_{name}": Coalesce(Subquery(days.annotate(n=Sum(name)).values("n")), 0)
            for name in ("taps", "opt_ins", "redemptions")
        }
        annotated: QuerySet[Any] = tags.annotate(**sums)
        return annotated

    def get_fieldsets(self, request: HttpRequest, obj: Tag | None = None) -> Any:
        own = (None, {"fields": TagForm.Meta.fields})
        if obj is None:
            return (own,)
        return (
            own,
            ("Code", {"fields": ("link", "code")}),
            ("Figures", {"fields": ("funnel",)}),
            ("Dates", {"fields": DATES}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Tag | None = None) -> Any:
        if obj is None:
            return ()
        return ("business", "link", "code", "funnel", *DATES)

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        services.delete_tag(tag=obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The tags alone: the service knows which were used."""
        names = [str(tag) for tag in objs]
        return names, {self.opts.verbose_name_plural: len(names)}, set(), []

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:  # noqa: FBT001
        names = (name for name in TagForm.Meta.fields if name != "business")
        fields: Any = {name: form.cleaned_data[name] for name in names}
        if change:
            services.update_tag(tag=obj, **fields)
            return
        made = services.create_tag(business=obj.business, **fields)
        obj.pk, obj.public_id = made.pk, made.public_id

    @admin.action(description="Print the codes of the selected tags", permissions=["view"])
    def print_codes(self, request: HttpRequest, queryset: QuerySet[Tag]) -> HttpResponse:
        """A page of its own, to be printed: nothing in it comes from elsewhere."""
        tags = queryset.select_related("business")[:MOST_CODES]
        codes = [{"tag": tag, "link": link_of(tag), "svg": _code(tag, scale=5)} for tag in tags]
        return TemplateResponse(request, "nfc/code_sheet.html", {"codes": codes})

    @admin.display(ordering="all_taps")
    def taps(self, tag: Any) -> int:
        return int(tag.all_taps)

    @admin.display(description="sign-ups", ordering="all_opt_ins")
    def opt_ins(self, tag: Any) -> int:
        return int(tag.all_opt_ins)

    @admin.display(ordering="all_redemptions")
    def redemptions(self, tag: Any) -> int:
        return int(tag.all_redemptions)

    @admin.display(description="link")
    def link(self, tag: Tag) -> SafeString:
        return format_html('<a href="{0}" rel="noreferrer">{0}</a>', link_of(tag))

    @admin.display(description="QR code")
    def code(self, tag: Tag) -> SafeString:
        return _code(tag, scale=4)

    @admin.display(description=f"the last {DAYS} days")
    def funnel(self, tag: Tag) -> SafeString:
        today = today_in(tag.business)
        days = selectors.days_of(tag, first=today - timedelta(days=DAYS - 1), last=today)
        return render_to_string(
            "nfc/funnel.html", {"days": days, "totals": selectors.totals_of([tag.pk])[tag.pk]}
        )


def _code(tag: Tag, *, scale: int) -> SafeString:
    return mark_safe(as_inline_svg(tag, scale=scale))  # noqa: S308 - paths only, made by segno
