"""`Idempotency-Key`: a POST repeated with the same key is done once and answered twice.

The work and its answer commit in one transaction, under an advisory lock on the key that ends with
it: a request that dies leaves neither, so nothing has to be taken over or cleaned up. Only answers
below 400 are kept, since after a refusal nothing has changed and the repetition may do better.
"""

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import connection, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Business, IdempotentRequest
from accounts.problems import Problem
from accounts.viewsets import BusinessMixin

MAX_KEY_LENGTH = 255

V = TypeVar("V", bound=BusinessMixin)
P = ParamSpec("P")
Method = Callable[Concatenate[V, Request, P], Response]


class IdempotencyKeyInvalid(Problem):
    code = "IDEMPOTENCY_KEY_INVALID"
    title = f"An Idempotency-Key is 1 to {MAX_KEY_LENGTH} visible ASCII characters."


class IdempotencyMismatch(Problem):
    status = 422
    code = "IDEMPOTENCY_MISMATCH"
    title = "This Idempotency-Key was used for another request."


class IdempotencyRunning(Problem):
    status = 409
    code = "IDEMPOTENCY_RUNNING"
    title = "The request with this Idempotency-Key is still running: repeat it in a moment."


def idempotent(method: Method[V, P]) -> Method[V, P]:
    """For POST methods of business views; the method then runs inside a transaction."""

    @wraps(method)
    def wrapper(view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return method(view, request, *args, **kwargs)
        if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
            raise IdempotencyKeyInvalid
        fingerprint = _fingerprint(request)
        with transaction.atomic():
            _lock(view.business, key)
            earlier = IdempotentRequest.objects.filter(business=view.business, key=key).first()
            if earlier is not None:
                return _replay(earlier, fingerprint)
            response = method(view, request, *args, **kwargs)
            if response.status_code < 400:
                _keep(view.business, key, fingerprint, response)
            return response

    wrapper.idempotent = True  # type: ignore[attr-defined]
    return wrapper


def _lock(business: Business, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, %s))",
            [f"idempotency {key}", business.pk],
        )
        (locked,) = cursor.fetchone()
    if not locked:
        raise IdempotencyRunning


def _replay(earlier: IdempotentRequest, fingerprint: str) -> Response:
    if earlier.fingerprint != fingerprint:
        raise IdempotencyMismatch
    headers = {**earlier.headers, "Idempotency-Replayed": "true"}
    data = json.loads(earlier.answer) if earlier.answer else None
    return Response(data, status=earlier.status, headers=headers)


def _keep(business: Business, key: str, fingerprint: str, response: Response) -> None:
    IdempotentRequest.objects.create(
        business=business,
        key=key,
        fingerprint=fingerprint,
        status=response.status_code,
        headers={"Location": response["Location"]} if "Location" in response else {},
        answer=JSONRenderer().render(response.data).decode(),
    )


def _fingerprint(request: Request) -> str:
    """A hash of method, path, and the body's meaning: spaces and form boundaries do not count."""
    fields: Any = request.data
    if request.FILES:
        fields = {name: request.POST.getlist(name) for name in request.POST}
    text = json.dumps([request.method, request.get_full_path(), fields], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            digest.update(f"\n{name} {file.size}\n".encode())
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
    return digest.hexdigest()
