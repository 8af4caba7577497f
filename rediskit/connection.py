"""Where the Redis servers are: the one place that reads REDIS_*."""

from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEMES = ("redis", "rediss", "unix")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket")


def cache_url(environ: dict[str, str]) -> str:
    """REDIS_URL, else an address made of REDIS_HOST, _PORT, _USERNAME, _PASSWORD, _DB and _TLS."""
    url = environ.get("REDIS_URL", "").strip()
    if url:
        return _checked("REDIS_URL", url, SCHEMES)
    user = quote(environ.get("REDIS_USERNAME", ""), safe="")
    password = quote(environ.get("REDIS_PASSWORD", ""), safe="")
    login = f"{user}:{password}@" if user or password else ""
    scheme = "rediss" if _flag(environ, "REDIS_TLS") else "redis"
    host = environ.get("REDIS_HOST") or "localhost"
    port = _number(environ, "REDIS_PORT", 6379)
    return f"{scheme}://{login}{host}:{port}/{_number(environ, 'REDIS_DB', 0)}"


def broker_url(environ: dict[str, str]) -> str:
    """CELERY_BROKER_URL, else the cache's server in the form that Kombu understands."""
    url = environ.get("CELERY_BROKER_URL", "").strip()
    if url:
        return _checked("CELERY_BROKER_URL", url, BROKER_SCHEMES)
    url = cache_url(environ)
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parts.query.removeprefix("db=") or "0"
    return f"redis+socket://{parts.path}?virtual_host={database}"


def _checked(name: str, url: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not (parts.hostname or parts.path):
        raise ImproperlyConfigured(
            f"The environment variable {name} is malformed: expected a URL that starts with "
            + ", ".join(f"{scheme}://" for scheme in schemes)
        )
    return url


def _number(environ: dict[str, str], name: str, default: int) -> int:
    raw = environ.get(name, "").strip()
    if raw and not raw.isdecimal():
        raise ImproperlyConfigured(
            f"The environment variable {name} is malformed: expected a whole number."
        )
    return int(raw) if raw else default


def _flag(environ: dict[str, str], name: str) -> bool:
    raw = environ.get(name, "").strip().lower()
    if raw not in {"", "true", "false", "1", "0", "yes", "no"}:
        raise ImproperlyConfigured(
            f"The environment variable {name} is malformed: expected true or false."
        )
    return raw in {"true", "1", "yes"}
