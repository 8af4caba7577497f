"""Rate limits: named rules (settings.RATE_LIMITS), counted by django-ratelimit in Redis.

    @limited(Limit("refresh:ip", client_address))
    def post(self, request): ...

A window is fixed: it ends at the same second for everybody who is counted under one name, at
another one for other names. While Redis is away each process counts by itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Final

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac
from django_ratelimit.core import _get_window, get_usage
from django_ratelimit.exceptions import Ratelimited

from rediskit import failover
from rediskit.local_counters import LocalCounters

PREFIX: Final = "rl:"  # django-ratelimit's own
SEPARATOR: Final = "\x1f"
MAX_IDENTIFIER: Final = 254  # of an e-mail address
HASHED_IF_ASKED: Final = frozenset({"email", "phone"})
ALWAYS_HASHED: Final = frozenset({"token"})

local_counters = LocalCounters()


class ReadableKey:
    """`login:ip:1.2.3.4:1795384368` in the place of a hash: our RATELIMIT_HASH_ALGORITHM.

    django-ratelimit hashes its group, rate, value and window joined by nothing. Our groups and
    values bring the separators. The rate is left out: whoever raises a limit keeps the counts.
    """

    def __init__(self, joined: bytes) -> None:
        scope, _, name, window = joined.decode().split(SEPARATOR)
        self._key = _key(scope, name, window)

    def hexdigest(self) -> str:
        return self._key


def plain_key(key: str, prefix: str, version: int) -> str:  # noqa: ARG001
    """The KEY_FUNCTION of the cache that limits are in: nothing before the key."""
    return key


class CountsOnly:
    """The serializer of that cache.

    django-redis stores whole numbers as they are. Whatever else lies at a key is not ours:
    django-ratelimit takes the ValueError for a counter that is gone.
    """

    def __init__(self, options: object) -> None:
        """django-redis gives every serializer the cache's OPTIONS."""

    def dumps(self, value: object) -> bytes:
        raise ValueError("a counter is a whole number")

    def loads(self, value: bytes) -> object:
        raise ValueError("a counter is a whole number")


@dataclass(frozen=True, slots=True)
class Limit:
    """A rule by its name, and whom a request counts for; None: it does not count."""

    scope: str
    identify: Callable[[HttpRequest], str | None]


@dataclass(frozen=True, slots=True)
class Usage:
    """How far a limit is used up, `resets_in` seconds before its window ends."""

    scope: str
    key: str
    count: int
    limit: int
    period: int
    resets_in: int
    is_local: bool = False

    @property
    def is_exceeded(self) -> bool:
        return self.count > self.limit


class RateLimited(Ratelimited):  # type: ignore[misc]
    """Too many: answered with 429 and these headers (draft-ietf-httpapi-ratelimit-headers)."""

    def __init__(self, usage: Usage) -> None:
        super().__init__(f"Too many requests. Try again in {usage.resets_in} seconds.")
        self.usage = usage

    @property
    def headers(self) -> dict[str, str]:
        usage = self.usage
        return {
            "Retry-After": str(usage.resets_in),
            "RateLimit": f'"{usage.scope}";r=0;t={usage.resets_in}',
            "RateLimit-Policy": f'"{usage.scope}";q={usage.limit};w={usage.period}',
        }


