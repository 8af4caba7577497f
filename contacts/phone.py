"""Phone numbers: the one place that turns what people write into E.164."""

import re
import unicodedata
from typing import Final, Literal

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

Reason = Literal["EMPTY", "NOT_A_NUMBER", "TOO_SHORT", "TOO_LONG", "NOT_IN_USE"]

_SENTENCES: Final[dict[Reason, str]] = {
    "EMPTY": "The phone number is missing.",
    "NOT_A_NUMBER": "This is not a phone number: only digits, spaces and + - . / ( ) belong in it.",
    "TOO_SHORT": "The phone number is too short.",
    "TOO_LONG": "The phone number is too long.",
    "NOT_IN_USE": "No such phone number exists: check its first digits and its length.",
}
_LENGTHS: Final[dict[int, Reason]] = {
    ValidationResult.TOO_SHORT: "TOO_SHORT",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "TOO_SHORT",
    ValidationResult.TOO_LONG: "TOO_LONG",
}
_MAX_RAW_LENGTH = 64
_SEPARATORS = re.compile(r"[\s().\-‐‑‒–—−/]+")
_DIGITS = re.compile(r"\+?[0-9]+")


class InvalidPhone(ValueError):
    """Not a number that can be dialled; the message is a sentence for people."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_SENTENCES[reason])
        self.reason: Final = reason


def normalise(raw: str, country: str) -> str:
    """The E.164 form of a valid number; numbers without a country code are the country's.

    country: two capital letters. Raises InvalidPhone.
    """
    digits = _dialled(raw)
    try:
        number = phonenumbers.parse(digits, country)
    except NumberParseException as error:
        too_long = error.error_type == NumberParseException.TOO_LONG
        raise InvalidPhone("TOO_LONG" if too_long else "TOO_SHORT") from error
    if not phonenumbers.is_valid_number(number):
        length = phonenumbers.is_possible_number_with_reason(number)
        raise InvalidPhone(_LENGTHS.get(length, "NOT_IN_USE"))
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def country_of(phone: str) -> str:
    """Of a number in E.164: two capital letters, or 001 for numbers of no country."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""


def _dialled(raw: str) -> str:
    """ASCII digits with an optional leading +, whatever script or layout they came in."""
    if len(raw) > _MAX_RAW_LENGTH:
        raise InvalidPhone("TOO_LONG")
    text = raw if raw.isascii() else _ascii_digits(raw)
    # An apostrophe is how spreadsheets mark a number that is to be kept as text.
    text = _SEPARATORS.sub("", text).removeprefix("'")
    if text.startswith("00"):
        text = "+" + text[2:]
    if not text:
        raise InvalidPhone("EMPTY")
    if not _DIGITS.fullmatch(text):
        raise InvalidPhone("NOT_A_NUMBER")
    return text


def _ascii_digits(raw: str) -> str:
    """Full-width and Arabic digits as ASCII; invisible marks (bidi, zero width) dropped."""
    characters = unicodedata.normalize("NFKC", raw)
    return "".join(
        str(unicodedata.decimal(character, character))
        for character in characters
        if unicodedata.category(character) != "Cf"
    )
