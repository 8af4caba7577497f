"""--broadcast ID, of the commands that look at one."""

from django.core.management.base import CommandError, CommandParser

from messaging.models import Broadcast


def add_broadcast(parser: CommandParser) -> None:
    parser.add_argument("--broadcast", type=int, metavar="ID", help="Only this one (default: all).")


def refuse_stranger(broadcast: int | None) -> None:
    """That all is well with a broadcast that is not there would comfort nobody."""
    if broadcast is not None and not Broadcast.objects.filter(pk=broadcast).exists():
        raise CommandError(f"There is no broadcast {broadcast}.")
