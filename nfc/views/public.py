"""The JSON twin of the pages behind a tag, for sites and apps that draw their own form.

Whoever asks is a visitor: nobody logs in, and unknown fields are theirs to send.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import override
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.cached_answers import X_CACHE, wants_fresh
from accounts.problems import Problem
from nfc import limits, pages, selectors, visits
from nfc.models import OPTIONAL_FIELDS, PHONE, Tag
from nfc.public_forms import SignUpForm, VisitForm
from nfc.serializers import (
    AcceptedSerializer,
    ConfigSerializer,
    SignUpSerializer,
    VisitSerializer,
)
from nfc.texts import FormTexts, texts_in
from rediskit.ratelimits import check
from tracking.pages import choose_language, refuse_large_body

_LANG = OpenApiParameter("lang", str, description="`en` or `el`; else Accept-Language decides.")
_JSON = "application/json"


class FormChanged(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "FORM_CHANGED"
    title: ClassVar[str] = "The form has changed since it was shown: read its config again"


class PublicView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().finalize_response(*args, **kwargs)
        response["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["Accept-Language"])
        return response


class ConfigView(PublicView):
    @extend_schema(responses=ConfigSerializer, parameters=[_LANG, X_CACHE], tags=["public"])
    def get(self, request: Request, public_id: str) -> Response:
        """What a form behind the tag is to ask, and the words to show. Counts as a tap."""
        check(request, limits.CONFIG)
        tag, state = selectors.find_shown_tag(public_id, fresh=wants_fresh(request))
        visits.count_tap(request, tag)
        config = {"tag": tag, "texts": _texts(tag, choose_language(request, tag.business))}
        return Response(ConfigSerializer(config).data, headers={"X-Cache": state})


class _TwinView(PublicView):
    """JSON is answered here, and whatever else a browser posts, by the page at this address."""

    page: ClassVar[Callable[..., HttpResponseBase]]
    type: ClassVar[str]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and request.content_type == _JSON:
            return super().dispatch(request, *args, **kwargs)
        return self.show_page(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_large_body(request)

    def show_page(self, request: HttpRequest, public_id: str) -> HttpResponseBase:
        raise NotImplementedError

    def find_tag(self, public_id: str) -> Tag:
        tag = selectors.find_tag(public_id)
        if tag.type != self.type:
            raise selectors.TagNotFound(f"This tag is one of type {tag.type}.")
        return tag


class SubmitView(_TwinView):
    type = Tag.Type.OPT_IN

    def show_page(self, request: HttpRequest, public_id: str) -> HttpResponseBase:
        if request.method in {"GET", "HEAD"}:  # the address of a page with errors, opened again
            return HttpResponseRedirect(f"/nfc/{public_id}/")
        return pages.submit(request, public_id)

    @extend_schema(
        request=SignUpSerializer,
        responses={202: AcceptedSerializer},
        parameters=[_LANG],
        tags=["public"],
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Sign up. The answer is the same for everybody, whatever is known of the number.

        A number that had stopped its messages, and any new number if the form asks for it, gets a
        message whose link confirms the sign-up.
        """
        check(request, limits.SUBMIT)
        tag = self.find_tag(public_id)
        body = _body(request)
        language = choose_language(request, tag.business)
        agreed = _agreed(tag, body, language)
        form = SignUpForm(_as_form(body), tag=tag)
        with override(language):
            _refuse_mistakes(form)
        page = f"{tag.path}submit/"
        visits.sign_up(request, tag, form, agreed=agreed, language=language, page=page)
        return _accepted(_texts(tag, language))


class VisitView(_TwinView):
    type = Tag.Type.VISIT

    def show_page(self, request: HttpRequest, public_id: str) -> HttpResponseBase:
        return pages.confirm_visit(request, public_id)

    @extend_schema(
        request=VisitSerializer,
        responses={202: AcceptedSerializer},
        parameters=[_LANG],
        tags=["public"],
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Confirm a visit: it counts once a day, for numbers that are known. All are answered so.

        A GET is answered with the page.
        """
        check(request, limits.SUBMIT)
        tag = self.find_tag(public_id)
        language = choose_language(request, tag.business)
        form = VisitForm(_as_form(_body(request)), tag=tag)
        with override(language):
            _refuse_mistakes(form)
        visits.visit(request, tag, form)
        return _accepted(_texts(tag, language))


def _body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise ValidationError("The body is a JSON object.")
    return request.data


def _as_form(body: dict[str, Any]) -> dict[str, Any]:
    """What browsers would send: texts, and a consent that is ticked or not there at all."""
    sent = {name: body[name] for name in (PHONE, *OPTIONAL_FIELDS) if body.get(name) is not None}
    for name, value in sent.items():
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise ValidationError({name: [ErrorDetail("This is not a text.", "INVALID")]})
    texts = {name: str(value) for name, value in sent.items()}
    return {**texts, "consent": body.get("consent") is True}


def _agreed(tag: Tag, body: dict[str, Any], language: str) -> FormTexts:
    """The words that were shown: those of the config, in the language that it named."""
    assert tag.form is not None
    version = body.get("version")
    if version is not None and version != tag.form.version:
        raise FormChanged
    named = body.get("language")
    return texts_in(tag.form, named if isinstance(named, str) else language)


def _refuse_mistakes(form: SignUpForm | VisitForm) -> None:
    if form.is_valid():
        return
    raise ValidationError(
        {
            name: [ErrorDetail(str(message), str(error.code or "invalid"))]
            for name, errors in form.errors.as_data().items()
            for error in errors[:1]
            for message in error.messages
        }
    )


def _texts(tag: Tag, language: str) -> FormTexts | None:
    return texts_in(tag.form, language) if tag.form else None


def _accepted(texts: FormTexts | None) -> Response:
    answer = {
        "status": "accepted",
        "language": texts.language if texts else None,
        "thank_you_text": texts.thank_you_text if texts else "",
        "offer_text": texts.offer_text if texts else "",
    }
    return Response(AcceptedSerializer(answer).data, status=status.HTTP_202_ACCEPTED)
