"""How fast an audience becomes messages, against COPY of the same rows by the server itself.

python3 run.py bench expand [--sizes 100000] [--rounds 3]

The engine reads contacts, renders and counts each text, and writes messages, batches, counters and
cursor, chunk by chunk, each chunk a durable transaction. The floor: rows made before by plain SQL,
read by one server-side COPY from a file into the same table with the same indexes. Both alternate,
so that a noisy machine slows both. To reach: at least half of the floor.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks import _stage

_stage.set_up()

from django.db import connection  # noqa: E402 - only after the set-up

from benchmarks import _work  # noqa: E402
from messaging import services  # noqa: E402
from messaging.models import Broadcast, Message  # noqa: E402
from messaging.services.counting import wrong_counters  # noqa: E402


@dataclass(frozen=True)
class Round:
    recipients: int
    floor_seconds: float
    engine_seconds: float
    first_chunk_seconds: float

    @property
    def of_floor(self) -> float:
        return self.floor_seconds / self.engine_seconds


_WRITE = """
COPY (
    SELECT translate(encode(substring(uuid_send(gen_random_uuid()) FOR 9), 'base64'), '+/', '-_'),
        business_id, %s::int8, id, phone, first_name || %s, 1::int2, 'queued', '',
        1 + (row_number() OVER ()) / 500
    FROM contacts_contact WHERE business_id = %s ORDER BY id
) TO %s (FORMAT BINARY)
"""
_READ = """
COPY messaging_message (public_id, business_id, broadcast_id, contact_id, phone, text, segments,
    status, reason, batch_id) FROM %s (FORMAT BINARY)
"""


def measure_floor(broadcast: Broadcast) -> float:
    text = ", 20% off everything this week.\nStop: http://127.0.0.1:8000/u/0123456789abcdefghij"
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        path = f"{cursor.fetchone()[0]}/floor.copy"
        cursor.execute(_as_text(_WRITE, broadcast.pk, text, broadcast.business_id, path))
        started = time.perf_counter()
        cursor.execute(_as_text(_READ, path))
        return time.perf_counter() - started


def _as_text(statement: str, *values: object) -> str:
    """COPY takes no parameters."""
    quoted = [value if isinstance(value, int) else f"'{value}'" for value in values]
    return statement.replace("%s", "{}").format(*quoted).replace("%", "%%")


def measure_engine(broadcast: Broadcast) -> tuple[float, float]:
    """Seconds for all, and for the first chunk alone: with it the sending begins."""
    started = time.perf_counter()
    first = 0.0
    while (chunk := services.expand_chunk(broadcast_id=broadcast.pk)) and not chunk.done:
        first = first or time.perf_counter() - started
    return time.perf_counter() - started, first


def measure(size: int) -> Round:
    business = _work.make_business(size)
    _work.forget_messages()
    floor = measure_floor(_work.start_broadcast(business))
    _work.forget_messages()
    broadcast = _work.start_broadcast(business)
    engine, first = measure_engine(broadcast)
    assert Message.objects.filter(broadcast=broadcast).count() == size
    assert not list(wrong_counters(broadcast_id=broadcast.pk))
    return Round(size, floor, engine, first)


def count_statements(size: int) -> dict[str, float]:
    """A message; not in a round that is timed, for the server's log costs time."""
    broadcast = _work.start_broadcast(_work.make_business(size))
    with _work.counted_statements() as statements:
        _work.count_ours()
        measure_engine(broadcast)
    return statements.per_message(size)


def report(rounds: list[Round], statements: dict[str, float]) -> None:
    head = f"{'recipients':>10} {'engine/s':>10} {'COPY/s':>10} {'of COPY':>8} {'first chunk':>12}"
    print(head)
    for each in rounds:
        print(
            f"{each.recipients:>10,} {each.recipients / each.engine_seconds:>10,.0f} "
            f"{each.recipients / each.floor_seconds:>10,.0f} {each.of_floor:>8.0%} "
            f"{each.first_chunk_seconds:>10.2f} s"
        )
    print(_work.tell_statements(statements))


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py bench expand", description=__doc__)
    parser.add_argument("--sizes", default="100000", help="recipients, by commas")
    parser.add_argument("--rounds", type=int, default=3, help="of each size")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        for size in map(int, options.sizes.split(",")):
            _stage.say(f"Round {number + 1}: {size:,} recipients")
            rounds.append(measure(size))
    statements = count_statements(_work.COUNTED)
    if options.json:
        figures = [asdict(each) | {"of_floor": each.of_floor} for each in rounds]
        json.dump({"rounds": figures} | statements, sys.stdout)
    else:
        report(rounds, statements)


if __name__ == "__main__":
    main()
