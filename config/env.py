"""Strict readers of the environment: whatever is missing or malformed stops the start by name."""

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

_env = environ.Env()
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class _Required:
    """Marks a variable without a default."""


REQUIRED: Any = _Required()


def _read(name: str, default: T, reader: Callable[[str], T], expected: str) -> T:
    raw = _env.ENVIRON.get(name, "").strip()
    if not raw:
        if default is REQUIRED:
            raise ImproperlyConfigured(f"Set the environment variable {name}: {expected}.")
        return default
    try:
        return reader(raw)
    except (ValueError, TypeError, KeyError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(
            f"The environment variable {name} is malformed: expected {expected}."
        ) from error


def text(name: str, default: str = REQUIRED, *, min_length: int = 0) -> str:
    def reader(raw: str) -> str:
        if len(raw) < min_length:
            raise ValueError(name)
        return raw

    expected = f"at least {min_length} characters" if min_length else "a text"
    return _read(name, default, reader, expected)


def boolean(name: str, default: bool = REQUIRED) -> bool:  # noqa: FBT001
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    return _read(name, default, lambda raw: words[raw.lower()], "true or false")


def integer(
    name: str, default: int = REQUIRED, *, minimum: int = 0, maximum: int | None = None
) -> int:
    def reader(raw: str) -> int:
        number = int(raw)
        if number < minimum or (maximum is not None and number > maximum):
            raise ValueError(name)
        return number

    bounds = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    return _read(name, default, reader, f"a whole number {bounds}")


def choice(name: str, default: str, *, options: tuple[str, ...]) -> str:
    def reader(raw: str) -> str:
        if raw not in options:
            raise ValueError(name)
        return raw

    return _read(name, default, reader, " or ".join(options))


def rate(name: str, default: str) -> tuple[int, int]:
    """A limit such as 20/10m: how many, in how many seconds."""

    def reader(raw: str) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,5})?([smhd])", raw)
        if not found:
            raise ValueError(name)
        number, periods, unit = found.groups()
        return int(number), int(periods or 1) * _SECONDS[unit]

    return _read(name, reader(default), reader, "a limit such as 20/10m, in s, m, h or d")


def names(name: str, default: tuple[str, ...] = ()) -> list[str]:
    def reader(raw: str) -> list[str]:
        return [part.strip() for part in raw.split(",") if part.strip()]

    return _read(name, list(default), reader, "names separated by commas")


def time_zone(name: str, default: str) -> str:
    return _read(name, default, lambda raw: ZoneInfo(raw).key, "an IANA time zone")


def base_url(name: str, default: str = REQUIRED) -> str:
    """An http(s) address without a trailing slash, as links are built on it."""

    def reader(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError(name)
        return raw.rstrip("/")

    return _read(name, default, reader, "an address such as https://sms.example.com")


def database(name: str) -> dict[str, Any]:
    """Django's settings of a PostgreSQL database, from its URL."""

    def reader(raw: str) -> dict[str, Any]:
        parsed = _env.db_url_config(raw)
        if parsed.get("ENGINE") != "django.db.backends.postgresql" or not parsed.get("NAME"):
            raise ValueError(name)
        # A database that hangs costs seconds, not the minutes of TCP's own patience.
        options = {
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
            # While a failover goes on, its name may lead to a standby: refused, such a connection
            # is tried again; kept for minutes, it would refuse every write.
            "target_session_attrs": "primary",
        }
        return {**parsed, "OPTIONS": {**options, **parsed.get("OPTIONS", {})}}

    return _read(name, REQUIRED, reader, "postgresql://user:password@host:5432/name")


def email(name: str, default: str) -> dict[str, Any]:
    """Django's EMAIL_* settings, from a URL such as smtp+tls://user:password@host:587."""
    return _read(
        name,
        _env.email_url_config(default),
        lambda raw: dict(_env.email_url_config(raw)),
        "smtp+tls://user:password@host:587 or consolemail://",
    )