def limited(
    *limits: Limit,
    methods: Collection[str] = (),
    given_back_if: Callable[[HttpResponseBase], bool] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a view, or a method of one, with limits that are counted before it runs.

    methods: those that count; all of them if empty.
    given_back_if: an answer of which this is true takes its counts back.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            request = args[0] if hasattr(args[0], "META") else args[1]
            if methods and request.method not in methods:
                return view(*args, **kwargs)
            counted = check(request, *limits)
            answer = view(*args, **kwargs)
            if given_back_if and given_back_if(answer):
                give_back(counted)
            return answer

        return wrapper

    return decorate


def check(request: HttpRequest, *limits: Limit) -> list[Usage]:
    """Count the request by each limit in turn; the first that is exceeded raises RateLimited."""
    counted = []
    for limit in limits:
        value = limit.identify(request)
        if value is None:
            continue
        usage = count(limit.scope, value)
        if usage.is_exceeded:
            raise RateLimited(usage)
        counted.append(usage)
    return counted


def count(scope: str, value: str) -> Usage:
    """Count one more, atomically, in Redis, or in this process while Redis is away."""
    counter = _Counter.of(scope, value)
    try:
        return failover.limits.call(_count_in_redis, counter) or _count_here(counter)
    except failover.Away:
        return _count_here(counter)


def give_back(counted: Collection[Usage]) -> None:
    """Take each count back where it was made."""
    for usage in counted:
        if usage.is_local:
            local_counters.add(usage.key, -1, seconds=usage.resets_in)
            continue
        try:
            failover.limits.call(_decrease, usage.key)
        except failover.Away:
            continue


def look_up(scope: str, value: str) -> Usage:
    """How far the limit is used up in Redis, without counting. Raises failover.Away."""
    counter = _Counter.of(scope, value)
    return counter.used(failover.limits.call(_read, counter.key))


def reset(scope: str, value: str) -> bool:
    """Forget the count; whether there was one. Raises failover.Away."""
    deleted = failover.limits.call(_cache().delete, _Counter.of(scope, value).key)
    return bool(deleted)


def identifier(scope: str, value: str) -> str:
    """What stands in the key for the value: itself, or a keyed hash where that is asked for."""
    kind = scope.rpartition(":")[2]
    value = value.encode(errors="replace").decode()  # JSON may hold half a character
    hashed = kind in ALWAYS_HASHED or (
        kind in HASHED_IF_ASKED and settings.RATELIMIT_HASH_IDENTIFIERS
    )
    if hashed or len(value) > MAX_IDENTIFIER:
        digest = salted_hmac("rediskit.ratelimits", value, algorithm="sha256")
        return digest.hexdigest()[:32]
    return value.replace(SEPARATOR, "")


@dataclass(frozen=True, slots=True)
class _Counter:
    """One window of one rule for one identifier."""

    scope: str
    limit: int
    period: int
    value: str  # as django-ratelimit is given it
    window: int  # the last second of the window
    key: str

    @classmethod
    def of(cls, scope: str, raw: str) -> _Counter:
        limit, period = settings.RATE_LIMITS[scope]
        name = identifier(scope, raw)
        value = f"{SEPARATOR}{name}{SEPARATOR}"
        window = _get_window(value, period)
        return cls(scope, limit, period, value, window, PREFIX + _key(scope, name, window))

    def used(self, count: int) -> Usage:
        resets_in = max(self.window + 1 - int(time.time()), 1)
        return Usage(self.scope, self.key, count, self.limit, self.period, resets_in)


def _key(scope: str, name: str, window: int | str) -> str:
    return f"{scope}:{name}:{window}"


def _count_in_redis(counter: _Counter) -> Usage | None:
    """None if nothing can be counted at this key."""
    for _ in range(2):
        used = get_usage(
            None,  # asked by neither our key nor our rate
            group=counter.scope + SEPARATOR,
            key=lambda *_: counter.value,
            rate=(counter.limit, counter.period),
            increment=True,
        )
        if used["limit"]:
            return counter.used(used["count"])
        # Evicted between two commands, or something that is no counter lies there.
        _cache().delete(counter.key)
    return None


def _count_here(counter: _Counter) -> Usage:
    """This process's share of the limit."""
    used = counter.used(0)
    return replace(
        used,
        count=local_counters.add(counter.key, 1, seconds=used.resets_in),
        limit=math.ceil(counter.limit / settings.WEB_PROCESSES),
        is_local=True,
    )


def _decrease(key: str) -> None:
    with suppress(ValueError):  # its window is over
        _cache().decr(key)


def _read(key: str) -> int:
    try:
        return int(_cache().get(key, 0))
    except ValueError:
        return 0


def _cache() -> BaseCache:
    return caches[settings.RATELIMIT_USE_CACHE]
