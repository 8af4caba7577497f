"""What is in the cache, and how often it helps."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rediskit import connection, failover, families

STRANGERS = "(not ours)"


class Command(BaseCommand):
    help = "Show hits and misses of the cache server, and keys and bytes of each family of keys."

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            self._show_server(failover.cache.call(connection.client().info, "stats"))
            self._show_families()
        except failover.Away as error:
            raise CommandError(str(error)) from error

    def _show_server(self, statistics: dict[str, Any]) -> None:
        """Since the server started, by all who use it."""
        hits, misses = statistics["keyspace_hits"], statistics["keyspace_misses"]
        share = f" ({hits / (hits + misses):.0%} hits)" if hits + misses else ""
        self.stdout.write(f"{hits} keys found, {misses} not found{share},")
        expired, evicted = statistics["expired_keys"], statistics["evicted_keys"]
        self.stdout.write(f"{expired} expired, {evicted} evicted since the server started.")

    def _show_families(self) -> None:
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for keys in families.scan():
            pipeline = connection.client().pipeline(transaction=False)
            for key in keys:
                pipeline.memory_usage(key)
            for key, size in zip(keys, failover.cache.call(pipeline.execute), strict=True):
                family = families.family_of(key) or STRANGERS
                counts[family] += 1
                sizes[family] += size or 0  # None: it is gone by now
        self.stdout.write(f"{'family':24}{'keys':>10}{'bytes':>14}")
        for family, count in sorted(counts.items()):
            self.stdout.write(f"{family:24}{count:>10}{sizes[family]:>14}")
