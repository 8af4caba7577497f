"""The free fields of a contact: names that templates can speak of, values that fit in an SMS."""

import re
from collections.abc import Mapping
from typing import Final

MAX_ATTRIBUTES: Final = 50
MAX_VALUE_LENGTH: Final = 500  # characters
NAME: Final = re.compile(r"[A-Za-z0-9_]{1,50}", re.ASCII)
CONTROL_CHARACTERS: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_NUMBER = 10**15  # beyond it JavaScript, among others, does not count exactly

Value = str | int | float | bool | None


class InvalidAttributes(ValueError):
    """The message is a sentence for people."""


def check_attributes(data: object) -> dict[str, Value]:
    """The data, if it is a flat object of few and short values. Raises InvalidAttributes."""
    if not isinstance(data, Mapping):
        raise InvalidAttributes('Attributes are an object, such as {"city": "Athens"}.')
    if len(data) > MAX_ATTRIBUTES:
        raise InvalidAttributes(f"A contact has {MAX_ATTRIBUTES} attributes at most.")
    return {_checked_name(name): _checked_value(name, value) for name, value in data.items()}


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidAttributes(
            f"{str(name)[:50]!r}: an attribute's name is 1 to 50 Latin letters, digits and _."
        )
    return name


def _checked_value(name: object, value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if abs(value) <= _MAX_NUMBER:  # neither NaN nor infinite either
            return value
        raise InvalidAttributes(f"The number in {name} is too large.")
    if not isinstance(value, str):
        raise InvalidAttributes(f"{name} is a text, a number, true, false or null.")
    if len(value) > MAX_VALUE_LENGTH:
        raise InvalidAttributes(f"{name} has more than {MAX_VALUE_LENGTH} characters.")
    if CONTROL_CHARACTERS.search(value):
        raise InvalidAttributes(f"{name} contains control characters.")
    return value
