"""Where gateways post reports and replies: verify, store, acknowledge; understand it later."""

import time
from http import HTTPStatus
from typing import Any

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from messaging import services, tasks
from messaging.models import GatewayEvent
from messaging.verification import NotGenuine, verify
from rediskit.doorbell import ring_on_commit

RING_EVERY = 0.2  # seconds, per process; beat's tick applies what came after the last ring
_last_rings: dict[str, float] = {}

Kind = GatewayEvent.Kind


@csrf_exempt
@require_POST
def mitto_delivery(request: HttpRequest) -> HttpResponse:
    return _take(request, Kind.DELIVERY, tasks.apply_events)


@csrf_exempt
@require_POST
def mitto_inbound(request: HttpRequest) -> HttpResponse:
    return _take(request, Kind.INBOUND, tasks.apply_inbound)


def _take(request: HttpRequest, kind: str, task: Any) -> HttpResponse:
    """202 only once the request is on disk; otherwise the gateway has to come again."""
    try:
        verify(request.headers, request.body)
    except NotGenuine as error:
        return _problem(HTTPStatus.UNAUTHORIZED, error.code, str(error))
    try:
        services.store_event(gateway="mitto", kind=kind, raw=request.body)
    except Error:
        return _problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "NOT_STORED", "This was not stored: send it again."
        )
    _ring(kind, task)
    return HttpResponse(status=HTTPStatus.ACCEPTED)


def _ring(kind: str, task: Any) -> None:
    now = time.monotonic()
    if now - _last_rings.get(kind, -RING_EVERY) >= RING_EVERY:
        _last_rings[kind] = now
        ring_on_commit(task)


def _problem(status: HTTPStatus, code: str, detail: str) -> JsonResponse:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "errors": [],
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")
