"""Admins whose writes are the services': what those refuse is answered with words."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Model
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.page_actions import PageActionsAdmin
from accounts.problems import Problem


class ServiceAdmin(PageActionsAdmin):
    """A refused change leaves everything as it was, and says why."""

    in_use: ClassVar[str] = "This is in use, and cannot be deleted."

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Problem as problem:
            request._refusal = problem.detail  # type: ignore[attr-defined]  # noqa: SLF001
        try:  # once more, nothing being saved: the page as it was filled in, with the reason
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PermissionDenied:  # it has become one that nobody changes
            self.message_user(request, request._refusal, messages.ERROR)  # type: ignore[attr-defined]  # noqa: SLF001
            return HttpResponseRedirect(request.get_full_path())

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, *args: Any, **kwargs: Any
    ) -> "type[ModelForm[Any]]":
        form = super().get_form(request, obj, *args, **kwargs)
        refusal: str | None = getattr(request, "_refusal", None)
        return form if refusal is None else _refused(form, refusal)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Problem as problem:
            self.message_user(request, problem.detail, messages.ERROR)
        except IntegrityError:
            self.message_user(request, self.in_use, messages.ERROR)
        return HttpResponseRedirect("..")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the deletion in bulk, which asks no service."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def ask(
        self,
        request: HttpRequest,
        action: str,
        title: str,
        question: str,
        rows: Iterable[tuple[Model, str]],
        *,
        form: Form | None = None,
    ) -> HttpResponse:
        """The page between an action and its doing; it posts the action again, `confirmed`.

        rows: what is about to be acted on, each with a remark.
        form: what else has to be known; its fields are posted with the answer.
        """
        asked = list(rows)
        on_page = self.is_on_page(request) and len(asked) == 1
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "action": action,
            "title": title,
            "question": question,
            "rows": asked,
            "form": form,
            "page": self.page_url(asked[0][0]) if on_page else None,
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)


def _refused(form: "type[ModelForm[Any]]", reason: str) -> "type[ModelForm[Any]]":
    class Refused(form):  # type: ignore[misc, valid-type]
        def clean(self) -> Any:
            cleaned = super().clean()
            self.add_error(None, reason)
            return cleaned

    return Refused
