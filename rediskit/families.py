"""The families of keys that Tapline keeps in Redis, by the form of their names."""

import re
from collections.abc import Iterator
from typing import Any

from rediskit import connection, failover
from rediskit.connection import BROKER_PREFIX

# {resource}:v{version}:{owner}:..., the answers of views.
VERSIONED = re.compile(r"(?P<resource>(?:cache|stats|campaigns):[a-z:_]+?):v[0-9]+:[0-9]+(?::|$)")
# Beside them: cache:{resource}:{id}, gen:{resource}:{owner}, and what is named by its prefix.
OTHERS = re.compile(r"(?P<prefix>cache|gen|rl|lock|pace|beat):.+", re.DOTALL)


def family_of(key: bytes) -> str | None:
    """The resource of a versioned key, else the key's prefix; None: it is not ours.

    >>> family_of(b"stats:campaign:v1:1:5")
    'stats:campaign'
    >>> family_of(b"rl:login:ip:192.168.1.1:1795384368")
    'rl'
    >>> family_of(b"celery:sms")
    'celery'
    >>> family_of(b"somebody's")
    """
    name = key.decode(errors="replace")
    if name.startswith(BROKER_PREFIX):
        return BROKER_PREFIX.rstrip(":")
    if match := VERSIONED.match(name):
        return match["resource"]
    match = OTHERS.match(name)
    return match["prefix"] if match else None


def scan(url: str | None = None, *, limit: int | None = None) -> Iterator[list[bytes]]:
    """All keys of a database in batches, by SCAN; about `limit` at most. Raises failover.Away."""
    cursor, seen = 0, 0
    keys: Any
    while limit is None or seen < limit:
        cursor, keys = failover.cache.call(connection.client(url).scan, cursor, count=200)
        seen += len(keys)
        yield keys
        if cursor == 0:
            return
