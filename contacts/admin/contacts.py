"""Contacts, and what they agreed to."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import Business
from accounts.scoped_admin import BusinessAdmin, ByMembership, ReadOnlyAdmin, local_time
from accounts.service_admin import ServiceAdmin
from contacts import services
from contacts.forms import AttributesField
from contacts.models import Consent, Contact, Suppression
from contacts.phone import InvalidPhone, normalise

CREATED = local_time("created_at", "since")
DATES = (local_time("unsubscribed_at"), CREATED, local_time("updated_at"))


class ContactForm(forms.ModelForm):  # type: ignore[type-arg]
    phone = forms.CharField(
        max_length=64, help_text="With its country code, or as it is dialled in your country."
    )
    attributes = AttributesField(
        required=False,
        help_text="One to a line, such as “city: Athens”. A text may then say {{attributes.city}}.",
    )

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
        help_texts = {
            "is_subscribed": "Empty it to unsubscribe this person. Only they can subscribe again."
        }

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


class ConsentInline(ReadOnlyAdmin, ByMembership, admin.TabularInline):  # type: ignore[type-arg]
    model = Consent
    extra = 0
    show_change_link = True
    fields = ("kind", "source", "reference", "at")
    readonly_fields = ("at",)
    ordering = ("-id",)
    verbose_name_plural = "what this person agreed to or took back"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Consent]:
        consents: QuerySet[Consent] = super().get_queryset(request).select_related("business")
        return consents

    @admin.display(description="at")
    def at(self, consent: Consent) -> str:
        return CREATED(consent)


@admin.register(Contact)
class ContactAdmin(ServiceAdmin):
    form = ContactForm
    inlines = (ConsentInline,)
    list_display = ("phone", "first_name", "last_name", "is_subscribed", "business", CREATED)
    list_filter = ("is_subscribed", "gender", "business")
    list_select_related = ("business",)
    search_fields = ("phone", "email", "first_name", "last_name")
    search_help_text = "A phone such as +306941234567, an e-mail address or a name."
    ordering = ("-id",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Contact | None = None
    ) -> tuple[Any, ...]:
        if obj is None:
            return ()
        if obj.is_subscribed:
            return (*DATES, "business")
        # Only the person can subscribe again.
        return (*DATES, "business", "is_subscribed")

    def get_fields(self, request: HttpRequest, obj: Contact | None = None) -> tuple[Any, ...]:
        return (*ContactForm.Meta.fields, *(DATES if obj else ()))

    def get_inlines(self, request: HttpRequest, obj: Contact | None) -> Any:
        return self.inlines if obj else ()

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        services.delete_contact(contact=obj)

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.update_contact(contact=obj, source=Consent.Source.ADMIN, **changes)
            return
        fields = {name: value for name, value in form.cleaned_data.items() if name != "business"}
        created = services.create_contact(
            business_id=obj.business_id, source=Consent.Source.ADMIN, **fields
        )
        obj.pk = created.pk


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin, BusinessAdmin):
    list_display = ("phone", "source", "business", CREATED)
    list_filter = ("source", "business")
    list_select_related = ("business",)
    search_fields = ("phone",)
    ordering = ("-id",)
