"""Probes: `/livez` (the process answers) and `/readyz` (it can do its work)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from config import selectors
from config.errors import CONTENT_TYPE, problem
from rediskit import failover
from rediskit.connection import client

STATEMENT_TIMEOUT = "2s"  # with the connection's own time-outs of the settings, all is bounded


class NotReady(Exception):
    """What is wrong, in the words of the answer."""


def livez(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    return JsonResponse({"status": "ok"})


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """503 without database or migrations; without Redis or scheduler 200 and `degraded`."""
    needed = {"database": _state(check_database)}
    needed["migrations"] = _state(check_migrations) if needed["database"] == "ok" else "not checked"
    useful = _useful() if settings.REDIS_ENABLED else {}
    checks = needed | useful
    if set(needed.values()) != {"ok"}:
        body = problem(503, "NOT_READY", "Not ready to serve.") | {"checks": checks}
        return JsonResponse(body, status=503, content_type=CONTENT_TYPE)
    status = "ok" if set(useful.values()) <= {"ok"} else "degraded"
    return JsonResponse({"status": status, "checks": checks, "work": _work()})


def check_database() -> None:
    try:
        with _bounded() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise NotReady("unreachable") from error


@contextmanager
def _bounded() -> Iterator[CursorWrapper]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        yield cursor


def _work() -> dict[str, Any] | None:
    """What waits and since when, for whoever watches; None if that takes too long to find out."""
    try:
        with _bounded():
            return asdict(selectors.background_work())
    except DatabaseError:
        return None


@cache  # a success lasts as long as the process; a failure is not remembered
def check_migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady("pending")


def check_redis() -> None:
    try:
        failover.cache.call(client().ping)
    except failover.Away as error:
        raise NotReady("unreachable") from error


def check_scheduler() -> None:
    try:
        age = selectors.heartbeat_age()
    except failover.Away as error:
        raise NotReady("unreachable") from error
    if age is None:
        raise NotReady("silent")


def _useful() -> dict[str, str]:
    redis = _state(check_redis)
    return {
        "redis": redis,
        "scheduler": _state(check_scheduler) if redis == "ok" else "not checked",
    }


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as reason:
        return str(reason)
    return "ok"
