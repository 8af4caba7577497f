"""The pages behind a tag, and behind the link that confirms a sign-up. No script is needed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from contacts.models import OptInRequest
from contacts.services import find_request
from messaging import tasks
from nfc import form_token, limits, selectors, services, visits
from nfc.form_token import Age, Shown
from nfc.models import Tag
from nfc.public_forms import SignUpForm, VisitForm
from nfc.texts import FormTexts, texts_in
from rediskit.client_address import client_ip
from rediskit.doorbell import ring_on_commit
from rediskit.ratelimits import RateLimited, check
from tracking.pages import choose_language, page, refuse_large_body

PublicForm = SignUpForm | VisitForm

_AGES: Final = {
    Age.TOO_YOUNG: _("That was very fast. Please press the button once more."),
    Age.TOO_OLD: _("This page was open for a long time. Please press the button once more."),
}
_CHANGED: Final = _("The text that you agree to has changed. Please read it again.")
_TOO_MANY: Final = _("Too many tries. Please wait a while, then press the button once more.")


@require_http_methods(["GET", "HEAD"])
def show_tag(request: HttpRequest, public_id: str) -> HttpResponse:
    return _with_tag(request, public_id, Tag.Type.OPT_IN, _show_form)


@require_POST
@csrf_exempt
def submit(request: HttpRequest, public_id: str) -> HttpResponse:
    return _with_tag(request, public_id, Tag.Type.OPT_IN, _take_sign_up)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_visit(request: HttpRequest, public_id: str) -> HttpResponse:
    """GET shows and POST acts."""
    act = _take_visit if request.method == "POST" else _show_form
    return _with_tag(request, public_id, Tag.Type.VISIT, act)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_sign_up(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows and POST acts, for scanners and previews follow every link."""
    waiting = find_request(token=token)
    if waiting is None:
        return _unknown(request, "nfc/confirm.html", {"state": "unknown"})
    business = waiting.business
    if request.method != "POST":
        state = "used" if waiting.confirmed_at else "ask"
        context = {"state": state, "agreed": waiting.text}
        return page(request, "nfc/confirm.html", context, business=business)
    confirmed = services.confirm(
        token=token, ip=client_ip(request), user_agent=visits.user_agent_of(request)
    )
    if confirmed is None or not confirmed.is_subscribed:  # stopped again, and that stands
        return page(request, "nfc/confirm.html", {"state": "used"}, business=business, status=410)
    ring_on_commit(tasks.send_next)  # somebody may be welcomed
    return page(request, "nfc/confirm.html", _confirmed(request, waiting), business=business)


def _with_tag(
    request: HttpRequest,
    public_id: str,
    kind: str,
    act: Callable[[HttpRequest, Tag], HttpResponse],
) -> HttpResponse:
    """Act on the tag, or say kindly why not. Whoever looks is served by the cache."""
    refuse_large_body(request)
    try:
        if request.method == "POST":
            tag = selectors.find_tag(public_id)
        else:
            tag, _state = selectors.find_shown_tag(public_id)
    except selectors.TagInactive as error:
        context = {"state": "inactive"}
        business = error.tag.business
        return page(request, "nfc/closed.html", context, business=business, status=404)
    except selectors.TagNotFound:
        return _unknown(request, "nfc/closed.html", {"state": "unknown"})
    if tag.type != kind:
        return HttpResponseRedirect(_address(tag), headers={"Cache-Control": "no-store"})
    return act(request, tag)


def _address(tag: Tag) -> str:
    return tag.path + ("visit/" if tag.type == Tag.Type.VISIT else "")


def _show_form(request: HttpRequest, tag: Tag) -> HttpResponse:
    if visits.is_within(request):
        visits.count_tap(request, tag)
    return _form_page(request, tag, _make_form(tag))


def _take_sign_up(request: HttpRequest, tag: Tag) -> HttpResponse:
    form = SignUpForm(request.POST.copy(), tag=tag)

    def take(shown: Shown) -> None:
        assert tag.form is not None
        visits.sign_up(
            request,
            tag,
            form,
            agreed=texts_in(tag.form, shown.language),
            language=choose_language(request, tag.business),
            page=tag.path,
        )

    return _take(request, tag, form, take)


