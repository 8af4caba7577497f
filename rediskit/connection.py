"""Where the Redis servers are, and this process's one pool of connections to each."""

import atexit
import socket
import ssl
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, quote, urlsplit

import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis import exceptions
from redis.backoff import AbstractBackoff, ExponentialBackoff, NoBackoff
from redis.connection import AbstractConnection, parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from rediskit import failover

# -- Addresses: the one place that reads REDIS_* -----------------------------------------

DISABLED = "disabled"  # the REDIS_URL of an installation without Redis
SCHEMES = ("redis", "rediss", "unix")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket")
# What every key of Celery begins with, so that it may share a database with the cache.
BROKER_PREFIX = "celery:"


def cache_url(environ: dict[str, str]) -> str:
    """REDIS_URL, else an address made of REDIS_HOST, _PORT, _USERNAME, _PASSWORD, _DB and _TLS."""
    url = environ.get("REDIS_URL", "").strip()
    if url == DISABLED:
        return url
    if url:
        return _checked("REDIS_URL", url, SCHEMES)
    user = quote(environ.get("REDIS_USERNAME", ""), safe="")
    password = quote(environ.get("REDIS_PASSWORD", ""), safe="")
    login = f"{user}:{password}@" if user or password else ""
    scheme = "rediss" if _flag(environ, "REDIS_TLS") else "redis"
    host = environ.get("REDIS_HOST") or "localhost"
    host = f"[{host}]" if ":" in host else host
    port = _number(environ, "REDIS_PORT", 6379)
    database = _number(environ, "REDIS_DB", 0)
    return _checked("REDIS_HOST", f"{scheme}://{login}{host}:{port}/{database}", SCHEMES)


def limits_url(environ: dict[str, str]) -> str:
    """RATELIMIT_REDIS_URL, else the cache's."""
    url = environ.get("RATELIMIT_REDIS_URL", "").strip()
    if url:
        return _checked("RATELIMIT_REDIS_URL", url, SCHEMES)
    return cache_url(environ)


def broker_url(environ: dict[str, str]) -> str:
    """CELERY_BROKER_URL, else the cache's server in the form that Kombu understands."""
    url = environ.get("CELERY_BROKER_URL", "").strip()
    if url:
        return _checked("CELERY_BROKER_URL", url, BROKER_SCHEMES)
    url = cache_url(environ)
    if url == DISABLED:
        return "memory://"
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    login, at, _ = parts.netloc.rpartition("@")
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{login}{at}{parts.path}?virtual_host={database}"


def in_redis_words(url: str) -> str:
    """A broker's address as redis-py spells it."""
    return url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=", 1)


def _checked(name: str, url: str, schemes: tuple[str, ...]) -> str:
    expected = "a URL that starts with " + ", ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url)
        options = parse_url(in_redis_words(url))  # type: ignore[no-untyped-call]
    except ValueError:
        raise _malformed(name, expected) from None
    database = parts.path.strip("/")
    readable = "path" in options or not database or database.isdecimal()
    if parts.scheme not in schemes or not (parts.hostname or parts.path) or not readable:
        raise _malformed(name, expected)
    # Time-outs, pools and the verification of certificates are decided here, for all alike.
    if set(parse_qs(parts.query)) - {"db", "virtual_host"}:
        raise _malformed(name, "no options but the database in the URL")
    return url


def _number(environ: dict[str, str], name: str, default: int) -> int:
    raw = environ.get(name, "").strip()
    if raw and not raw.isdecimal():
        raise _malformed(name, "a whole number")
    return int(raw) if raw else default


def _flag(environ: dict[str, str], name: str) -> bool:
    raw = environ.get(name, "").strip().lower()
    if raw not in {"", "true", "false", "1", "0", "yes", "no"}:
        raise _malformed(name, "true or false")
    return raw in {"true", "1", "yes"}


def _malformed(name: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"The environment variable {name} is malformed: expected {expected}."
    )


# -- Profiles ----------------------------------------------------------------------------

# The first probe after 30 s of silence, so that a firewall never forgets an idle connection.
_KEEPALIVE = {
    number: seconds
    for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if (number := getattr(socket, name, None)) is not None
}
_EVERY_CONNECTION: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": _KEEPALIVE,
    "health_check_interval": 30,
}
POOL_PATIENCE = 0.5  # seconds to wait for another thread's connection

# A connection that broke is replaced at once; READONLY: the server became a replica while we were
# connected, and its name may lead elsewhere by now. But a server that hangs, hangs.
_RETRIED = (exceptions.ConnectionError, exceptions.ReadOnlyError)


