"""The filter by which a dynamic list or a campaign chooses contacts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, TypedDict

from django.db.models import Q
from rest_framework.exceptions import ValidationError

from contacts.models import Gender

MAX_AGE: Final = 120
_KEYS: Final = frozenset({"gender", "age_min", "age_max"})


class AudienceFilter(TypedDict, total=False):
    """Ages in whole years, both ends included."""

    gender: str
    age_min: int
    age_max: int


def validate_audience_filter(data: object) -> AudienceFilter:
    """The filter without its empty parts. Raises ValidationError, naming the part that is wrong."""
    if not isinstance(data, Mapping):
        raise ValidationError('A filter is an object, such as {"gender": "female"}.')
    errors: dict[str, Any] = {
        str(key): ["A filter knows gender, age_min and age_max."]
        for key in data
        if key not in _KEYS
    }
    given = {key: value for key, value in data.items() if value is not None}
    if "gender" in given and given["gender"] not in Gender.values:
        errors["gender"] = [f"Choose one of {', '.join(Gender.values)}."]
    for key in ("age_min", "age_max"):
        if key in given and not _is_age(given[key]):
            errors[key] = [f"An age is a whole number from 0 to {MAX_AGE}."]
    if not errors and given.get("age_min", 0) > given.get("age_max", MAX_AGE):
        errors["age_max"] = ["The highest age is below the lowest."]
    if errors:
        raise ValidationError(errors)
    return AudienceFilter(**given)  # type: ignore[typeddict-item]


def _is_age(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_AGE


def matching(audience_filter: AudienceFilter, *, on: date) -> Q:
    """Contacts of the filter; ages are those reached on a day, as ranges of birthdays.

    Whoever has no birthday is of no age.
    """
    condition = Q()
    if "gender" in audience_filter:
        condition &= Q(gender=audience_filter["gender"])
    if "age_min" in audience_filter:
        condition &= Q(birthday__lte=years_before(on, audience_filter["age_min"]))
    if "age_max" in audience_filter:
        condition &= Q(birthday__gt=years_before(on, audience_filter["age_max"] + 1))
    return condition


def years_before(day: date, years: int) -> date:
    """The last birthday of those who are this many years old on the day."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February of a common year
        return day.replace(year=day.year - years, day=28)
