"""Message templates: plain text with placeholders for what is known of a contact.

`{{first_name}}`, `{{last_name}}`, `{{attributes.city}}`; after a bar what to write when the value
is missing or blank: `{{first_name|there}}`. Single braces are plain text.

Links of the message itself: `{{offer_link}}` leads to its offer; `{{link.1}}` to the first address
of its text, and is put there by tracking, never by people.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, Literal, NamedTuple, Self

MAX_TEXT_LENGTH: Final = 1600  # characters of the template

ErrorCode = Literal[
    "EMPTY_TEXT",
    "TEXT_TOO_LONG",
    "INVALID_CHARACTER",
    "UNKNOWN_PLACEHOLDER",
    "MALFORMED_PLACEHOLDER",
    "NO_OFFER",
]

_ALLOWED = "first_name, last_name, attributes.<name>"
_NAMES = frozenset({"first_name", "last_name"})
_ATTRIBUTE_PREFIX = "attributes."
_OFFER_LINK = "offer_link"

_TOKEN = re.compile(r"\{\{(?P<inside>.*?)\}\}|\{\{|\}\}", re.DOTALL)
_PLACEHOLDER = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\|(?P<default>[^|{}\n]*))?")
_ATTRIBUTE_NAME = re.compile(r"[\w-]{1,64}")
_SHORT_LINK = re.compile(r"link\.([1-9][0-9]?)")
_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Control characters, line breaks, lone surrogates, and marks that reverse the reading direction.
_UNSAFE_IN_VALUES = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)


class TemplateError(ValueError):
    """What a person has to correct; `position` counts characters from 1, None for the whole."""

    def __init__(self, code: ErrorCode, detail: str, position: int | None = None) -> None:
        super().__init__(detail)
        self.code: Final = code
        self.detail: Final = detail
        self.position: Final = position


class Values(NamedTuple):
    """What is known of one recipient, and of the message. Attribute values are JSON values.

    link_base: what the message's links begin with, without a slash at the end.
    """

    first_name: str | None = None
    last_name: str | None = None
    attributes: Mapping[str, object] = {}
    public_id: str = ""
    link_base: str = ""


class Columns(NamedTuple):
    """The values of many, with one link_base; an object for each would cost as much as its text."""

    first_names: Sequence[str | None]
    last_names: Sequence[str | None]
    attributes: Sequence[Mapping[str, object]]
    public_ids: Sequence[str]
    link_base: str

    @classmethod
    def of(cls, one: Values) -> Self:
        names = [one.first_name], [one.last_name]
        return cls(*names, [one.attributes], [one.public_id], one.link_base)


@dataclass(frozen=True, slots=True)
class Placeholder:
    name: str  # first_name, last_name, or the bare name of an attribute
    is_attribute: bool
    default: str

    def fill(self, columns: Columns) -> list[str]:
        values: Sequence[object]
        if self.is_attribute:
            values = [attributes.get(self.name) for attributes in columns.attributes]
        elif self.name == "first_name":
            values = columns.first_names
        else:
            values = columns.last_names
        return [_clean(value) or self.default for value in values]


@dataclass(frozen=True, slots=True)
class Link:
    """An address of ours that names the message; number: of the link among those of its text."""

    path: str
    number: str = ""

    @property
    def is_offer(self) -> bool:
        return not self.number

    def fill(self, columns: Columns) -> list[str]:
        start = f"{columns.link_base}/{self.path}/"
        return [f"{start}{public_id}{self.number}" for public_id in columns.public_ids]


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[str | Placeholder | Link, ...]

    @property
    def leads_to_offer(self) -> bool:
        return any(isinstance(part, Link) and part.is_offer for part in self.parts)

    @property
    def reads_attributes(self) -> bool:
        return any(isinstance(part, Placeholder) and part.is_attribute for part in self.parts)

    def render(self, values: Values) -> str:
        return self.render_all(Columns.of(values))[0]

    def render_all(self, columns: Columns) -> list[str]:
        """The finished texts, stripped at their ends; values are never read as template."""
        filled = [
            repeat(part, len(columns.public_ids)) if isinstance(part, str) else part.fill(columns)
            for part in self.parts or [""]
        ]
        return ["".join(pieces).strip() for pieces in zip(*filled, strict=True)]


def compile_template(text: str, *, has_offer: bool = True) -> Template:
    """Parse once, render for each recipient; raises TemplateError for a faulty placeholder.

    has_offer: whether the error may name offer_link among what is allowed.
    """
    text = _normalize_newlines(text)
    parts: list[str | Placeholder | Link] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() > end:
            parts.append(text[end : token.start()])
        parts.append(_parse_placeholder(token, has_offer=has_offer))
        end = token.end()
    if end < len(text):
        parts.append(text[end:])
    return Template(tuple(parts))


def validate_template_text(text: str, *, has_offer: bool = True) -> None:
    """Raise TemplateError unless people may save the text and have it sent."""
    text = _normalize_newlines(text)
    if not text.strip():
        raise TemplateError("EMPTY_TEXT", "The text is empty.")
    if len(text) > MAX_TEXT_LENGTH:
        detail = f"The text has {len(text)} characters; at most {MAX_TEXT_LENGTH} are allowed."
        raise TemplateError("TEXT_TOO_LONG", detail)
    if forbidden := _FORBIDDEN.search(text):
        position = forbidden.start() + 1
        detail = f"Control character U+{ord(forbidden[0]):04X} at character {position}."
        raise TemplateError("INVALID_CHARACTER", detail, position)
    compile_template(text, has_offer=has_offer)
    for token in _TOKEN.finditer(text):
        if _SHORT_LINK.fullmatch(name := token["inside"].partition("|")[0].strip()):
            raise _unknown(name, token.start() + 1, has_offer=has_offer)


def _normalize_newlines(text: str) -> str:
    """Browsers submit CRLF, which would cost a septet more per line."""
    return text.replace("\r\n", "\n")


def _parse_placeholder(token: re.Match[str], *, has_offer: bool) -> Placeholder | Link:
    position = token.start() + 1
    inside = token["inside"]
    if inside is None:
        other = "}}" if token[0] == "{{" else "{{"
        detail = f'"{token[0]}" at character {position} lacks its "{other}".'
        raise TemplateError("MALFORMED_PLACEHOLDER", detail, position)
    match = _PLACEHOLDER.fullmatch(inside)
    if match is None:
        detail = (
            f'"{_shorten(token[0])}" at character {position} is not a placeholder; '
            "write {{name}} or {{name|default}}."
        )
        raise TemplateError("MALFORMED_PLACEHOLDER", detail, position)
    name, default = match["name"], (match["default"] or "").strip()
    attribute = name.removeprefix(_ATTRIBUTE_PREFIX)
    if name in _NAMES:
        return Placeholder(name, is_attribute=False, default=default)
    if attribute != name and _ATTRIBUTE_NAME.fullmatch(attribute):
        return Placeholder(attribute, is_attribute=True, default=default)
    if name == _OFFER_LINK:
        return Link("o")
    if link := _SHORT_LINK.fullmatch(name):
        return Link("s", number=link[1])
    raise _unknown(name, position, has_offer=has_offer)


def _unknown(name: str, position: int, *, has_offer: bool) -> TemplateError:
    allowed = f"{_ALLOWED}, {_OFFER_LINK}" if has_offer else _ALLOWED
    detail = f'Unknown placeholder "{_shorten(name)}" at character {position}; allowed: {allowed}.'
    return TemplateError("UNKNOWN_PLACEHOLDER", detail, position)


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _clean(value: object) -> str:
    """Empty if there is nothing to show."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    # Nearly every value is printable, and this check costs a tenth of the substitution.
    if not text.isprintable():
        text = _UNSAFE_IN_VALUES.sub(" ", text)
    return text.strip()
