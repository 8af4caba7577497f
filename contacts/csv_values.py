"""What a cell of an import may say, in English and Greek, and what it then means. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from contacts.attributes import CONTROL_CHARACTERS, MAX_VALUE_LENGTH
from contacts.models import Gender
from contacts.phone import InvalidPhone, normalise

_MAX_NAME_LENGTH = 100
_MAX_EMAIL_LENGTH = 254
_EARLIEST_BIRTHDAY = date(1900, 1, 1)
_ISO_DATE = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})")
_EUROPEAN_DATE = re.compile(r"(?P<day>[0-9]{1,2})([/.-])(?P<month>[0-9]{1,2})\2(?P<year>[0-9]{4})")
_is_email = EmailValidator()

Convert = Callable[[str], object]


class BadValue(ValueError):
    """A stable code and a sentence for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code: Final = code
        self.reason: Final = reason


def fold(word: str) -> str:
    """The word's letters and digits alone, without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", word).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def _words(table: Mapping[object, str]) -> dict[str, object]:
    return {fold(word): meaning for meaning, words in table.items() for word in words.split()}


GENDERS: Final = _words(
    {
        Gender.FEMALE.value: "female f woman w γυναίκα γυν γ θήλυ θ",
        Gender.MALE.value: "male m man άνδρας άντρας ανδ α άρρεν",
        Gender.OTHER.value: "other o x άλλο",
    }
)
ANSWERS: Final = _words({True: "true yes y 1 on ναι ν", False: "false no n 0 off όχι ο"})


def converters(*, country: str, today: date) -> dict[str, Convert]:
    """By field of a contact: a stripped, non-empty cell -> its value. They raise BadValue."""
    return {
        "phone": lambda cell: _phone(cell, country),
        "email": _email,
        "first_name": _name,
        "last_name": _name,
        "gender": lambda cell: _word(cell, GENDERS, "INVALID_GENDER", "female, male or other"),
        "birthday": lambda cell: _birthday(cell, today),
        "is_subscribed": lambda cell: _word(cell, ANSWERS, "INVALID_ANSWER", "yes or no"),
        "attributes": lambda cell: _text(cell, MAX_VALUE_LENGTH),
    }


def _phone(cell: str, country: str) -> str:
    try:
        return normalise(cell, country)
    except InvalidPhone as error:
        raise BadValue("INVALID_PHONE", f"{_quoted(cell)}: {error}") from error


def _email(cell: str) -> str:
    try:
        _is_email(cell)
    except ValidationError as error:
        raise BadValue("INVALID_EMAIL", f"{_quoted(cell)} is not an e-mail address.") from error
    return _text(cell, _MAX_EMAIL_LENGTH)


def _name(cell: str) -> str:
    return _text(cell, _MAX_NAME_LENGTH)


def _text(cell: str, max_length: int) -> str:
    text = " ".join(cell.split())
    if len(text) > max_length:
        raise BadValue("TOO_LONG", f"{_quoted(text)} has more than {max_length} characters.")
    if CONTROL_CHARACTERS.search(text):
        raise BadValue("INVALID_CHARACTER", "The cell contains control characters.")
    return text


def _word(cell: str, words: Mapping[str, object], code: str, expected: str) -> object:
    try:
        return words[fold(cell)]
    except KeyError as error:
        raise BadValue(code, f"{_quoted(cell)} is none of {expected}.") from error


def _birthday(cell: str, today: date) -> date:
    match = _ISO_DATE.fullmatch(cell) or _EUROPEAN_DATE.fullmatch(cell)
    try:
        parts = match.groupdict() if match else {}
        day = date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except (KeyError, ValueError) as error:
        reason = f"{_quoted(cell)} is not a date: write 1990-12-31 or 31/12/1990."
        raise BadValue("INVALID_DATE", reason) from error
    if not _EARLIEST_BIRTHDAY <= day <= today:
        raise BadValue("INVALID_DATE", f"{_quoted(cell)} is nobody's birthday.")
    return day


def _quoted(cell: str) -> str:
    shown = cell if len(cell) <= 40 else cell[:39] + "…"
    return '"' + CONTROL_CHARACTERS.sub(" ", shown) + '"'
