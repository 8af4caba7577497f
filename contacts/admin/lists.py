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
from rest_framework.exceptions import ValidationError as FilterError

from accounts.scoped_admin import BusinessAdmin
from contacts.filters import validate_audience_filter
from contacts.models import ContactList, ListMembership


class ContactListForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ContactList
        fields = ("business", "name", "filter")
        help_texts = {
            "filter": "Empty for a list with members; or whom it finds, such as "
            '{"gender": "female", "age_min": 18, "age_max": 30}.'
        }

    def clean_filter(self) -> dict[str, Any] | None:
        given = self.cleaned_data["filter"]
        if self.instance.pk and (given is None) != (self.instance.filter is None):
            raise ValidationError("A list stays as it is: with a filter, or with members.")
        try:
            return None if given is None else dict(validate_audience_filter(given))
        except FilterError as error:
            raise ValidationError(f"This is not a filter: {error.detail}") from error

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        business_id = data["business"].pk if data.get("business") else self.instance.business_id
        others = ContactList.objects.filter(business_id=business_id, name=data.get("name"))
        if others.exclude(pk=self.instance.pk).exists():
            raise ValidationError({"name": "Another list has this name."})
        return data


@admin.register(ContactList)
class ContactListAdmin(BusinessAdmin):
    form = ContactListForm
    list_display = ("name", "filter", "members", "business", "updated_at")
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

    def get_readonly_fields(
        self, request: HttpRequest, obj: ContactList | None = None
    ) -> tuple[str, ...]:
        return ("business",) if obj else ()

    @admin.display(ordering="member_count")
    def members(self, contact_list: Any) -> str:
        if contact_list.filter is not None:
            return "by filter"
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
