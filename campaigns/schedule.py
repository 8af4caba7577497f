"""Wall times and the instants they mean. Pure."""

from datetime import UTC, date, datetime, time
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

# Days that clients may name: beyond, conversions between time zones leave the calendar.
EARLIEST: Final = date(1970, 1, 1)
LATEST: Final = date(2999, 12, 31)


class Schedule(NamedTuple):
    """What a person chose (day and time of a zone), and the instant that it means (UTC)."""

    day: date
    time: time
    zone: str
    instant: datetime


def from_wall_time(day: date, at: time, zone: ZoneInfo) -> Schedule:
    """A time that the clocks skip shifts forward by the gap; one that comes twice is the first."""
    # Both follow from fold=0 (PEP 495): the offset before the change applies.
    instant = datetime.combine(day, at.replace(fold=0), tzinfo=zone).astimezone(UTC)
    return Schedule(day, at, zone.key, instant)


def from_instant(instant: datetime, zone: ZoneInfo) -> Schedule:
    local = instant.astimezone(zone)
    return Schedule(local.date(), local.time(), zone.key, instant.astimezone(UTC))
