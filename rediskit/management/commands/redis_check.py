"""Tries, on the live servers, whether the Redis layer keeps its promises."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from rediskit import inspection, verification
from rediskit.failover import Away
from rediskit.verification import Doubtful, Failed

# The sections and rows of the list by which the layer is verified.
ROWS: dict[str, dict[str, Callable[[], str]]] = {
    "Connections": {
        "One client for all modules": verification.one_pool,
        "Lazy connection": verification.lazy,
        "Errors are handled": verification.errors_are_handled,
        "Reconnection": verification.reconnects,
        "Time-outs protect": verification.timeouts_protect,
    },
    "Keys": {
        "Names and prefixes of known families": verification.keys_are_ours,
        "Versions and owners": verification.keys_have_versions_and_owners,
    },
    "Lifetimes": {
        "Every answer expires in time": verification.keys_expire,
        "Value and TTL in one command": verification.set_with_ttl,
        "Invalidation": verification.invalidates,
    },
    "Performance": {
        "SCAN and batches instead of KEYS": verification.removes_by_prefix,
        "Latency": inspection.latency,
    },
    "Redis away": {
        "Answers without Redis, one warning": verification.works_without_redis,
        "Rate limits in memory": verification.limits_without_redis,
    },
    "Servers": {
        "Version": inspection.cache_version,
        "Databases": inspection.databases,
        "Eviction of the cache": inspection.cache_eviction,
        "Eviction of the broker": inspection.broker_eviction,
        "Persistence of the broker": inspection.broker_persistence,
        "Cache and broker apart": inspection.separation,
    },
}


class Command(BaseCommand):
    help = "Try on the live Redis servers what the Redis layer promises; exits 1 if any row fails."

    def handle(self, *_: Any, **__: Any) -> None:
        if not settings.REDIS_ENABLED:
            self.stdout.write("Redis is disabled: there is nothing to check.")
            return
        failed = 0
        for section, rows in ROWS.items():
            self.stdout.write(self.style.MIGRATE_HEADING(section))
            for title, check in rows.items():
                failed += not self._passes(title, check)
        if failed:
            raise CommandError(f"{failed} of the rows failed.")
        self.stdout.write(self.style.SUCCESS("Redis keeps what it promises."))

    def _passes(self, title: str, check: Callable[[], str]) -> bool:
        try:
            state, told = self.style.SUCCESS("ok  "), check()
        except Doubtful as doubt:
            state, told = self.style.WARNING("warn"), str(doubt)
        except (Failed, Away, DatabaseError) as problem:
            self.stdout.write(f"  {self.style.ERROR('FAIL')}  {title}: {problem}")
            return False
        self.stdout.write(f"  {state}  {title}: {told}")
        return True
