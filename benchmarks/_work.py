"""What benchmarks of the engine share; imported after the set-up, for it knows the models."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from django.utils import timezone

from accounts.models import Business
from benchmarks import _stage
from messaging import services
from messaging.models import Broadcast

COUNTED = 20_000  # recipients of the round in which statements are counted
_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:\n]+):\s*(BEGIN|COMMIT|ROLLBACK)?")


def make_business(contacts: int) -> Business:
    business = Business.objects.create(
        name=f"Bench {contacts}", sender_name="Bench", daily_message_cap=100_000_000
    )
    _stage.insert_contacts(business.pk, contacts)
    return business


def start_broadcast(business: Business) -> Broadcast:
    """To all its contacts, with the opt-out link at the end, as a campaign's."""
    return services.start_broadcast(
        business=business,
        text="{{first_name}}, 20% off everything this week.",
        sender="Bench",
        audience={"list": None, "filter": None, "on": timezone.localdate().isoformat()},
    )


def forget_messages() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE messaging_message, messaging_gatewayreference")
        cursor.execute("VACUUM ANALYZE messaging_message")
        cursor.execute("CHECKPOINT")


@dataclass
class Statements:
    """Of transactions: BEGIN, COMMIT and ROLLBACK."""

    number: int = 0
    of_transactions: int = 0

    def per_message(self, messages: int) -> dict[str, float]:
        return {
            "statements_per_message": self.number / messages,
            "begins_and_commits_per_message": self.of_transactions / messages,
        }


def tell_statements(per_message: dict[str, float]) -> str:
    statements, of_transactions = per_message.values()
    return (
        f"{statements:.4f} SQL statements per message, and {of_transactions:.4f} BEGIN and COMMIT."
    )


@contextmanager
def counted_statements() -> Iterator[Statements]:
    """How many statements the server gets meanwhile, by its own log.

    Of connections that are made meanwhile, and of ours between `SET log_statement = 'all'` and
    the end: what a benchmark asks to see how far things are is not the engine's.
    """
    log, start = _server_log()
    count = Statements()
    with connection.cursor() as cursor:
        # The log of a batch's parameters would cost more than the batch.
        cursor.execute("ALTER ROLE CURRENT_USER SET log_parameter_max_length = 0")
        cursor.execute("ALTER ROLE CURRENT_USER SET log_statement = 'all'")
        cursor.execute("SET log_parameter_max_length = 0")
    try:
        yield count
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET log_statement = 'none'")
            cursor.execute("ALTER ROLE CURRENT_USER RESET ALL")
    with log.open("rb") as file:
        file.seek(start)
        words = _STATEMENT.findall(file.read())
    count.of_transactions = sum(map(bool, words))
    count.number = len(words) - count.of_transactions


def count_ours() -> None:
    """The statements of this process, too."""
    with connection.cursor() as cursor:
        cursor.execute("SET log_statement = 'all'")


def _server_log() -> tuple[Path, int]:
    """Of the embedded server, and how long it is so far."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        log = Path(cursor.fetchone()[0]).parent / "logs" / "postgres.log"
    return log, log.stat().st_size
