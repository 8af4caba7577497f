"""Staff's view of people and businesses. Users and their sessions are for superusers."""

from base64 import b64encode
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.models import (
    Business,
    BusinessLogo,
    IdempotentRequest,
    Invitation,
    Membership,
    RefreshSession,
    User,
)
from accounts.problems import Problem
from accounts.scoped_admin import (
    BusinessAdmin,
    ReadOnlyAdmin,
    SuperuserOnly,
    is_superuser,
    local_time,
)
from accounts.services import businesses, logos, people, sessions

# Permissions come with a membership's role, so groups of permissions have no use.
admin.site.unregister(Group)


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email",)


class NewPasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        with transaction.atomic():
            user = super().save(commit)
            sessions.revoke_sessions(user_id=user.pk)
        return user


class MembershipInline(SuperuserOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ("business",)


@admin.register(User)
class UserAdmin(SuperuserOnly, DjangoUserAdmin):  # type: ignore[type-arg]
    add_form = NewUserForm
    change_password_form = NewPasswordForm
    inlines = (MembershipInline,)
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "full_name")
    ordering = ("email",)
    filter_horizontal = ()
    show_full_result_count = False
    readonly_fields = ("last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "password", "full_name")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)


class StoreForm(forms.ModelForm):  # type: ignore[type-arg]
    KEPT_IF_EMPTY = frozenset({"colour", "daily_signup_cap"})

    new_logo = forms.FileField(required=False, help_text="PNG, JPEG or WebP, at most 60 KB.")
    remove_logo = forms.BooleanField(required=False)

    class Meta:
        widgets = {"colour": forms.TextInput(attrs={"type": "color"})}
        help_texts = {"frequency_cap_days": "in so many days, counted from when this is set."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.KEPT_IF_EMPTY & self.fields.keys():
            self.fields[name].required = False

    def clean_colour(self) -> str:
        return str(self.cleaned_data["colour"] or self.instance.colour)

    def clean_daily_signup_cap(self) -> int:
        cap: int | None = self.cleaned_data["daily_signup_cap"]
        return self.instance.daily_signup_cap if cap is None else cap

    def clean_new_logo(self) -> Any:
        file = self.cleaned_data["new_logo"]
        if file is not None:
            try:
                logos.read_logo(file)
            except Problem as error:
                raise ValidationError(error.detail) from error
            file.seek(0)
        return file

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        start, end = data.get("quiet_from"), data.get("quiet_until")
        if (start is None) != (end is None):
            self.add_error("quiet_until", "Give both times of the quiet hours, or neither.")
        elif start is not None and start == end:
            self.add_error("quiet_until", "All day nothing would ever be sent: give another time.")
        number, days = data.get("frequency_cap_messages"), data.get("frequency_cap_days")
        if (number is None) != (days is None):
            self.add_error("frequency_cap_days", "Give both of the frequency cap, or neither.")
        return data


@admin.register(Business)
class StoreAdmin(BusinessAdmin):
    """Businesses stay: their consents and messages are records."""

    form = StoreForm
    business_path = "pk"
    list_display = ("name", "sender_name", "country", "time_zone", "daily_message_cap")
    list_filter = ("country",)
    search_fields = ("name", "sender_name")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "sender_name", "country", "time_zone")}),
        (
            "Limits",
            {
                "fields": (
                    ("quiet_from", "quiet_until"),
                    ("frequency_cap_messages", "frequency_cap_days"),
                    ("daily_message_cap", "pace"),
                )
            },
        ),
        ("Public forms", {"fields": ("signup_countries", "daily_signup_cap")}),
        (
            "Public pages",
            {"fields": ("link_domain", "colour", "current_logo", "new_logo", "remove_logo")},
        ),
    )
    readonly_fields = ("current_logo",)
    actions = ("approve_sending",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        own = super().get_readonly_fields(request, obj)
        return own if is_superuser(request) else (*own, "daily_message_cap", "pace")

    @admin.display(description="current logo")
    def current_logo(self, business: Business) -> str:
        logo = BusinessLogo.objects.filter(business=business.pk).first()
        if logo is None:
            return "-"
        picture = b64encode(logo.image).decode()
        return format_html(
            '<img src="data:{};base64,{}" alt="The logo" height="48">', logo.content_type, picture
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        super().save_model(request, obj, form, change)
        if file := form.cleaned_data.get("new_logo"):
            logos.set_logo(business=obj, file=file)
        elif form.cleaned_data.get("remove_logo"):
            logos.remove_logo(business=obj)

    @admin.action(description="Let the selected businesses send", permissions=["approve"])
    def approve_sending(self, request: HttpRequest, queryset: QuerySet[Business]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        approved = businesses.approve_sending(business_ids=ids)
        self.message_user(
            request,
            f"{approved} of the selected businesses may send from now on.",
            messages.SUCCESS,
        )


@admin.register(Membership)
class MembershipAdmin(BusinessAdmin):
    """Managers of a business see its people; its owners change them through the API."""

    list_display = ("user", "business", "role", local_time("created_at", "since"))
    list_filter = ("role", "business")
    list_select_related = ("user", "business")
    search_fields = ("user__email", "business__name")
    autocomplete_fields = ("user", "business")
    ordering = ("business", "user")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Invitation
        fields: ClassVar[list[str]] = ["business", "email", "role"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if people.is_member(business=data.get("business"), email=data.get("email", "")):
            raise ValidationError({"email": people.AlreadyMember.title})
        return data


@admin.register(Invitation)
class InvitationAdmin(BusinessAdmin):
    """A superuser's way to bring in the first owner; deleting takes an invitation back."""

    form = InvitationForm
    list_display = (
        "email",
        "business",
        "role",
        "invited_by",
        local_time("expires_at"),
        local_time("accepted_at"),
    )
    list_filter = ("role", "business")
    list_select_related = ("business", "invited_by")
    search_fields = ("email", "business__name")
    autocomplete_fields = ("business",)
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_superuser(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        assert isinstance(request.user, User)
        sent = people.invite_member(invited_by=request.user, **form.cleaned_data)
        obj.pk = sent.pk


@admin.register(RefreshSession)
class RefreshSessionAdmin(ReadOnlyAdmin, SuperuserOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "family", "created_at", "expires_at", "used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    ordering = ("-id",)
    exclude = ("token_hash",)
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Ends the session; without it no user who ever logged in could be deleted.
        return is_superuser(request)


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyAdmin, SuperuserOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("key", "business", "status", "created_at")
    list_filter = ("business",)
    list_select_related = ("business",)
    search_fields = ("key",)
    ordering = ("-id",)
    show_full_result_count = False
