"""Removes what is cached under a prefix; the next readers compute it anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rediskit import failover
from rediskit.connection import BROKER_PREFIX
from rediskit.versioned_cache import delete_prefix, keys_by_prefix


class Command(BaseCommand):
    help = "Remove every key of the cache that begins with a prefix; never one of Celery's."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prefix", required=True, help="Such as stats:campaign:v1:1:")
        parser.add_argument("--dry-run", action="store_true", help="Only count them.")

    def handle(self, *_: Any, prefix: str, dry_run: bool, **__: Any) -> None:
        if prefix.startswith(BROKER_PREFIX) or BROKER_PREFIX.startswith(prefix):
            raise CommandError(f"{prefix!r} would meet Celery's queues ({BROKER_PREFIX}*).")
        try:
            count = _count(prefix) if dry_run else delete_prefix(prefix)
        except failover.Away as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} keys {'would be ' if dry_run else ''}removed.")


def _count(prefix: str) -> int:
    return len({key for keys in keys_by_prefix(prefix) for key in keys})
