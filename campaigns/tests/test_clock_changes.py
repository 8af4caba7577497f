"""Wall times through every change of the clocks of every IANA zone, from 2005 to 2037.

The changes are found by asking the zones for their offsets at instants; what a wall time means is
then checked from instants back to wall times, which is never ambiguous.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest

from campaigns.recurrence import WEEKDAYS, Recurrence, first_run, latest_due, next_run
from campaigns.schedule import Schedule, from_wall_time

ZONES = sorted(available_timezones())
FROM, TO = datetime(2005, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)
# Morocco's clocks change twice around Ramadan, a month apart: nothing is missed by this step.
STEP = timedelta(days=14)
MINUTE = timedelta(minutes=1)
DAILY: Recurrence = {"every": "day"}


class Change(NamedTuple):
    """The first instant of the new offset, and how far the clocks go forward then."""

    zone: ZoneInfo
    instant: datetime
    forward: timedelta

    @property
    def before(self) -> datetime:
        """The wall time that the old offset would show at the instant."""
        return wall_time(self.instant, self.zone) - self.forward


def wall_time(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    found = instant.astimezone(zone).utcoffset()
    assert found is not None
    return found


@cache
def changes() -> list[Change]:
    found = [change for key in ZONES for change in changes_of(ZoneInfo(key))]
    assert len(ZONES) > 400
    assert len(found) > 5_000
    return found


def changes_of(zone: ZoneInfo) -> Iterator[Change]:
    start, known = FROM, offset(FROM, zone)
    while start < TO:
        end = start + STEP
        if (after := offset(end, zone)) != known:
            low, high = 0, STEP // MINUTE  # all are on the minute
            while high - low > 1:
                middle = (low + high) // 2
                is_known = offset(start + middle * MINUTE, zone) == known
                low, high = (middle, high) if is_known else (low, middle)
            yield Change(zone, start + high * MINUTE, after - known)
        start, known = end, after


def gaps() -> list[Change]:
    return [change for change in changes() if change.forward > timedelta(0)]


def overlaps() -> list[Change]:
    return [change for change in changes() if change.forward < timedelta(0)]


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    return from_wall_time(wall.date(), wall.time(), zone).instant


def test_a_time_that_the_clocks_skip_shifts_forward_by_what_they_skip() -> None:
    for zone, instant, forward in gaps():
        first = wall_time(instant, zone) - forward
        for part in (timedelta(0), forward / 2, forward - timedelta(seconds=1)):
            meant = instant_of(first + part, zone)
            assert meant == instant + part, (zone.key, first + part)
            assert wall_time(meant, zone) == first + part + forward


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    for zone, instant, forward in overlaps():
        first = wall_time(instant, zone)
        for part in (timedelta(0), -forward / 2, -forward - timedelta(seconds=1)):
            meant = instant_of(first + part, zone)
            assert wall_time(meant, zone) == first + part, (zone.key, first + part)
            assert meant == instant + forward + part < instant
            assert wall_time(meant - forward, zone) == first + part  # it does come again


def test_around_a_change_every_other_time_is_its_own() -> None:
    for change in changes():
        for hours in (-30, -3, 3, 30):
            instant = change.instant + timedelta(hours=hours)
            wall = wall_time(instant, change.zone)
            meant = instant_of(wall, change.zone)
            assert meant == instant or wall_time(meant, change.zone) == wall


def around(change: Change, at: time) -> tuple[list[Schedule], date]:
    """A daily series from five days before to five days after, and its first day."""
    day = change.before.date() - timedelta(days=5)
    now = from_wall_time(day, at, change.zone).instant - timedelta(seconds=1)
    run = first_run(DAILY, start=day, at=at, zone=change.zone, now=now)
    runs = []
    while run is not None and run.day <= day + timedelta(days=10):
        runs.append(run)
        run = next_run(DAILY, last=run, zone=change.zone, now=run.instant)
    return runs, day


@pytest.mark.parametrize("minutes", [-1, 0, 30])
def test_a_daily_series_has_one_run_a_day_at_its_wall_time(minutes: int) -> None:
    """The time is that of the change itself, the one that can go wrong, or close to it."""
    for change in latest_changes():
        at = (change.before + timedelta(minutes=minutes)).time().replace(microsecond=0)
        runs, first = around(change, at)
        whole_days = max(0, change.forward // timedelta(days=1))  # Apia did without one
        days = [first + timedelta(days=number) for number in range(11)]
        assert len(runs) == 11 - whole_days, change
        assert {run.day for run in runs} <= set(days)
        assert all(earlier.instant < later.instant for earlier, later in pairwise(runs))
        for run in runs:
            local = wall_time(run.instant, change.zone)
            kept = (run.day, at) == (local.date(), local.time())
            assert kept or shifted(run, local), (change, run)


@pytest.mark.parametrize("every", ["week", "month"])
def test_a_rarer_series_meets_each_change_once_at_its_wall_time(every: str) -> None:
    """Its day is that of the change, and its time the one that may be missing or come twice."""
    for change in latest_changes():
        day, at = change.before.date(), change.before.time().replace(microsecond=0)
        rule: Recurrence = {"every": every}
        if every == "week":
            rule["weekdays"] = [WEEKDAYS[day.weekday()]]
        else:
            rule["day"] = day.day
        eve = from_wall_time(day - timedelta(days=3), at, change.zone).instant
        run = first_run(rule, start=eve.date(), at=at, zone=change.zone, now=eve)
        assert run is not None
        assert run.day == day, change
        local = wall_time(run.instant, change.zone)
        assert (day, at) == (local.date(), local.time()) or shifted(run, local), change
        following = next_run(rule, last=run, zone=change.zone, now=run.instant)
        assert following is not None
        assert following.day >= day + timedelta(days=7), (change, following)


def shifted(run: Schedule, local: datetime) -> bool:
    """Whether the run's wall time does not exist: it shows as a later one."""
    zone = ZoneInfo(run.zone)
    wanted = datetime.combine(run.day, run.time)
    exists = any(
        wall_time(run.instant + timedelta(minutes=15 * quarters), zone) == wanted
        for quarters in range(-100, 101)
    )
    return not exists and local > wanted


