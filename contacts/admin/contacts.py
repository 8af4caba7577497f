"""Contacts, and what they agreed to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import Business
from accounts.scoped_admin import BusinessAdmin, ReadOnlyAdmin
from contacts import services
from contacts.attributes import InvalidAttributes, check_attributes
from contacts.models import Consent, Contact, Suppression
from contacts.phone import InvalidPhone, normalise


class ContactForm(forms.ModelForm):  # type: ignore[type-arg]
    phone = forms.CharField(max_length=64)

    class Meta:
        model = Contact
        fields = (
            "business",
            "phone",
            "email",
            "first_name",
            "last_name",
            "gender",
            "birthday",
            "attributes",
            "is_subscribed",
        )

    def clean_attributes(self) -> dict[str, Any]:
        try:
            return dict(check_attributes(self.cleaned_data["attributes"] or {}))
        except InvalidAttributes as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """The phone as E.164, and no other contact's."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        business = data.get("business") or self._business()
        if business is None or "phone" not in data:
            return data
        try:
            data["phone"] = normalise(data["phone"], business.country)
        except InvalidPhone as error:
            raise ValidationError({"phone": str(error)}) from error
        others = Contact.objects.filter(business=business).exclude(pk=self.instance.pk)
        if others.filter(phone=data["phone"]).exists():
            raise ValidationError({"phone": "Another contact has this phone number."})
        return data

    def _business(self) -> Business | None:
        return self.instance.business if self.instance.pk else None


@admin.register(Contact)
class ContactAdmin(BusinessAdmin):
    form = ContactForm
    list_display = (
        "phone",
        "first_name",
        "last_name",
        "email",
        "is_subscribed",
        "business",
        "created_at",
    )
    list_filter = ("is_subscribed", "gender", "business")
    list_select_related = ("business",)
    search_fields = ("phone", "email", "first_name", "last_name")
    readonly_fields = ("unsubscribed_at", "created_at", "updated_at")
    ordering = ("-id",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Contact | None = None
    ) -> tuple[str, ...]:
        if obj is None:
            return self.readonly_fields
        if obj.is_subscribed:
            return (*self.readonly_fields, "business")
        # Only the person can subscribe again.
        return (*self.readonly_fields, "business", "is_subscribed")

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.update_contact(contact=obj, source=Consent.Source.ADMIN, **changes)
            return
        fields = {name: form.cleaned_data[name] for name in form.cleaned_data if name != "business"}
        created = services.create_contact(
            business_id=obj.business_id, source=Consent.Source.ADMIN, **fields
        )
        obj.pk = created.pk


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ("id", "contact", "kind", "source", "reference", "business", "created_at")
    list_filter = ("kind", "source", "business")
    list_select_related = ("contact", "business")
    search_fields = ("contact__phone__exact", "reference__exact")
    search_help_text = "A whole phone, such as +306941234567, or a reference."
    ordering = ("-id",)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ("phone", "source", "business", "created_at")
    list_filter = ("source", "business")
    list_select_related = ("business",)
    search_fields = ("phone",)
    ordering = ("-id",)
