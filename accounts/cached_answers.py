"""Cached answers over HTTP: the bytes as they were rendered once, and where they come from."""

from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from rediskit.versioned_cache import State

X_CACHE: Final = OpenApiParameter(
    "X-Cache",
    str,
    OpenApiParameter.HEADER,
    enum=["hit", "miss", "bypass"],
    response=[200],
    description="From the cache; computed just now; or computed because `fresh` asked for it.",
)
_FALSE: Final = {"", "0", "false"}


def wants_fresh(request: Request) -> bool:
    return request.query_params.get("fresh", "").lower() not in _FALSE


def render(data: Any) -> bytes:
    body: bytes = JSONRenderer().render(data)
    return body


def answer(body: bytes, state: State) -> HttpResponse:
    return HttpResponse(body, content_type="application/json", headers={"X-Cache": state})