def _take_visit(request: HttpRequest, tag: Tag) -> HttpResponse:
    form = VisitForm(request.POST.copy(), tag=tag)
    return _take(request, tag, form, lambda _: visits.visit(request, tag, form))


def _take(
    request: HttpRequest, tag: Tag, form: PublicForm, take: Callable[[Shown], None]
) -> HttpResponse:
    """The form again with what was typed and what is wrong; else the same thanks for everybody."""
    shown = form_token.read(request.POST.get("token", ""), public_id=tag.public_id)
    try:
        check(request, limits.SUBMIT)
        if form.is_trapped:  # a program is told nothing
            return _thanks(request, tag)
        _check_shown(form, shown, tag)
        if shown is None or not form.is_valid():
            return _form_page(request, tag, form, shown)
        take(shown)
    except RateLimited as refusal:
        form.add_error(None, _TOO_MANY)
        return _form_page(request, tag, form, shown, status=429, headers=refusal.headers)
    return _thanks(request, tag)


def _check_shown(form: PublicForm, shown: Shown | None, tag: Tag) -> None:
    """Whether the words before the visitor's eyes are ours, new, and of this version."""
    if shown is None:
        form.add_error(None, _AGES[Age.TOO_OLD])
    elif shown.version != _version(tag):
        form.add_error(None, _CHANGED)
        form.data.pop("consent", None)  # type: ignore[attr-defined]
    elif shown.age is not Age.RIGHT:
        form.add_error(None, _AGES[shown.age])


def _form_page(
    request: HttpRequest,
    tag: Tag,
    form: PublicForm,
    shown: Shown | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    language = choose_language(request, tag.business)
    texts = _texts(tag, language)
    token = request.POST.get("token", "")
    if shown is None or shown.version != _version(tag) or not shown.will_last:
        token = form_token.make(
            public_id=tag.public_id,
            version=_version(tag),
            language=texts.language if texts else language,
        )
    elif tag.form is not None:
        texts = texts_in(tag.form, shown.language)
    place = "submit/" if tag.type == Tag.Type.OPT_IN else "visit/"
    context = {
        "form": form,
        "token": token,
        "texts": texts,
        "action": f"{tag.path}{place}?lang={language}",
        "is_test": tag.is_test,
    }
    template = "nfc/sign_up.html" if tag.type == Tag.Type.OPT_IN else "nfc/visit.html"
    return page(request, template, context, business=tag.business, status=status, headers=headers)


def _thanks(request: HttpRequest, tag: Tag) -> HttpResponse:
    context = {
        "texts": _texts(tag, choose_language(request, tag.business)),
        "must_confirm": tag.form is not None and tag.form.double_opt_in,
        "is_test": tag.is_test,
    }
    template = "nfc/thanks.html" if tag.type == Tag.Type.OPT_IN else "nfc/visited.html"
    return page(request, template, context, business=tag.business)


def _confirmed(request: HttpRequest, waiting: OptInRequest) -> dict[str, Any]:
    """With the words of the form that it began with, if there still is one."""
    tag = selectors.tag_of_business(business_id=waiting.business_id, public_id=waiting.tag)
    texts = _texts(tag, choose_language(request, waiting.business)) if tag else None
    return {"state": "done", "texts": texts}


def _unknown(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Only addresses that are none count: carriers put thousands of phones behind one address."""
    try:
        check(request, limits.CONFIG)
    except RateLimited as refusal:
        limited = {"state": "limited"}
        return page(request, template, limited, status=429, headers=refusal.headers)
    return page(request, template, context, status=404)


def _make_form(tag: Tag) -> PublicForm:
    return SignUpForm(tag=tag) if tag.type == Tag.Type.OPT_IN else VisitForm(tag=tag)


def _texts(tag: Tag, language: str) -> FormTexts | None:
    return texts_in(tag.form, language) if tag.form else None


def _version(tag: Tag) -> int:
    return tag.form.version if tag.form else 0
