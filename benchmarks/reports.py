"""How many delivery reports a second are taken in, and applied.

python3 run.py bench reports [--seconds 5] [--reports 100000] [--rounds 2]

Taken in, by the real web server: single reports at 32 connections, arrays of 500 at 4. Each is
answered once it is on disk. The floor: the same bodies inserted and committed one by one, by as
many sessions as the web server has threads. Applied: stored arrays become statuses and counters;
the floor is plain SQL that marks the same messages, 500 at a time, in one session. The client
shares the cores. To reach: 1,500 single posts, 100,000 in arrays, 30,000 applied.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import _stage

_stage.set_up()

from django.conf import settings  # noqa: E402 - only after the set-up
from django.db import connection  # noqa: E402

from benchmarks import _work  # noqa: E402
from config.embedded import programs  # noqa: E402
from config.embedded.process import Processes  # noqa: E402
from config.embedded.supervisor import Supervisor  # noqa: E402
from messaging import services  # noqa: E402
from messaging.models import Broadcast, GatewayEvent, GatewayReference, Message  # noqa: E402
from messaging.services.counting import wrong_counters  # noqa: E402

SINGLE_CONNECTIONS, ARRAY_CONNECTIONS, ARRAY = 32, 4, 500
PATH = "/webhooks/mitto/delivery/"


@dataclass(frozen=True)
class Figure:
    what: str
    per_second: float
    floor_per_second: float

    @property
    def of_floor(self) -> float:
        return self.per_second / self.floor_per_second


def bodies(ids: list[str], size: int) -> list[bytes]:
    """As Mitto writes them: an object, or an array."""
    reports = [
        {
            "messageId": gateway_id,
            "deliveryStatus": "Delivered",
            "updatedAt": "2026-11-22T10:00:00.000Z",
            "description": "Delivered to handset",
        }
        for gateway_id in ids
    ]
    if size == 1:
        return [json.dumps(report).encode() for report in reports]
    starts = range(0, len(reports), size)
    return [json.dumps(reports[start : start + size]).encode() for start in starts]


@contextmanager
def running_web() -> Iterator[str]:
    port = _stage.unused_port()
    web = programs.web("127.0.0.1", port, os.environ, probe="/livez")
    with tempfile.TemporaryDirectory() as logs, Processes() as processes:
        supervisor = Supervisor(processes, Path(logs))
        supervisor.start([web])
        try:
            supervisor.wait_until_answering([web])
            yield programs.local_url("127.0.0.1", port)
        finally:
            supervisor.stop()


async def post_for(url: str, body: bytes, connections: int, seconds: float) -> float:
    """Posts that were acknowledged, a second. Raw sockets: a client's library would cost more."""
    parts = urlsplit(url)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"X-Webhook-Secret: {settings.MITTO_WEBHOOK_SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    until = time.perf_counter() + seconds

    async def post_one_after_another() -> int:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        done = 0
        while time.perf_counter() < until:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 202 " in answer[:20], answer
            done += 1
        writer.close()
        return done

    started = time.perf_counter()
    done = await asyncio.gather(*[post_one_after_another() for _ in range(connections)])
    return sum(done) / (time.perf_counter() - started)


_STORE = """
INSERT INTO messaging_gatewayevent (gateway, kind, raw, state, problem)
VALUES ('mitto', 'delivery', %s, 'pending', '')
"""


