"""Rules by which a campaign comes again, in wall times of a zone. Pure.

A run belongs to a day: there is at most one on each, at the wall time of the series, whatever the
clocks did that day. The day is also what says which run is next.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final, NamedTuple, NotRequired, TypedDict
from zoneinfo import ZoneInfo

from campaigns.schedule import Schedule, from_wall_time

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY: Final = ("day", "week", "month")
MAX_COUNT: Final = 1000
LAST: Final = 31  # every month ends on it, as it were

# No rule leaves out so many of its own days in a row: a whole day is skipped by clocks at most.
_TRIES: Final = 10


class Recurrence(TypedDict):
    """As it is stored.

    weekdays: of WEEKDAYS, of a weekly rule. day: 1 to 31, of a monthly one; a month that is too
    short has it on its last day, so that 31 is the last day of every month.
    until: ISO day, the last on which there may be a run. count: how many runs there are at most.
    """

    every: str
    weekdays: NotRequired[list[str]]
    day: NotRequired[int]
    until: NotRequired[str]
    count: NotRequired[int]


class Due(NamedTuple):
    """run: the latest whose time has come. passed: how many are before it, the given one too."""

    run: Schedule
    passed: int


def first_run(
    rule: Recurrence, *, start: date, at: time, zone: ZoneInfo, now: datetime
) -> Schedule | None:
    """The first run on the day `start` or later, and after now; None if the series ends before."""
    # Of long ago no day need be looked at: a wall time is at most a day away from its instant.
    start = max(start, now.astimezone(zone).date() - timedelta(days=2))
    runs = (from_wall_time(day, at, zone) for day in islice(days(rule, start), _TRIES))
    return next((run for run in runs if run.instant > now), None)


def next_run(rule: Recurrence, *, last: Schedule, zone: ZoneInfo, now: datetime) -> Schedule | None:
    """The first run after both the last one and now; None if the series is over."""
    start = last.day + timedelta(days=1)
    return first_run(rule, start=start, at=last.time, zone=zone, now=max(now, last.instant))


def latest_due(rule: Recurrence, *, planned: Schedule, zone: ZoneInfo, now: datetime) -> Due:
    """The latest run whose time has come since the planned one's did."""
    run, passed = planned, 0
    for day in days(rule, planned.day + timedelta(days=1)):
        later = from_wall_time(day, planned.time, zone)
        if later.instant > now:
            break
        # A day that the clocks skip whole (Apia, 30 December 2011) has the instant of the next.
        if later.instant > run.instant:
            run, passed = later, passed + 1
    return Due(run, passed)


def days(rule: Recurrence, start: date) -> Iterator[date]:
    """The days of the rule, from `start` to its end or that of the calendar."""
    end = date.fromisoformat(rule["until"]) if "until" in rule else date.max
    for day in _endless(rule, start):
        if day > end:
            return
        yield day


def describe(rule: Recurrence) -> str:
    """Such as `every week on mon, thu, until 2027-12-31`."""
    on = ""
    if "weekdays" in rule:
        on = f" on {', '.join(rule['weekdays'])}"
    elif "day" in rule:
        on = " on its last day" if rule["day"] == LAST else f" on day {rule['day']}"
    ends = [f"until {rule['until']}"] if "until" in rule else []
    ends += [f"{rule['count']} times at most"] if "count" in rule else []
    return ", ".join([f"every {rule['every']}{on}", *ends])


def _endless(rule: Recurrence, start: date) -> Iterator[date]:
    if rule["every"] == "month":
        yield from _monthly(rule["day"], start)
        return
    wanted = {WEEKDAYS.index(name) for name in rule.get("weekdays", WEEKDAYS)}
    for ordinal in range(start.toordinal(), date.max.toordinal()):
        day = date.fromordinal(ordinal)
        if day.weekday() in wanted:
            yield day


def _monthly(number: int, start: date) -> Iterator[date]:
    for months in range(start.year * 12 + start.month - 1, date.max.year * 12):
        year, month = months // 12, months % 12 + 1
        day = date(year, month, min(number, monthrange(year, month)[1]))
        if day >= start:
            yield day
