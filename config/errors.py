"""Every refusal of a JSON endpoint as application/problem+json (RFC 9457); pages get a page."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from math import ceil
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.fields import get_error_detail
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts.problems import Problem
from rediskit.ratelimits import RateLimited

CONTENT_TYPE = "application/problem+json"
JSON_PREFIXES = ("/api/", "/webhooks/", "/tracking/")
# Of the addresses behind a tag one is JSON only, and two answer in the kind that they are sent.
JSON_TWINS = re.compile(r"/nfc/[^/]+/(?:(config)|submit|visit)/")
# rest_framework's words, where the contract has others.
CODES = {
    "PERMISSION_DENIED": "FORBIDDEN",
    "AUTHENTICATION_FAILED": "INVALID_TOKEN",
    "THROTTLED": "RATE_LIMITED",
}


def problem(
    status: int,
    code: str,
    detail: str = "",
    *,
    title: str = "",
    errors: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": _sendable(detail) or HTTPStatus(status).description,
        "code": code,
        "errors": [
            {name: _sendable(text) for name, text in error.items()} for error in errors or []
        ],
    }


def _sendable(text: str) -> str:
    """What somebody sent, and is told of: JSON may hold half a character, an answer may not."""
    return text.encode(errors="replace").decode()


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:  # noqa: ARG001
    """rest_framework's EXCEPTION_HANDLER; None lets Django log the error and answer 500."""
    if isinstance(error, Problem):
        return _answer(_of_problem(error))
    if isinstance(error, RateLimited):
        return _answer(problem(429, "RATE_LIMITED", str(error)), error.headers)
    if isinstance(error, RequestDataTooBig):
        return _answer(problem(413, "BODY_TOO_LARGE"))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(get_error_detail(error))
    if isinstance(error, exceptions.ValidationError):
        return _answer(_of_validation(error))
    if isinstance(error, exceptions.APIException):
        return _answer(_of_exception(error), _headers(error))
    return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _page(request, 400, "BAD_REQUEST")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _page(request, 403, "FORBIDDEN")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return _page(request, 404, "NOT_FOUND", "There is nothing at this address.")


def rate_limited(request: HttpRequest, exception: RateLimited) -> HttpResponse:
    """django-ratelimit's RATELIMIT_VIEW, for the views that are not rest_framework's."""
    return _page(request, 429, "RATE_LIMITED", str(exception), headers=exception.headers)


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, 500, "INTERNAL_ERROR")


@csrf_exempt
def unknown_endpoint(request: HttpRequest) -> JsonResponse:
    """Answers for JSON_PREFIXES what nothing else does, with DEBUG on too."""
    detail = "There is no such endpoint."
    if not request.path.endswith("/"):
        detail += " Addresses end with a slash."
    return JsonResponse(problem(404, "NOT_FOUND", detail), status=404, content_type=CONTENT_TYPE)


def _page(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str = "",
    *,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    content = problem(status, code, detail)
    if _speaks_json(request):
        return JsonResponse(content, status=status, headers=headers, content_type=CONTENT_TYPE)
    # Without the request: no context processor may ask a database that is away.
    return HttpResponse(render_to_string("error.html", content), status=status, headers=headers)


def _speaks_json(request: HttpRequest) -> bool:
    twin = JSON_TWINS.fullmatch(request.path)
    if twin is not None:
        return twin[1] is not None or request.content_type == "application/json"
    return request.path.startswith(JSON_PREFIXES)


def _answer(content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    headers = headers or {}
    if content["status"] == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(content, content["status"], headers=headers, content_type=CONTENT_TYPE)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    wait = getattr(error, "wait", None)
    return {"Retry-After": str(ceil(wait))} if wait else {}


def _of_problem(error: Problem) -> dict[str, Any]:
    errors = []
    if error.pointer:
        errors = [{"pointer": error.pointer, "code": error.code, "detail": error.detail}]
    return problem(error.status, error.code, error.detail, title=error.title, errors=errors)


def _of_validation(error: exceptions.ValidationError) -> dict[str, Any]:
    errors = list(_flatten(error.detail, ""))
    detail = "; ".join(
        f"{item['pointer']}: {item['detail']}" if item["pointer"] else item["detail"]
        for item in errors[:3]
    )
    return problem(400, "VALIDATION_ERROR", detail, title="The request is not valid", errors=errors)


def _of_exception(error: exceptions.APIException) -> dict[str, Any]:
    code = str(getattr(error.detail, "code", error.default_code)).upper()
    return problem(error.status_code, CODES.get(code, code), str(error.detail))


def _flatten(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    """rest_framework's nested errors as a flat list of JSON pointers."""
    if isinstance(detail, dict):
        for name, value in detail.items():
            own = name in {api_settings.NON_FIELD_ERRORS_KEY, NON_FIELD_ERRORS}
            yield from _flatten(value, pointer if own else f"{pointer}/{_escape(str(name))}")
    elif isinstance(detail, list):
        for number, item in enumerate(detail):
            nested = isinstance(item, dict | list)
            yield from _flatten(item, f"{pointer}/{number}" if nested else pointer)
    else:
        code = getattr(detail, "code", "") or "invalid"
        yield {"pointer": pointer, "code": code.upper(), "detail": str(detail)}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