def store_for(body: bytes, sessions: int, seconds: float) -> float:
    """Durable inserts a second, by plain SQL."""
    done = [0] * sessions
    until = time.perf_counter() + seconds

    def store(number: int) -> None:
        try:
            with connection.cursor() as cursor:
                while time.perf_counter() < until:
                    cursor.execute(_STORE, [body])
                    done[number] += 1
        finally:
            connection.close()

    threads = [threading.Thread(target=store, args=(number,)) for number in range(sessions)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


def forget_events() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE messaging_gatewayevent, messaging_waitingreport CASCADE")


def measure_intake(seconds: float) -> list[Figure]:
    figures = []
    kinds = (("single posts", 1, SINGLE_CONNECTIONS), ("in arrays", ARRAY, ARRAY_CONNECTIONS))
    with running_web() as url:
        for what, size, connections in kinds:
            body = bodies([f"nobody-s-{number:012}" for number in range(size)], size)[0]
            asyncio.run(post_for(url, body, connections, 1))  # warm
            posts = asyncio.run(post_for(url, body, connections, seconds))
            forget_events()
            floor = store_for(body, min(connections, programs.WEB_THREADS), seconds)
            forget_events()
            figures.append(Figure(f"reports accepted, {what}", posts * size, floor * size))
    return figures


_SENT = """
WITH inserted AS (
    INSERT INTO messaging_message (public_id, business_id, broadcast_id, contact_id, phone, text,
        segments, status, reason, sent_at)
    SELECT translate(encode(substring(uuid_send(gen_random_uuid()) FOR 9), 'base64'), '+/', '-_'),
        business_id, %(broadcast)s, id, phone, 'Hello', 1, 'sent', '', now()
    FROM contacts_contact WHERE business_id = %(business)s ORDER BY id
    RETURNING id, public_id
), reference AS (
    INSERT INTO messaging_gatewayreference SELECT 'gateway-s-own-' || public_id, id FROM inserted
)
UPDATE messaging_broadcastcounters SET total = n, sent = n
FROM (SELECT count(*) AS n FROM inserted) counted WHERE broadcast_id = %(broadcast)s
"""
_MARK = """
UPDATE messaging_message SET status = 'delivered', reported_at = now() WHERE id IN (
    SELECT message_id FROM messaging_gatewayreference WHERE gateway_message_id = ANY(%s))
"""


def make_sent(number: int) -> tuple[Broadcast, list[str]]:
    """Messages that the gateway has accepted, and their ids there, in the order of sending."""
    _work.forget_messages()
    broadcast = _work.start_broadcast(_work.make_business(number))
    values = {"broadcast": broadcast.pk, "business": broadcast.business_id}
    with connection.cursor() as cursor:
        cursor.execute(_SENT, values)
        cursor.execute("VACUUM ANALYZE messaging_message, messaging_gatewayreference")
    references = GatewayReference.objects.order_by("message_id")
    return broadcast, list(references.values_list("gateway_message_id", flat=True))


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def mark(ids: list[str]) -> None:
    with connection.cursor() as cursor:
        for start in range(0, len(ids), ARRAY):
            cursor.execute(_MARK, [ids[start : start + ARRAY]])


def apply_all() -> None:
    while services.apply_stored_events():
        pass


def measure_applying(number: int, size: int) -> Figure:
    _, ids = make_sent(number)
    floor = timed(lambda: mark(ids))
    broadcast, ids = make_sent(number)
    GatewayEvent.objects.bulk_create(
        GatewayEvent(gateway="mitto", kind="delivery", raw=body) for body in bodies(ids, size)
    )
    seconds = timed(apply_all)
    delivered = Message.objects.filter(broadcast=broadcast, status="delivered").count()
    assert delivered == number, "not every report was applied"
    assert not list(wrong_counters(broadcast_id=broadcast.pk))
    forget_events()
    what = f"reports applied, {'single' if size == 1 else f'arrays of {size}'}"
    return Figure(what, number / seconds, number / floor)


def report(figures: list[Figure]) -> None:
    print(f"{'':34} {'a second':>10} {'SQL floor':>10} {'of floor':>9}")
    for each in sorted(figures, key=lambda figure: figure.what):
        print(
            f"{each.what:34} {each.per_second:>10,.0f} {each.floor_per_second:>10,.0f} "
            f"{each.of_floor:>9.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="run.py bench reports", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="for each kind of post")
    parser.add_argument("--reports", type=int, default=100_000, help="to be applied")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    figures = []
    for number in range(options.rounds):
        _stage.say(f"Round {number + 1}")
        figures += measure_intake(options.seconds)
        figures += [measure_applying(options.reports, size) for size in (1, ARRAY)]
    if options.json:
        json.dump([asdict(each) | {"of_floor": each.of_floor} for each in figures], sys.stdout)
    else:
        report(figures)


if __name__ == "__main__":
    main()