@dataclass(frozen=True)
class Profile:
    """How long to wait for a connection and for a reply, in seconds; how to try again."""

    connect: float
    reply: float
    back_off: AbstractBackoff
    retries: int

    def retry(self) -> Retry:
        return Retry(self.back_off, self.retries, _RETRIED)

    def timeouts(self) -> dict[str, Any]:
        return {"socket_connect_timeout": self.connect, "socket_timeout": self.reply}


REQUESTS = Profile(0.5, 0.5, NoBackoff(), 1)
# In all three seconds of refused connections, which a restart may take.
PATIENT = Profile(10, 5, ExponentialBackoff(cap=2, base=0.1), 4)
_profile = REQUESTS


def use_patient_profile() -> None:
    """For commands and workers, which wait for Redis rather than go on without it."""
    global _profile  # noqa: PLW0603 - what kind of process this is
    _profile = PATIENT


def broker_options() -> dict[str, Any]:
    """Kombu's `broker_transport_options`.

    Publishing happens inside requests: a broker that hangs may cost them half a second, no more.
    A worker's blocking reads wait for one second at a time, well within the reply's time-out.
    """
    return {
        **_EVERY_CONNECTION,
        **_profile.timeouts(),
        **({"max_retries": 0} if _profile is REQUESTS else {}),
        "global_keyprefix": BROKER_PREFIX,
        "visibility_timeout": settings.CELERY_VISIBILITY_TIMEOUT,
    }


def broker_tls(url: str, ca_file: str | None) -> dict[str, Any] | None:
    """Celery's `broker_use_ssl`: Kombu itself would not verify the certificate."""
    if not url.startswith("rediss://"):
        return None
    return {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": ca_file,
    }


# -- Connections -------------------------------------------------------------------------

_clients: dict[tuple[str, Profile], redis.Redis] = {}


def client(url: str | None = None, *, profile: Profile | None = None) -> redis.Redis:
    """The process's one client for the address (default: the cache's), and its one pool.

    profile: for whoever must not be as patient as the process.

    It connects with the first command, again after every failure. Call it through a circuit of
    `rediskit.failover`; while that of the cache is open, probes are as short as in requests.
    """
    url = url or settings.REDIS_URL
    if url == DISABLED:
        raise failover.Away("Redis is disabled")
    key = (url, REQUESTS if failover.cache.is_open else profile or _profile)
    # Two threads may both make one: a pool without connections, and one of them is dropped.
    return _clients.get(key) or _clients.setdefault(key, connect_lazily(*key))


def close() -> None:
    """Close every connection; the next command opens another."""
    for each in list(_clients.values()):
        each.connection_pool.disconnect()


def _drop_all() -> None:
    """Idle connections now, other threads' as soon as those are done with them.

    One that is kept may lead to a server that is a replica by now, and answers readers from it.
    """
    for each in list(_clients.values()):
        each.connection_pool.update_active_connections_for_reconnect()
        each.connection_pool.disconnect(inuse_connections=False)


def connect_lazily(url: str, profile: Profile) -> redis.Redis:
    """A client with a pool of its own; nearly everybody wants `client` instead."""
    options: dict[str, Any] = {
        **_EVERY_CONNECTION,
        **profile.timeouts(),
        "max_connections": settings.REDIS_POOL_SIZE,
        "timeout": POOL_PATIENCE,
        "retry": profile.retry(),
        "redis_connect_func": _greet,
        "protocol": 3,
        "driver_info": None,  # costs two commands per connection
        # They would lengthen our time-outs.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    if url.startswith("unix://"):
        for name in ("socket_keepalive", "socket_keepalive_options", "maint_notifications_config"):
            del options[name]
    if url.startswith("rediss://"):
        options |= {"ssl_ca_certs": settings.REDIS_CA_FILE, "ssl_cert_reqs": "required"}
    pool = redis.BlockingConnectionPool.from_url(url, **options)
    return redis.Redis(connection_pool=pool)


def _greet(connection: AbstractConnection) -> None:
    """Refuse a replica at once: its answers may be old, and it would take no invalidation."""
    connection.on_connect()  # type: ignore[no-untyped-call]
    greeting = cast("dict[bytes, Any]", connection.handshake_metadata)
    if greeting.get(b"role") == b"replica":
        raise exceptions.ReadOnlyError("the server is a replica")


class ConnectionFactory:
    """Gives django-redis the process's own client (DJANGO_REDIS_CONNECTION_FACTORY)."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def connect(self, url: str) -> redis.Redis:
        return client(url)

    def disconnect(self, connection: redis.Redis) -> None:
        connection.connection_pool.disconnect()


failover.cache.when_opened(_drop_all)
atexit.register(close)
