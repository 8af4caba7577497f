"""Days that no calendar has on the same date each year (pure)."""

import functools
from datetime import date


@functools.cache
def easter_sunday(year: int) -> date:
    """Of the western churches, by the anonymous Gregorian algorithm.

    >>> easter_sunday(2027)
    datetime.date(2027, 3, 28)
    """
    century, in_century = divmod(year, 100)
    golden = year % 19
    corrected = century - (century + 8) // 25 + 1
    moon = (19 * golden + century - century // 4 - corrected // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (in_century // 4) - moon - in_century % 4) % 7
    months = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * months + 114, 31)
    return date(year, month, day + 1)
