"""Proves the counters of broadcasts against a full count of their messages."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging.management.commands._broadcast import add_broadcast, refuse_stranger
from messaging.services.counting import wrong_counters


class Command(BaseCommand):
    help = "Compare the counters of broadcasts with a full count; exits 1 if any differs."

    def add_arguments(self, parser: CommandParser) -> None:
        add_broadcast(parser)

    def handle(self, *_: Any, broadcast: int | None, **__: Any) -> None:
        refuse_stranger(broadcast)
        wrong = list(wrong_counters(broadcast_id=broadcast))
        for difference in wrong:
            self.stdout.write(str(difference))
        if wrong:
            raise CommandError(f"{len(wrong)} counters differ from what is counted.")
        self.stdout.write(self.style.SUCCESS("All counters are right."))
