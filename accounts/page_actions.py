"""The list's actions as buttons on a row's own page: the same code, permissions and questions."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.scoped_admin import BusinessAdmin


class PageActionsAdmin(BusinessAdmin):
    """The buttons post to the list, as its own form does; the answer leads back to the page."""

    change_form_template = "admin/change_form_with_actions.html"
    # About what the page's form holds: where that can be saved, it is saved first. These ask first.
    saving_actions: ClassVar[Sequence[str]] = ()

    def possible_actions(self, obj: Any) -> Collection[str]:
        """The actions that the page of obj has buttons for; None: the page of a new one."""
        return ()

    def page_url(self, obj: Model) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[quote(obj.pk)], current_app=self.admin_site.name)

    def is_on_page(self, request: HttpRequest) -> bool:
        """Whether the action was chosen on the page of its only row."""
        return "_page" in request.POST

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = kwargs.get("obj")
        saves = obj is None or self.has_change_permission(request, obj)
        known: dict[str, Any] = self.get_actions(request)
        offered = [(name, known[name][2]) for name in self.possible_actions(obj) if name in known]
        saving = [each for each in offered if saves and each[0] in self.saving_actions]
        context["page_actions"] = [each for each in offered if each not in saving]
        context["saving_actions"] = [
            (name, f"Save and {words[0].lower()}{words[1:]}") for name, words in saving
        ]
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        answer = super().response_add(request, obj, post_url_continue)
        return self._act_on_saved(request, obj) or answer

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        answer = super().response_change(request, obj)
        return self._act_on_saved(request, obj) or answer

    def response_action(
        self, request: HttpRequest, queryset: "QuerySet[Any]", *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        answer: HttpResponse | None = super().response_action(request, queryset, *args, **kwargs)
        leads_to_list = getattr(answer, "url", None) == request.get_full_path()
        if not leads_to_list or not self.is_on_page(request):
            return answer
        row = queryset.filter(pk__in=request.POST.getlist("_selected_action")).first()
        return HttpResponseRedirect(self.page_url(row)) if row else answer

    def _act_on_saved(self, request: HttpRequest, obj: Model) -> HttpResponse | None:
        name = request.POST.get("_then", "")
        known: dict[str, Any] = self.get_actions(request)
        if name not in self.saving_actions or name not in known:
            return None
        saved = self.get_queryset(request).filter(pk=obj.pk)
        answer: HttpResponse | None = known[name][0](self, request, saved)
        return answer
