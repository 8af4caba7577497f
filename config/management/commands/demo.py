"""Send a campaign to made-up customers through the whole system, and check every count."""

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from accounts.models import Business
from config.demo import DemoResult, DemoStalled, run_demo
from config.management.commands.seed_demo import NAME


class Command(BaseCommand):
    help = (
        "Import the sample contacts, send them a campaign through the simulated gateway, wait for "
        "the delivery reports, and compare the counters with the gateway's own. Exits 0 only if "
        "every message is accounted for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--contacts", type=int, metavar="N", help="so many made-up contacts")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *_: Any, contacts: int | None, **options: Any) -> None:
        if contacts is not None and contacts < 1:
            raise CommandError("--contacts takes a number of at least 1.")
        if not _is_simulated(settings.MITTO_API_BASE):
            raise CommandError("The demo sends through the simulated gateway only.")
        business = Business.objects.filter(name=NAME).order_by("id").first()
        if business is None:
            raise CommandError(f"There is no {NAME}: run the command seed_demo first.")
        result = _run(business, contacts)
        if options["json"]:
            self.stdout.write(json.dumps(result.as_dict()))
        else:
            _print(result)
        if not result.is_accounted_for:
            raise CommandError("Not every message is accounted for.")


def _is_simulated(base: str) -> bool:
    """No real customer may ever get the demo's texts."""
    return base.startswith(("http://127.0.0.1:", "http://localhost:"))


def _run(business: Business, contacts: int | None) -> DemoResult:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
                if not console.is_terminal:
                    sys.stderr.write(f"{what} ...\n")
            bars.update(tasks[what], completed=done, total=total or None)

        try:
            return run_demo(business=business, contacts=contacts, progress=progress)
        except DemoStalled as error:
            raise CommandError(str(error)) from error


def _print(result: DemoResult) -> None:
    table = Table(title="The demo campaign")
    table.add_column("what")
    table.add_column("number", justify="right")
    for name, value in result.as_dict().items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console().print(table)
