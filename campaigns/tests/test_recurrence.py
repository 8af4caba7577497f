"""Rules of recurring campaigns: their days, their ends, and what is next after an outage."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.recurrence import WEEKDAYS, Recurrence, days, first_run, latest_due, next_run
from campaigns.schedule import from_wall_time

ATHENS = ZoneInfo("Europe/Athens")
AT = time(10, 0)


def instant(text: str) -> datetime:
    """Of a wall time in Athens."""
    return datetime.fromisoformat(text).replace(tzinfo=ATHENS).astimezone(UTC)


class TestDays:
    @pytest.mark.parametrize(
        ("rule", "start", "found"),
        [
            ({"every": "day"}, "2027-02-27", ["2027-02-27", "2027-02-28", "2027-03-01"]),
            (
                {"every": "week", "weekdays": ["mon", "thu"]},
                "2027-03-02",  # a Tuesday
                ["2027-03-04", "2027-03-08", "2027-03-11"],
            ),
            ({"every": "month", "day": 15}, "2027-03-16", ["2027-04-15", "2027-05-15"]),
            (
                {"every": "month", "day": 31},
                "2027-12-31",
                ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"],
            ),
            ({"every": "month", "day": 29}, "2027-02-01", ["2027-02-28", "2027-03-29"]),
            ({"every": "day", "until": "2027-01-02"}, "2027-01-01", ["2027-01-01", "2027-01-02"]),
            ({"every": "day", "until": "2026-01-02"}, "2027-01-01", []),
            ({"every": "month", "day": 5}, "9999-12-06", []),
        ],
    )
    def test_of_a_rule(self, rule: Recurrence, start: str, found: list[str]) -> None:
        listed = days(rule, date.fromisoformat(start))
        assert [day.isoformat() for day in islice(listed, len(found) or 1)] == found
        if "until" in rule:
            assert next(listed, None) is None


class TestRuns:
    def test_the_first_is_on_the_first_day_of_the_rule(self) -> None:
        rule: Recurrence = {"every": "week", "weekdays": ["mon"]}
        run = first_run(
            rule, start=date(2027, 3, 2), at=AT, zone=ATHENS, now=instant("2027-03-01T12:00")
        )
        assert run == (date(2027, 3, 8), AT, "Europe/Athens", instant("2027-03-08T10:00"))

    def test_the_next_keeps_the_wall_time_when_the_clocks_change(self) -> None:
        run = from_wall_time(date(2027, 3, 27), AT, ATHENS)
        following = next_run({"every": "day"}, last=run, zone=ATHENS, now=run.instant)
        assert following is not None
        assert following.instant == instant("2027-03-28T10:00")
        assert following.instant - run.instant == timedelta(hours=23)

    def test_the_next_is_after_now_however_long_ago_the_last_was(self) -> None:
        last = from_wall_time(date(2020, 1, 1), AT, ATHENS)
        now = instant("2027-03-05T10:00")
        following = next_run({"every": "day"}, last=last, zone=ATHENS, now=now)
        assert following is not None
        assert following.instant == instant("2027-03-06T10:00")

    def test_a_run_brought_forward_is_still_that_of_its_day(self) -> None:
        last = from_wall_time(date(2027, 3, 8), AT, ATHENS)._replace(
            instant=instant("2027-03-05T09:00")
        )
        following = next_run({"every": "day"}, last=last, zone=ATHENS, now=last.instant)
        assert following is not None
        assert following.day == date(2027, 3, 9)

    def test_there_is_none_after_the_last_day(self) -> None:
        last = from_wall_time(date(2027, 3, 8), AT, ATHENS)
        rule: Recurrence = {"every": "day", "until": "2027-03-08"}
        assert next_run(rule, last=last, zone=ATHENS, now=last.instant) is None

    def test_a_business_that_moved_goes_on_in_its_new_zone_and_not_twice_a_day(self) -> None:
        last = from_wall_time(date(2027, 3, 8), AT, ATHENS)
        new_york = ZoneInfo("America/New_York")
        following = next_run({"every": "day"}, last=last, zone=new_york, now=last.instant)
        assert following == from_wall_time(date(2027, 3, 9), AT, new_york)


class TestOutages:
    @pytest.mark.parametrize(
        ("now", "run", "passed"),
        [
            ("2027-03-01T10:00", "2027-03-01", 0),
            ("2027-03-02T09:59", "2027-03-01", 0),
            ("2027-03-02T10:00", "2027-03-02", 1),
            ("2027-04-01T12:00", "2027-04-01", 31),  # over the change of the clocks
        ],
    )
    def test_the_latest_run_counts(self, now: str, run: str, passed: int) -> None:
        planned = from_wall_time(date(2027, 3, 1), AT, ATHENS)
        due = latest_due({"every": "day"}, planned=planned, zone=ATHENS, now=instant(now))
        assert (due.run.day.isoformat(), due.passed) == (run, passed)

    def test_after_the_last_day_no_more_pass(self) -> None:
        planned = from_wall_time(date(2027, 3, 1), AT, ATHENS)
        rule: Recurrence = {"every": "day", "until": "2027-03-03"}
        due = latest_due(rule, planned=planned, zone=ATHENS, now=instant("2028-01-01T00:00"))
        assert (due.run.day, due.passed) == (date(2027, 3, 3), 2)


rules = st.one_of(
    st.just({"every": "day"}),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(
        lambda names: {"every": "week", "weekdays": names}
    ),
    st.integers(1, 31).map(lambda day: {"every": "month", "day": day}),
)
zones = st.sampled_from(
    ["Europe/Athens", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
).map(ZoneInfo)


@given(
    rule=rules,
    zone=zones,
    at=st.times().map(lambda at: at.replace(microsecond=0)),
    start=st.dates(date(2005, 1, 1), date(2035, 1, 1)),
    hours=st.integers(0, 5000),
)
def test_however_long_the_outage_no_run_is_lost_or_comes_twice(
    rule: Recurrence, zone: ZoneInfo, at: time, start: date, hours: int
) -> None:
    """Every run is the launched one, passed over, or still to come."""
    begin = datetime.combine(start, time.min, UTC) - timedelta(days=2)
    planned = first_run(rule, start=start, at=at, zone=zone, now=begin)
    assert planned is not None
    now = planned.instant + timedelta(hours=hours)
    due = latest_due(rule, planned=planned, zone=zone, now=now)
    following = next_run(rule, last=due.run, zone=zone, now=now)
    assert following is not None
    assert planned.instant <= due.run.instant <= now < following.instant
    walked, run = 0, planned
    while run.instant <= now:
        later = next_run(rule, last=run, zone=zone, now=run.instant)
        assert later is not None
        walked, run = walked + 1, later
    assert (walked, run.instant) == (due.passed + 1, following.instant)
