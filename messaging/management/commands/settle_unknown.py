"""Messages whose fate nobody knows: shows them, and closes them if told to."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging.management.commands._broadcast import add_broadcast, refuse_stranger
from messaging.selectors import unknown_messages
from messaging.services import close_unknown


class Command(BaseCommand):
    help = (
        "List unknown messages by broadcast, or close them as failed (unconfirmed): by themselves "
        "they are after UNKNOWN_CLOSURE_HOURS. A report that comes later still lifts them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_broadcast(parser)
        parser.add_argument(
            "--older-than",
            type=_hours,
            default=timedelta(0),
            metavar="HOURS",
            help="Only what is unknown for so long, such as 24 or 0.5.",
        )
        parser.add_argument("--close-now", action="store_true", help="Close what is listed.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be closed.")

    def handle(
        self,
        *_: Any,
        broadcast: int | None,
        older_than: timedelta,
        close_now: bool,
        dry_run: bool,
        **__: Any,
    ) -> None:
        if dry_run and not close_now:
            raise CommandError("--dry-run goes with --close-now.")
        refuse_stranger(broadcast)
        chosen = None if broadcast is None else [broadcast]
        found = unknown_messages(older_than=older_than, broadcast_ids=chosen)
        for group in found:
            self.stdout.write(
                f"broadcast {group.broadcast_id} of {group.business}: {group.messages} unknown "
                f"since {group.since:%Y-%m-%d %H:%M} UTC ({', '.join(group.reasons)})"
            )
        total = sum(group.messages for group in found)
        if not close_now:
            self.stdout.write(f"{total} messages are unknown.")
        elif dry_run:
            self.stdout.write(f"Would close {total} messages; nothing was changed.")
        else:
            closed = close_unknown(older_than=older_than, broadcast_ids=chosen)
            self.stdout.write(self.style.SUCCESS(f"Closed {closed} messages as failed."))


def _hours(word: str) -> timedelta:
    try:
        hours = timedelta(hours=float(word))
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{word} is no number of hours") from None
    if hours < timedelta(0):
        raise ArgumentTypeError("must be 0 or more")
    return hours
