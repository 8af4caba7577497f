"""What users notice of a Redis that fails, and what becomes of the messages.

python3 run.py bench outage [--seconds 10] [--only paused]

A real web server, worker, beat and simulated gateway; cache and broker are two Redis servers. Four
clients read the list of campaigns, one renames a campaign, one logs out, one sends small campaigns,
and a large one is going out. After five seconds both servers are hurt, and healed after so many
more. Nothing is started again for it; what ends by itself would be, and is told. Where we are root
and have iproute2, Redis is in a network of its own, whose packets can be made to vanish.

The exit code is 1 if a bound is missed: no 5xx, no request beyond 1.5 s, the median within 20 ms of
the normal one from two seconds after the failure on, a hit within 30 s after it is over, no message
twice, and every message accounted for.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field

from benchmarks import _stage

_stage.set_up()

from benchmarks._faults import FAULTS, Fault  # noqa: E402 - only after the set-up
from benchmarks._installation import Installation, running_installation  # noqa: E402
from benchmarks._site import Answer, Manager, Site  # noqa: E402
from campaigns.selectors import broadcasts_of  # noqa: E402
from config.embedded.stack import stop_on_signals  # noqa: E402
from messaging.selectors import BroadcastStatistics  # noqa: E402
from messaging.selectors import statistics as statistics_of  # noqa: E402

NORMAL = 5.0  # seconds before the failure
SETTLING = 2.0  # seconds after it in which requests may still find out
RECOVERY = 30.0  # seconds, at most
SENDING = 180.0  # seconds that may pass until every message has its fate

WORST_MS = 1500
DIFFERENCE_MS = 20


@dataclass
class Row:
    """One fault. Milliseconds are of requests; `open` is when the failure is known."""

    fault: str
    requests: int
    errors: int  # no answer, 5xx, or a 4xx, which nobody here deserves
    worst_ms: int
    normal_ms: float
    open_ms: float
    recovery_seconds: float | None
    messages: int
    sent: int
    duplicates: int
    unaccounted: int
    restarted: list[str]
    missed: list[str] = field(default_factory=list)

    @property
    def difference_ms(self) -> float:
        return round(self.open_ms - self.normal_ms, 1)

    def judge(self) -> None:
        bounds = {
            "errors": self.errors == 0,
            "worst request": self.worst_ms <= WORST_MS,
            "median": self.difference_ms <= DIFFERENCE_MS,
            "recovery": self.recovery_seconds is not None and "web" not in self.restarted,
            "duplicates": self.duplicates == 0,
            "messages": self.unaccounted == 0,
        }
        self.missed = [name for name, is_kept in bounds.items() if not is_kept]


@dataclass(frozen=True)
class Moments:
    """By the monotonic clock."""

    began: float
    hurt: float
    healed: float


def measure(name: str, fault: Fault, installation: Installation, site: Site, seconds: int) -> Row:
    site.begin()
    installation.gateway.reset()
    with installation.restarts() as restarted:
        with site.busy():
            site.answers.append(site.send(site.large))
            installation.run_until(
                lambda: installation.gateway.counts()["accepted"] > 0, seconds=60
            )
            began = time.monotonic()
            installation.run(NORMAL)
            hurt = time.monotonic()
            installation.hurt(fault, seconds)
            healed = time.monotonic()
            fault.heal(installation.place)
            installation.run_until(lambda: bool(hits(site.answers, healed)), seconds=RECOVERY)
            moments = Moments(began, hurt, healed)
        installation.run_until(lambda: not unaccounted(site, installation), seconds=SENDING)
    row = tell(name, site, moments, installation)
    row.restarted = restarted
    row.judge()
    return row


def hits(answers: list[Answer], since: float) -> list[Answer]:
    return [each for each in answers[:] if each.began > since and each.cache == "hit"]


def total(site: Site) -> BroadcastStatistics:
    """Of all campaigns that were sent, and have been launched."""
    ids = [each for _, campaign in site.sent for each in broadcasts_of(campaign)]
    found = statistics_of(ids).values()
    counted = ("total", "sent", "delivered", "undelivered", "failed", "unknown")
    return BroadcastStatistics(
        **{name: sum(getattr(each, name) for each in found) for name in counted}
    )


def unaccounted(site: Site, installation: Installation) -> int:
    """Messages without a final report, and those that we and the gateway count differently."""
    counts = total(site)
    final = counts.delivered + counts.undelivered + counts.failed + counts.unknown
    taken = counts.sent + counts.delivered + counts.undelivered
    accepted = installation.gateway.counts()["accepted"]
    lost = max(taken - accepted, accepted - taken - counts.unknown, 0)
    return site.due - final + lost


def median_ms(answers: list[Answer], since: float, until: float) -> float:
    """Of the reads of the calmest second: what else the machine does is not asked."""
    slots: dict[int, list[float]] = {}
    for each in answers:
        if since < each.began < until and each.is_read:
            slots.setdefault(int(each.began - since), []).append(each.took)
    return round(min(statistics.median(slot) for slot in slots.values()) * 1000, 1)


def tell(name: str, site: Site, moments: Moments, installation: Installation) -> Row:
    answers = [each for each in site.answers if each.began >= moments.began]
    affected = [each for each in answers if each.ended > moments.hurt]
    recovered = min((each.ended for each in hits(answers, moments.healed)), default=None)
    counts = total(site)
    return Row(
        fault=name,
        requests=len(answers),
        errors=sum(each.status >= 400 for each in site.answers),
        worst_ms=round(max(each.took for each in affected) * 1000),
        normal_ms=median_ms(answers, moments.began, moments.hurt),
        open_ms=median_ms(answers, moments.hurt + SETTLING, moments.healed),
        recovery_seconds=None if recovered is None else round(recovered - moments.healed, 2),
        messages=site.due,
        sent=counts.sent + counts.delivered + counts.undelivered,
        duplicates=installation.gateway.counts()["duplicates"],
        unaccounted=unaccounted(site, installation),
        restarted=[],
    )


def chosen(only: list[str], installation: Installation) -> dict[str, Fault]:
    """Without those that cannot be tried here, which is said."""
    faults = {name: fault for name, fault in FAULTS.items() if not only or name in only}
    if installation.place.network is None:
        for name in [name for name, fault in faults.items() if fault.needs_network]:
            _stage.say(f"{name}: skipped: needs root and iproute2")
            del faults[name]
    return faults


def report(rows: list[Row]) -> None:
    print(
        f"{'':18} {'requests':>8} {'errors':>6} {'worst':>8} {'normal':>8} {'open':>8} "
        f"{'diff.':>8} {'back in':>8} {'sent':>6} {'twice':>5} {'lost':>5}"
    )
    for row in rows:
        recovery = "never" if row.recovery_seconds is None else f"{row.recovery_seconds:.1f} s"
        print(
            f"{row.fault:18} {row.requests:>8,} {row.errors:>6} {row.worst_ms:>5} ms "
            f"{row.normal_ms:>5} ms {row.open_ms:>5} ms {row.difference_ms:>5} ms "
            f"{recovery:>8} {row.sent:>6,} {row.duplicates:>5} {row.unaccounted:>5}"
        )
    for row in rows:
        if row.restarted:
            print(f"{row.fault}: ended and was started again: {', '.join(row.restarted)}")
        if row.missed:
            print(f"{row.fault}: MISSED: {', '.join(row.missed)}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py bench outage", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="of each outage, 5 to 60")
    parser.add_argument("--recipients", type=int, default=6000, help="of the large campaign")
    parser.add_argument("--only", action="append", choices=FAULTS, default=[], metavar="FAULT",
                        help=", ".join(FAULTS))  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args()
    if not 5 <= options.seconds <= 60:
        parser.error("an outage lasts 5 to 60 seconds")
    stop_on_signals()
    rows = []
    with running_installation() as installation:
        url = installation.url
        site = Site(Manager(url, contacts=options.recipients), Manager(url, contacts=1))
        for name, fault in chosen(options.only, installation).items():
            _stage.say(name)
            rows.append(measure(name, fault, installation, site, options.seconds))
    if options.json:
        figures = [asdict(row) | {"difference_ms": row.difference_ms} for row in rows]
        json.dump(figures, sys.stdout)
    else:
        report(rows)
    return 1 if any(row.missed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
