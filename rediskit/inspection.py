"""What `redis_check` reads of the servers: eviction, persistence, databases, memory, latency."""

import statistics
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from rediskit import connection, failover
from rediskit.checks import shared_with_broker
from rediskit.failover import Away
from rediskit.verification import Doubtful, Failed

SAMPLES = 300
OLDEST_VERSION = (6, 2)


def cache_version() -> str:
    version = str(_info(_cache_url(), "server")["redis_version"])
    parts = tuple(int(part) for part in version.split(".")[:2])
    if parts < OLDEST_VERSION:
        raise Failed(f"Redis {version}; 6.2 is the oldest that has what we use")
    return f"Redis {version}"


def cache_eviction() -> str:
    memory = _info(_cache_url(), "memory")
    policy, limit = memory["maxmemory_policy"], memory["maxmemory"]
    told = f"{policy}, {_mebibytes(memory['used_memory'])} of {_mebibytes(limit)}"
    if not limit:
        raise Doubtful(f"{policy}, but no maxmemory: nothing is evicted, the machine fills up")
    if policy == "noeviction":
        raise Failed(f"{told}: a full cache takes no values any more; set volatile-lru")
    if policy != "volatile-lru":
        raise Doubtful(f"{told}: volatile-lru is what was tested")
    return told


def broker_eviction() -> str:
    memory = _info(_broker_url(), "memory")
    policy = memory["maxmemory_policy"]
    if policy.startswith("allkeys-") and memory["maxmemory"]:
        raise Failed(f"{policy}: a full server forgets queues; set noeviction")
    if policy != "noeviction" and memory["maxmemory"]:
        raise Doubtful(f"{policy}: queues stay, as they have no TTL; noeviction is what they need")
    return str(policy)


def broker_persistence() -> str:
    persistence = _info(_broker_url(), "persistence")
    if not persistence["aof_enabled"]:
        raise Doubtful("no append-only file: a restart loses the queues, the sweeps ring anew")
    if persistence["aof_last_write_status"] != "ok":
        raise Failed("the append-only file cannot be written")
    return "append-only file"


def separation() -> str:
    shared = shared_with_broker(settings.REDIS_URL, settings.CELERY_BROKER_URL)
    if shared:
        raise Doubtful(
            f"cache and broker share a {shared}; the broker's keys begin with"
            f" {connection.BROKER_PREFIX}"
        )
    return "cache and broker are two servers"


def databases() -> str:
    """Each can be written to: its number exists, its user may."""
    for circuit, url in (
        (failover.cache, _cache_url()),
        (failover.limits, settings.LIMITS_REDIS_URL),
        (failover.broker, _broker_url()),
    ):
        client = connection.client(url)
        circuit.call(client.set, "lock:redis_check", b"1", px=1000)
    numbers = [
        str(connection.client(url).connection_pool.connection_kwargs.get("db", 0))
        for url in (_cache_url(), _broker_url())
    ]
    return f"cache in {numbers[0]}, broker in {numbers[1]}: both take commands"


def latency() -> str:
    client = connection.client()
    failover.cache.call(client.ping)
    taken = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        failover.cache.call(client.ping)
        taken.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    told = f"{SAMPLES} PINGs, ms: p50 {cuts[49]:.2f}, p95 {cuts[94]:.2f}, p99 {cuts[98]:.2f}"
    told += f", worst {max(taken):.2f}"
    if cuts[49] > 5:
        raise Doubtful(f"{told}: a cache this far away hardly helps")
    return told


def _cache_url() -> str:
    return settings.REDIS_URL


def _broker_url() -> str:
    return connection.in_redis_words(settings.CELERY_BROKER_URL)


def _info(url: str, section: str) -> Mapping[str, Any]:
    """Read by INFO: managed services often close CONFIG."""
    circuit = failover.broker if url == _broker_url() else failover.cache
    try:
        result: Mapping[str, Any] = circuit.call(connection.client(url).info, section)
    except Away as error:
        if circuit.is_open:
            raise
        raise Doubtful(f"INFO is closed to us: {error}") from error
    return result


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
