"""Where gateways report. Verify, store, acknowledge; what it means is found out afterwards."""

import time
from http import HTTPStatus

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from messaging import services, tasks
from messaging.models import GatewayEvent
from rediskit.doorbell import ring_on_commit

SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105 - its name, not its value
_RING_EVERY = 0.2  # seconds, per process; beat's tick applies what came after the last ring
_last_ring = 0.0


@csrf_exempt
@require_POST
def mitto_delivery(request: HttpRequest) -> HttpResponse:
    """202 only once the report is on disk; otherwise the gateway has to come again."""
    given = request.headers.get(SECRET_HEADER, "")
    if not constant_time_compare(given, settings.MITTO_WEBHOOK_SECRET):
        return _problem(HTTPStatus.UNAUTHORIZED, "INVALID_SECRET", f"{SECRET_HEADER} is wrong.")
    try:
        services.store_event(gateway="mitto", kind=GatewayEvent.Kind.DELIVERY, raw=request.body)
    except Error:
        return _problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "NOT_STORED", "The report was not stored: send again."
        )
    _ring()
    return HttpResponse(status=HTTPStatus.ACCEPTED)


def _ring() -> None:
    global _last_ring  # noqa: PLW0603 - one clock a process is what is meant
    if time.monotonic() - _last_ring >= _RING_EVERY:
        _last_ring = time.monotonic()
        ring_on_commit(tasks.apply_events)


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
