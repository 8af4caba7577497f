"""Tries again to apply what gateways posted and we could not understand."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from messaging import services, tasks
from messaging.models import GatewayEvent
from rediskit.doorbell import ring_on_commit


class Command(BaseCommand):
    help = "Take gateway events out of quarantine, after an upgrade that can read them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, help="Of the events (default: all).")
        parser.add_argument("--kind", choices=GatewayEvent.Kind.values, help="Only of this kind.")
        parser.add_argument("--dry-run", action="store_true", help="Only list them.")

    def handle(self, *_: Any, ids: list[int], kind: str, dry_run: bool, **__: Any) -> None:
        events = GatewayEvent.objects.filter(state=GatewayEvent.State.QUARANTINED).order_by("id")
        if ids:
            events = events.filter(pk__in=ids)
        if kind:
            events = events.filter(kind=kind)
        for event in events.defer("raw").iterator():
            received = f"{event.received_at:%Y-%m-%d %H:%M:%S} UTC"
            self.stdout.write(f"{event.pk} {event.kind} {received}: {event.problem}")
        if dry_run:
            self.stdout.write(f"{events.count()} events are in quarantine; nothing was changed.")
            return
        moved = services.replay_events(ids=list(events.values_list("pk", flat=True)))
        ring_on_commit(tasks.apply_events)
        ring_on_commit(tasks.apply_inbound)
        self.stdout.write(self.style.SUCCESS(f"{moved} events will be tried again."))
