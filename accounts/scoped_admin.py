"""The bases of every admin: superusers see all, other staff the businesses they manage."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import Field, ForeignKey, Model, QuerySet, TimeField
from django.forms import HiddenInput, ModelChoiceField, TimeInput
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts import selectors
from accounts.models import Business

if TYPE_CHECKING:  # Django's ModelAdmin takes no type parameter at run time.
    _ModelAdmin = admin.ModelAdmin[Any]
    _Mixin = admin.options.BaseModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Mixin = object


def managed_ids(request: HttpRequest) -> list[int]:
    """The businesses of the staff user, asked for once per request."""
    if not hasattr(request, "_managed_business_ids"):
        user: Any = request.user
        found = selectors.managed_business_ids(user) if user.is_active and user.is_staff else []
        request._managed_business_ids = found  # type: ignore[attr-defined]  # noqa: SLF001
    ids: list[int] = request._managed_business_ids  # type: ignore[attr-defined]  # noqa: SLF001
    return ids


def is_superuser(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_superuser


def only_business(request: HttpRequest) -> int | None:
    """The business that there is no need to ask a clerk for."""
    ids = [] if is_superuser(request) else managed_ids(request)
    return ids[0] if len(ids) == 1 else None


def local_time(field: str, description: str = "") -> Callable[[Any], str]:
    """A column that tells an instant in the time of the row's business, and names the zone."""

    @admin.display(description=description or field.replace("_", " "), ordering=field)
    def show(row: Any) -> str:
        instant: datetime | None = getattr(row, field)
        return f"{instant.astimezone(row.business.zone):%d %b %Y, %H:%M %Z}" if instant else "-"

    show.__name__ = f"local_{field}"  # of the column's class
    return show


class ClockInput(TimeInput):
    """Django's own for the admin offers "6 a.m." and "6 p.m.", whatever the format of times."""

    def __init__(self) -> None:
        super().__init__(format="%H:%M", attrs={"placeholder": "HH:MM", "size": 8})

    def format_value(self, value: Any) -> str | None:
        # The API takes seconds, which whoever saves the page must not take away unseen.
        return str(value) if getattr(value, "second", 0) else super().format_value(value)


class ByMembership(_Mixin):
    """Permission by membership instead of Django's table of permissions; also for inlines."""

    formfield_overrides: ClassVar[Any] = {TimeField: {"widget": ClockInput}}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_allowed(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_allowed(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_allowed(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_allowed(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_allowed(request)

    def _is_allowed(self, request: HttpRequest) -> bool:
        # Objects need no look of their own: the queryset holds none of another business.
        return is_superuser(request) or bool(managed_ids(request))


class SuperuserOnly(ByMembership):
    """For what belongs to no business. Stands before ModelAdmin in the list of bases."""

    def _is_allowed(self, request: HttpRequest) -> bool:
        return is_superuser(request)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages through the first 10,000 rows: a full COUNT would read all of a table of messages.

    Whoever looks for an older row searches or filters.
    """

    LIMIT: Final = 10_000

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows[: self.LIMIT].count()


class ScopedFilter(admin.RelatedFieldListFilter):
    """Offers what the user may choose; looks at no row of the list, of which there are millions."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        choices = model_admin.choices_of(field, request)
        return field.get_choices(
            include_blank=False,
            ordering=self.field_admin_ordering(field, request, model_admin),
            limit_choices_to=None if choices is None else {"pk__in": choices.values("pk")},
        )


class BusinessAdmin(ByMembership, _ModelAdmin):
    """Scopes rows, choices and filters. business_path: the way from the model to its business."""

    business_path: ClassVar[str] = "business"
    show_full_result_count = False
    paginator = BoundedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset = super().get_queryset(request)
        if is_superuser(request):
            return queryset
        return queryset.filter(**{f"{self.business_path}__in": managed_ids(request)})

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        self._scope_choices(db_field, request, kwargs)
        if db_field.related_model is Business and (only := only_business(request)):
            kwargs |= {"initial": only, "widget": HiddenInput()}
        elif db_field.related_model is Business and len(ids := managed_ids(request)) == 1:
            kwargs.setdefault("initial", ids[0])  # of a superuser, who may choose another
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        self._scope_choices(db_field, request, kwargs)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        if only_business(request) is None:
            return columns
        return [column for column in columns if column != "business"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        # The plain filter of a relation would name every business's rows.
        return [
            (name, ScopedFilter) if self._is_relation(name) else name
            for name in super().get_list_filter(request)
        ]

    def choices_of(self, field: "Field[Any, Any]", request: HttpRequest) -> "QuerySet[Any] | None":
        """What the user may choose for a relation; None for all."""
        if is_superuser(request):
            return None
        related: Any = field.related_model
        related_admin = self.admin_site._registry.get(related)  # noqa: SLF001
        if isinstance(related_admin, BusinessAdmin):
            return related_admin.get_queryset(request)
        return related._default_manager.none()  # type: ignore[no-any-return]  # noqa: SLF001

    def _scope_choices(
        self, db_field: "Field[Any, Any]", request: HttpRequest, kwargs: dict[str, Any]
    ) -> None:
        choices = self.choices_of(db_field, request)
        if choices is not None:
            kwargs["queryset"] = choices

    def _is_relation(self, name: Any) -> bool:
        if not isinstance(name, str):
            return False
        try:
            return isinstance(self.model._meta.get_field(name), ForeignKey)  # noqa: SLF001
        except FieldDoesNotExist:
            return False


class ReadOnlyAdmin(_Mixin):
    """For logs: rows may be looked at. Stands before BusinessAdmin in the list of bases."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
