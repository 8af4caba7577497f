"""Lists and their members."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.scoped_admin import BusinessAdmin, local_time
from accounts.service_admin import ServiceAdmin
from contacts import services
from contacts.forms import FILTER_FIELDS, AudienceFilterForm, describe_filter
from contacts.models import ContactList, ListMembership


class ContactListForm(AudienceFilterForm):
    class Meta:
        model = ContactList
        fields = ("business", "name")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        self._keep_kind(data)
        business_id = data["business"].pk if data.get("business") else self.instance.business_id
        others = ContactList.objects.filter(business_id=business_id, name=data.get("name"))
        if others.exclude(pk=self.instance.pk).exists():
            raise ValidationError({"name": "Another list has this name."})
        return data

    def _keep_kind(self, data: dict[str, Any]) -> None:
        """A list that finds its contacts goes on to, without any limit if need be."""
        if self.instance.pk and self.instance.filter is not None:
            data["filter"] = data.get("filter") or {}
        elif self.instance.pk and data.get("filter"):
            self.add_error(None, services.ListKindFixed.title)


@admin.register(ContactList)
class ContactListAdmin(ServiceAdmin):
    form = ContactListForm
    fieldsets = (
        (None, {"fields": ("business", "name")}),
        (
            "Contacts chosen by what they are",
            {
                "fields": FILTER_FIELDS,
                "description": "Leave these empty for a list whose members you choose one by one or"
                " by an import. Filled in, the list is whoever fits at the time of sending.",
            },
        ),
    )
    list_display = ("name", "chosen", "members", "business", local_time("updated_at"))
    list_filter = ("business",)
    list_select_related = ("business",)
    search_fields = ("name",)
    ordering = ("name", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        members = ListMembership.objects.filter(contact_list=OuterRef("pk")).order_by()
        number = members.values("contact_list").annotate(number=Count("pk")).values("number")
        lists: QuerySet[Any] = (
            super().get_queryset(request).annotate(member_count=Coalesce(Subquery(number), 0))
        )
        return lists

    def get_fieldsets(self, request: HttpRequest, obj: ContactList | None = None) -> Any:
        """A list of members stays one: it is not asked whom else it finds."""
        sections = super().get_fieldsets(request, obj)
        return sections[:1] if obj and obj.filter is None else sections

    def get_readonly_fields(
        self, request: HttpRequest, obj: ContactList | None = None
    ) -> tuple[str, ...]:
        return ("business",) if obj else ()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The lists alone: their members may be a million, and the service knows what is in use."""
        names = [str(contact_list) for contact_list in objs]
        return names, {self.opts.verbose_name_plural: len(names)}, set(), []

    def delete_model(self, request: HttpRequest, obj: ContactList) -> None:
        services.delete_list(contact_list=obj)

    def save_model(self, request: HttpRequest, obj: ContactList, form: Any, change: bool) -> None:  # noqa: FBT001
        data = form.cleaned_data
        if change:
            changes = {"name": data["name"], "filter": data["filter"]}
            services.update_list(contact_list=obj, **changes)
            return
        obj.pk = services.create_list(
            business_id=obj.business_id, name=data["name"], filter=data["filter"]
        ).pk

    @admin.display(description="contacts that are")
    def chosen(self, contact_list: ContactList) -> str:
        if contact_list.filter is None:
            return "chosen one by one"
        return describe_filter(contact_list.filter) or "any"

    @admin.display(ordering="member_count")
    def members(self, contact_list: Any) -> str:
        if contact_list.filter is not None:
            return "at the time of sending"
        url = reverse("admin:contacts_listmembership_changelist")
        query = f"contact_list__id__exact={contact_list.pk}"
        return format_html('<a href="{}?{}">{}</a>', url, query, contact_list.member_count)


class ListMembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ListMembership
        fields = ("contact_list", "contact")

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        contact_list, contact = data.get("contact_list"), data.get("contact")
        if contact_list is None or contact is None:
            return data
        if contact_list.filter is not None:
            raise ValidationError("The members of this list are chosen by its filter.")
        if contact_list.business_id != contact.business_id:
            raise ValidationError("The list and the contact belong to different businesses.")
        return data


@admin.register(ListMembership)
class ListMembershipAdmin(BusinessAdmin):
    form = ListMembershipForm
    business_path = "contact_list__business"
    list_display = ("contact", "contact_list", "created_at")
    list_filter = ("contact_list",)
    list_select_related = ("contact", "contact_list")
    autocomplete_fields = ("contact_list", "contact")
    search_fields = ("contact__phone__exact",)
    search_help_text = "A whole phone, such as +306941234567."
    ordering = ("-id",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
