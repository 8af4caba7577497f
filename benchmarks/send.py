"""How fast a campaign goes out, against the floor that plain SQL sets for the same rows.

python3 run.py bench send [--sizes 10000,100000] [--rounds 2]

End to end: audience to messages to batches to a real HTTP gateway (simulated, 0 ms, on the same
cores) to recorded results, by a real Celery worker. The floor: the same messages inserted by one
server-side INSERT .. SELECT, then marked as sent and referenced 500 at a time by plain SQL in one
session. Floor and engine alternate, so that a noisy machine slows both. The engine's rules are on:
opt-outs, quiet hours, pace, frequency cap, daily cap.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import time as time_of_day
from datetime import timedelta

from benchmarks import _stage

_stage.set_up()

from django.db import connection  # noqa: E402 - only after the set-up
from django.utils import timezone  # noqa: E402

from accounts.models import Business  # noqa: E402
from benchmarks import _work  # noqa: E402
from contacts.models import Suppression  # noqa: E402
from messaging.models import Broadcast, BroadcastCounters  # noqa: E402
from messaging.services.counting import wrong_counters  # noqa: E402
from messaging.tasks import expand  # noqa: E402
from rediskit.doorbell import ring  # noqa: E402


@dataclass(frozen=True)
class Round:
    recipients: int
    floor_seconds: float
    engine_seconds: float
    first_sms_seconds: float
    peak_memory_mb: float

    @property
    def ratio(self) -> float:
        """How many times the floor the engine takes."""
        return self.engine_seconds / self.floor_seconds


_FLOOR_INSERT = """
INSERT INTO messaging_message (public_id, business_id, broadcast_id, contact_id, phone, text,
    segments, status, reason, batch_id)
SELECT translate(encode(substring(uuid_send(gen_random_uuid()) FOR 9), 'base64'), '+/', '-_'),
    business_id, %s, id, phone, first_name || %s, 1, 'queued', '', 1 + (row_number() OVER ()) / 500
FROM contacts_contact WHERE business_id = %s ORDER BY id
"""
_FLOOR_MARK = """
WITH moved AS (
    UPDATE messaging_message SET status = 'sent', sent_at = now()
    WHERE id BETWEEN %(first)s AND %(first)s + 499 AND broadcast_id = %(broadcast)s
    RETURNING id, public_id
)
INSERT INTO messaging_gatewayreference SELECT 'floor-' || public_id, id FROM moved
"""


def measure_floor(broadcast: Broadcast) -> float:
    text = ", 20% off everything this week.\nStop: http://127.0.0.1:8000/u/0123456789abcdefghij"
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(_FLOOR_INSERT, [broadcast.pk, text, broadcast.business_id])
        cursor.execute(
            "SELECT min(id), max(id) FROM messaging_message WHERE broadcast_id = %s", [broadcast.pk]
        )
        first, last = cursor.fetchone()
        for start in range(first, last + 1, 500):
            cursor.execute(_FLOOR_MARK, {"first": start, "broadcast": broadcast.pk})
    return time.perf_counter() - started


def measure_engine(broadcast: Broadcast) -> tuple[float, float]:
    """Seconds until the last result is recorded, and until the first one was."""
    started, launched = time.perf_counter(), timezone.now()
    ring(expand, broadcast.pk)
    while Broadcast.objects.filter(pk=broadcast.pk, status="sending").exists():
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    first = BroadcastCounters.objects.get(broadcast=broadcast).first_sent_at
    assert first is not None
    return seconds, (first - launched).total_seconds()


def measure(size: int, gateway: _stage.Gateway) -> Round:
    business = _work.make_business(size)
    switch_rules_on(business)
    _work.forget_messages()
    floor = _work.start_broadcast(business)
    floor_seconds = measure_floor(floor)
    Broadcast.objects.filter(pk=floor.pk).update(status="cancelled")
    _work.forget_messages()
    with warm_worker() as pid:
        gateway.reset()
        engine_seconds, first = measure_engine(_work.start_broadcast(business))
        memory = _stage.peak_memory(pid)
    assert gateway.counts()["accepted"] == size, "the gateway has another number of messages"
    assert not list(wrong_counters(broadcast_id=business.broadcasts.latest("id").pk))
    return Round(size, floor_seconds, engine_seconds, first, memory)


def switch_rules_on(business: Business) -> None:
    """Every check of the engine has something to look at, and holds nobody back."""
    business.quiet_from, business.quiet_until = _hours_from_now(11), _hours_from_now(12)
    business.pace = 10_000_000
    business.frequency_cap_messages, business.frequency_cap_days = 100, 1
    business.save()
    Suppression.objects.bulk_create(
        Suppression(business=business, phone=f"+3068{number:08}") for number in range(10_000)
    )


def _hours_from_now(hours: int) -> time_of_day:
    return (timezone.now() + timedelta(hours=hours)).time()


def count_statements(size: int) -> dict[str, float]:
    """A message; not in a round that is timed, for the server's log costs time."""
    business = _work.make_business(size)
    switch_rules_on(business)
    with _work.counted_statements() as statements, _stage.running_worker():
        measure_engine(_work.start_broadcast(business))
    return statements.per_message(size)


@contextmanager
def warm_worker() -> Iterator[int]:
    """It is once it has sent something."""
    with _stage.running_worker() as pid:
        measure_engine(_work.start_broadcast(_work.make_business(1000)))
        yield pid


def report(rounds: list[Round], statements: dict[str, float]) -> None:
    head = f"{'recipients':>10} {'engine/s':>10} {'floor/s':>10} {'x floor':>8} {'first SMS':>10}"
    print(head + f" {'peak MB':>8}")
    for each in rounds:
        print(
            f"{each.recipients:>10,} {each.recipients / each.engine_seconds:>10,.0f} "
            f"{each.recipients / each.floor_seconds:>10,.0f} {each.ratio:>8.2f} "
            f"{each.first_sms_seconds:>8.2f} s {each.peak_memory_mb:>8.1f}"
        )
    smallest = min(each.recipients for each in rounds)
    by_size = {each.recipients: each.peak_memory_mb for each in rounds}
    for size, memory in by_size.items():
        if size != smallest:
            print(f"Memory at {size:,}: {memory / by_size[smallest]:.2f} x that at {smallest:,}.")
    print(_work.tell_statements(statements))


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py bench send", description=__doc__)
    parser.add_argument("--sizes", default="10000,100000", help="recipients, by commas")
    parser.add_argument("--rounds", type=int, default=2, help="of each size")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    rounds = []
    with _stage.running_gateway() as gateway:
        for number in range(options.rounds):
            for size in sizes:
                _stage.say(f"Round {number + 1}: {size:,} recipients")
                rounds.append(measure(size, gateway))
        statements = count_statements(_work.COUNTED)
    if options.json:
        figures = [asdict(each) | {"ratio": each.ratio} for each in rounds]
        json.dump({"rounds": figures} | statements, sys.stdout)
    else:
        report(rounds, statements)


if __name__ == "__main__":
    main()
