"""What a form may ask for, and its words in other languages. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from nfc.models import OPTIONAL_FIELDS, PHONE

MAX_TEXT: Final = 4000  # characters of one text
_TEXTS: Final = ("consent_text", "thank_you_text", "offer_text")
_UNREADABLE: Final = re.compile("[\0\ud800-\udfff]")  # the database takes neither
_LANGUAGES: Final = dict(settings.LANGUAGES)


class InvalidForm(ValueError):
    """The message says what to correct."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code: Final = code


def check_fields(data: Any) -> dict[str, Any]:
    """{name: {"required": bool}}, in the order of the page. Raises InvalidForm."""
    if not isinstance(data, Mapping):
        raise InvalidForm("INVALID_FIELDS", 'Name fields, such as {"phone": {"required": true}}.')
    known = (PHONE, *OPTIONAL_FIELDS)
    if set(data) - set(known):
        raise InvalidForm("UNKNOWN_FIELD", f"A form can ask for {', '.join(known)}, no more.")
    for name, rule in data.items():
        if not isinstance(rule, Mapping) or set(rule) != {"required"}:
            raise InvalidForm("INVALID_FIELDS", f'Say {{"required": true}} or false for {name}.')
        if not isinstance(rule["required"], bool):
            raise InvalidForm("INVALID_FIELDS", f"Whether {name} is required is true or false.")
    if PHONE not in data or not data[PHONE]["required"]:
        raise InvalidForm("PHONE_REQUIRED", "Every form asks for the phone and requires it.")
    return {name: {"required": data[name]["required"]} for name in known if name in data}


def check_translations(data: Any) -> dict[str, dict[str, str]]:
    """{language: {"consent_text", "thank_you_text", "offer_text"?}}. Raises InvalidForm."""
    if not isinstance(data, Mapping):
        raise InvalidForm("INVALID_TRANSLATIONS", 'Name languages, such as {"el": {...}}.')
    if set(data) - set(_LANGUAGES):
        raise InvalidForm("UNKNOWN_LANGUAGE", f"The pages speak {', '.join(_LANGUAGES)} only.")
    return {code: _check_texts(code, texts) for code, texts in data.items()}


def _check_texts(code: str, texts: Any) -> dict[str, str]:
    if not isinstance(texts, Mapping) or set(texts) - set(_TEXTS):
        detail = f"A translation holds {', '.join(_TEXTS)} ({code})."
        raise InvalidForm("INVALID_TRANSLATIONS", detail)
    for name in _TEXTS:
        text = texts.get(name, "")
        if not isinstance(text, str) or len(text) > MAX_TEXT or _UNREADABLE.search(text):
            detail = f"{name} ({code}) is a text of at most {MAX_TEXT} characters."
            raise InvalidForm("INVALID_TRANSLATIONS", detail)
    for name in ("consent_text", "thank_you_text"):
        if not texts.get(name, "").strip():
            raise InvalidForm("INVALID_TRANSLATIONS", f"{name} is missing ({code}).")
    return {name: texts[name].strip() for name in _TEXTS if texts.get(name)}
