"""System checks of what can be said without a server; `redis_check` looks at the servers."""

import ssl
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string
from django_redis.serializers.pickle import PickleSerializer
from redis.connection import parse_url

from rediskit import connection

# django-redis pickles unless told otherwise.
DEFAULT_SERIALIZER = "django_redis.serializers.pickle.PickleSerializer"
UNSAFE_CONTENT = {"pickle", "application/x-python-serialize", "yaml", "application/x-yaml"}


@register
def check_serializers(**_: Any) -> Iterator[CheckMessage]:
    """Whoever can write to Redis must not be able to run code here."""
    caches: dict[str, dict[str, Any]] = settings.CACHES
    for alias, cache in caches.items():
        if not cache["BACKEND"].startswith("django_redis."):
            continue
        path = cache.get("OPTIONS", {}).get("SERIALIZER", DEFAULT_SERIALIZER)
        if issubclass(import_string(path), PickleSerializer):
            yield Error(
                f"The cache {alias!r} unpickles what it reads from Redis.",
                hint="Set OPTIONS['SERIALIZER'] to django-redis's JSONSerializer.",
                id="rediskit.E001",
            )
    accepted = {settings.CELERY_TASK_SERIALIZER, *settings.CELERY_ACCEPT_CONTENT}
    if accepted & UNSAFE_CONTENT:
        yield Error(
            "Celery accepts messages that can run code when they are read.",
            hint="CELERY_TASK_SERIALIZER and CELERY_ACCEPT_CONTENT: json only.",
            id="rediskit.E002",
        )


@register
def check_tls(**_: Any) -> Iterator[CheckMessage]:
    if settings.REDIS_CA_FILE is None:
        return
    try:
        ssl.create_default_context(cafile=settings.REDIS_CA_FILE)
    except OSError as error:  # ssl.SSLError, of a file without certificates, is one too
        yield Error(
            f"REDIS_CA_FILE cannot be used: {error}",
            hint=f"{settings.REDIS_CA_FILE} must hold certificates (PEM) that we may read.",
            id="rediskit.E003",
        )
    addresses = (settings.REDIS_URL, settings.LIMITS_REDIS_URL, settings.CELERY_BROKER_URL)
    if not any(address.startswith("rediss://") for address in addresses):
        yield checks.Warning(
            "REDIS_CA_FILE is set, but no connection uses TLS.",
            hint="Addresses with TLS start with rediss://, or set REDIS_TLS=true.",
            id="rediskit.W002",
        )


@register
def check_separation(**_: Any) -> Iterator[CheckMessage]:
    if not settings.REDIS_ENABLED or not settings.CELERY_BROKER_URL.startswith("redis"):
        return
    shared = shared_with_broker(settings.REDIS_URL, settings.CELERY_BROKER_URL)
    if shared:
        yield checks.Warning(
            f"Cache and broker share a {shared}: a cache that is full, or was cleared by FLUSHDB,"
            " takes the queues with it.",
            hint="Name a server of its own in CELERY_BROKER_URL, with maxmemory-policy noeviction."
            " Until then keep volatile-lru: what Celery stores has no TTL, so it is not evicted.",
            id="rediskit.W001",
        )


@register
def check_proxies(**_: Any) -> Iterator[CheckMessage]:
    if settings.SECURE_PROXY_SSL_HEADER and not settings.TRUSTED_PROXIES:
        yield checks.Warning(
            "BEHIND_PROXY is set, but TRUSTED_PROXIES is 0: all visitors share one limit.",
            hint="TRUSTED_PROXIES=1 if it appends to X-Forwarded-For: see docs/rate-limits.md.",
            id="rediskit.W003",
        )


def shared_with_broker(cache: str, broker: str) -> str:
    """ "database", "server" or "": what the two addresses have in common."""
    places = [_place(cache), _place(connection.in_redis_words(broker))]
    if places[0] == places[1]:
        return "database"
    return "server" if places[0][:-1] == places[1][:-1] else ""


def _place(url: str) -> tuple[str, int, int]:
    """Host or path, port, database."""
    options = parse_url(url)  # type: ignore[no-untyped-call]
    host = options.get("path") or options.get("host", "localhost")
    return host.replace("127.0.0.1", "localhost"), options.get("port", 6379), options.get("db", 0)