def latest_changes() -> list[Change]:
    """For each zone its last change by each distance: 1,000 instead of 20,000."""
    return list({(change.zone.key, change.forward): change for change in changes()}.values())


def test_an_outage_over_a_change_leaves_one_run_to_launch() -> None:
    for change in latest_changes():
        runs, _ = around(change, time(10, 0))
        now = runs[-1].instant + timedelta(hours=1)
        due = latest_due(DAILY, planned=runs[0], zone=change.zone, now=now)
        assert due.run.instant == runs[-1].instant
        assert due.passed == len(runs) - 1
        following = next_run(DAILY, last=due.run, zone=change.zone, now=now)
        assert following is not None
        assert following.instant > now


def test_the_day_that_samoa_did_without_has_no_run_of_its_own() -> None:
    """30 December 2011 never was in Apia: its ten o'clock is that of the 31st."""
    zone = ZoneInfo("Pacific/Apia")
    change = Change(zone, datetime(2011, 12, 30, 10, tzinfo=UTC), timedelta(days=1))
    assert change in changes()
    runs, _ = around(change, time(10, 0))
    locals_ = [wall_time(run.instant, zone).day for run in runs]
    assert locals_ == [25, 26, 27, 28, 29, 31, 1, 2, 3, 4]


def test_half_hours_and_quarters_are_no_exception() -> None:
    """Lord Howe changes by 30 minutes; Caracas and Pyongyang moved their offset by as much."""
    half = timedelta(minutes=30)
    moved = {change.zone.key for change in changes() if abs(change.forward) == half}
    assert {"Australia/Lord_Howe", "America/Caracas", "Asia/Pyongyang"} <= moved
