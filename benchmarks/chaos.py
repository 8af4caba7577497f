"""Whatever dies, nobody is texted twice and nobody is lost: a kill test of the whole system.

python3 run.py bench chaos [--kills 30] [--messages 20000] [--seed 1] [--batch 50]

Workers, or single processes of their pool, are killed with -9 at random while messages are queued.
The gateway takes its time, loses 3 % of its replies and answers 5 % of the calls with 503. The
broker is flushed and killed, the cache is killed, PostgreSQL is restarted and killed. Delivery
reports come in all the while. At the end the gateway's ledger, the messages and the counters are
laid side by side; exit code 1 if anything does not hold. A seed repeats the plan, not the moments.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from benchmarks import _stage

_stage.set_up()

from django.conf import settings  # noqa: E402 - only after the set-up
from django.db.models import F, Sum  # noqa: E402
from django.utils import timezone  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402

from accounts.models import Business  # noqa: E402
from benchmarks._system import System, running_system  # noqa: E402
from messaging import services  # noqa: E402
from messaging.models import (  # noqa: E402
    Batch,
    Broadcast,
    BroadcastCounters,
    GatewayEvent,
    Message,
    MessageProblem,
)
from messaging.services.counting import wrong_counters  # noqa: E402
from messaging.tasks import expand, look_up_reports  # noqa: E402
from rediskit.doorbell import ring  # noqa: E402

CONCURRENCY = 2
LATENCY_MS = 300
LOST_REPLIES, ERRORS, UNDELIVERED = 0.03, 0.05, 0.05
REPORTS_AFTER_MS = 1000
SHARES = (0.5, 0.3, 0.15, 0.05)  # of the messages, a business each
# A call that the machine is too busy for must not pass for one that the gateway lost.
OWN = {
    "SENDERS": str(CONCURRENCY),
    "GATEWAY_CALL_DEADLINE": "10",
    "SEND_LEASE": "13",
    "GATEWAY_BACK_OFF": "1",
    "SIM_LATENCY_MS": str(LATENCY_MS),
    "SIM_LOST_REPLY_RATE": str(LOST_REPLIES),
    "SIM_ERROR_RATE": str(ERRORS),
    "SIM_UNDELIVERED_RATE": str(UNDELIVERED),
    "SIM_REPORT_DELAY_MS": str(REPORTS_AFTER_MS),
    "GATEWAY_LOOKUPS": "5000",
}
KNOWN = frozenset({"sent", "delivered", "undelivered"})
ENDED = KNOWN | {"unknown"}


@dataclass(frozen=True)
class Incident:
    at: float  # the share of the messages that have left the queue
    pause: float  # seconds more, so that every phase of a call is met
    name: str  # of what the system does


@dataclass(frozen=True)
class Finding:
    what: str
    holds: bool
    figures: str


def plan(kills: int, dice: random.Random) -> list[Incident]:
    """Kills, and every twelve of them one of each misfortune of a server."""
    names = [dice.choice(("kill_worker", "kill_worker", "kill_pool_process")) for _ in range(kills)]
    servers = ("flush_broker", "kill_broker", "kill_cache", "restart_postgres", "kill_postgres")
    names += servers * max(kills // 12, 1)
    incidents = [
        Incident(dice.uniform(0.02, 0.9), dice.uniform(0, 2 * LATENCY_MS / 1000), name)
        for name in names
    ]
    return sorted(incidents, key=lambda incident: incident.at)


def start_broadcasts(messages: int) -> list[Broadcast]:
    broadcasts = []
    first = 1
    for share in SHARES:
        business = Business.objects.create(
            name=f"Store of {share:.0%}", sender_name="Chaos", daily_message_cap=100_000_000
        )
        number = round(messages * share)
        _stage.insert_contacts(business.pk, number, first=first)
        first += number
        broadcasts.append(
            services.start_broadcast(
                business=business,
                text="{{first_name}}, 20% off everything this week.",
                sender="Chaos",
                audience={"list": None, "filter": None, "on": timezone.localdate().isoformat()},
            )
        )
    return broadcasts


def queued(messages: int) -> int:
    """Of all, those not expanded yet included."""
    left = BroadcastCounters.objects.aggregate(left=Sum(F("total") - F("queued")))["left"]
    return messages - (left or 0)


def live_through(system: System, incidents: list[Incident], messages: int, seed: int) -> None:
    dice = random.Random(seed)
    for number, incident in enumerate(incidents, 1):
        system.wait_until(
            lambda at=incident.at: queued(messages) <= messages * (1 - at),  # type: ignore[misc]
            seconds=300,
            what=f"{incident.at:.0%} of the messages",
        )
        time.sleep(incident.pause)
        _stage.say(f"{number:>3} of {len(incidents)}: {incident.at:4.0%} {incident.name}")
        happen(system, incident, dice)


def happen(system: System, incident: Incident, dice: random.Random) -> None:
    for _ in range(100):
        try:
            getattr(system, incident.name)(dice)
        except RedisError:  # it is not back from the last time
            system.look_after()
            time.sleep(0.2)
        else:
            return


def is_sent_out(broadcasts: list[Broadcast]) -> bool:
    ids = [broadcast.pk for broadcast in broadcasts]
    return not Broadcast.objects.filter(pk__in=ids).exclude(status="completed").exists()


def is_reported() -> bool:
    pending = GatewayEvent.objects.filter(state=GatewayEvent.State.PENDING)
    return not pending.exists() and not Message.objects.filter(status="sent").exists()


def compare(system: System, messages: int, most_unknown: int) -> list[Finding]:
    gateway, accepted = system.gateway.counts(), system.gateway.accepted()
    # In one snapshot, for look-ups settle some of the unknown even now.
    stands = dict(Message.objects.values_list("phone", "status"))
    statuses = Counter(stands.values())
    known = {phone for phone, status in stands.items() if status in KNOWN}
    listed = {phone for phone, status in stands.items() if status in ENDED}
    unknown = MessageProblem.objects.filter(status="unknown").values("message_id").distinct()
    wrong = [str(difference) for difference in wrong_counters()]
    return [
        Finding(
            "nobody is texted twice",
            gateway["max_per_destination"] == 1 and gateway["duplicates"] == 0,
            f"at most {gateway['max_per_destination']} to one phone",
        ),
        Finding(
            "nobody is lost",
            statuses.total() == messages == Message.objects.count() and set(statuses) <= ENDED,
            ", ".join(f"{number:,} {status}" for status, number in sorted(statuses.items())),
        ),
        Finding(
            "what the gateway accepted is known as such, or unknown",
            accepted <= listed and known <= accepted,
            f"{len(accepted):,} accepted, {len(known - accepted)} said to be and are not",
        ),
        Finding(
            "unknown: at most (kills x processes + lost replies + 503s) x batch",
            unknown.count() <= most_unknown,
            f"{unknown.count():,} of at most {most_unknown:,}",
        ),
        Finding("the counters equal a full count", not wrong, "; ".join(wrong) or "all do"),
    ]


def measure(options: argparse.Namespace) -> list[Finding]:
    incidents = plan(options.kills, random.Random(options.seed))
    broadcasts = start_broadcasts(options.messages)
    own = {**OWN, "SEND_BATCH_SIZE": str(options.batch), "SIM_SEED": str(options.seed)}
    os.environ |= own
    with running_system(own) as system:
        for broadcast in broadcasts:
            ring(expand, broadcast.pk)
        started = time.monotonic()
        live_through(system, incidents, options.messages, options.seed)
        await_(system, lambda: is_sent_out(broadcasts), "the end of all broadcasts")
        await_(system, is_reported, "a report on every message that is sent")
        _stage.say(f"All over after {time.monotonic() - started:.0f} s.")
        gateway = system.gateway.counts()
        calls = options.kills * CONCURRENCY + gateway["lost_replies"] + gateway["errors"]
        lost = Batch.objects.filter(state=Batch.State.LOST).count()
        _stage.say(
            f"{lost} batches lost to kills; {gateway['lost_replies']} replies lost, "
            f"{gateway['errors']} times 503."
        )
        return compare(system, options.messages, calls * options.batch) + settle(system)


def settle(system: System) -> list[Finding]:
    """What became of the unknown: first by reports, the gateway being asked, then by time."""
    system.gateway.set(SIM_LATENCY_MS=0, SIM_LOST_REPLY_RATE=0, SIM_ERROR_RATE=0)
    accepted = system.gateway.accepted()
    unknown = Message.objects.filter(status="unknown")

    def is_settled() -> bool:
        ring(look_up_reports)
        time.sleep(1)
        return not accepted & set(unknown.values_list("phone", flat=True))

    await_(system, is_settled, "the settlement of what the gateway accepted")
    left = set(unknown.values_list("phone", flat=True))
    MessageProblem.objects.update(
        created_at=F("created_at") - timedelta(hours=settings.UNKNOWN_CLOSURE_HOURS + 1)
    )
    services.close_unknown()
    unconfirmed = Message.objects.filter(status="failed", reason="unconfirmed").count()
    wrong = [str(difference) for difference in wrong_counters()]
    return [
        Finding(
            "unknown ones that were accepted are settled by their reports",
            not accepted & left,
            f"{len(accepted & left)} of {len(accepted):,} left",
        ),
        Finding(
            "the others are closed when their time is over",
            unconfirmed == len(left) and not unknown.exists(),
            f"{unconfirmed:,} failed: unconfirmed",
        ),
        Finding(
            "nobody is texted for that, and the counters equal a full count",
            not wrong and system.gateway.counts()["accepted"] == len(accepted),
            "; ".join(wrong) or "all do",
        ),
    ]


def await_(system: System, condition: Callable[[], bool], what: str) -> None:
    """If it does not come about, the comparison says what is wrong, and how."""
    try:
        system.wait_until(condition, seconds=240, what=what)
    except TimeoutError as error:
        _stage.say(str(error))


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py bench chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=50, help="messages in a call")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args()
    findings = measure(options)
    if options.json:
        json.dump([asdict(finding) for finding in findings], sys.stdout)
    else:
        for finding in findings:
            print(f"{'holds' if finding.holds else 'FAILS':6} {finding.what}: {finding.figures}")
    return 0 if all(finding.holds for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
