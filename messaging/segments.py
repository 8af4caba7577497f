"""What a text costs: GSM 03.38 and UCS-2 segment counting (3GPP TS 23.038 and 23.040).

A segment holds 160 septets alone or 153 among others; in UCS-2, 70 or 67 UTF-16 code units.
An extension character (two septets) or a surrogate pair never straddles two segments, so long
texts are counted by filling segments, not by division.
"""

import re
import unicodedata
from typing import Final, Literal, NamedTuple

Encoding = Literal["GSM-7", "UCS-2"]

GSM7_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION: Final = "\f^{}\\[~]|€"

# Units in a segment: alone, among others.
GSM7_SIZES: Final = (160, 153)
UCS2_SIZES: Final = (70, 67)

_GSM7 = frozenset(GSM7_BASIC + GSM7_EXTENSION)
_ASCII_BASIC = GSM7_BASIC.encode("ascii", "ignore")
_NOT_BASIC = re.compile(f"[^{re.escape(GSM7_BASIC)}]")
_NOT_GSM7 = re.compile(f"[^{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]")
_EXTENSION = re.compile(f"[{re.escape(GSM7_EXTENSION)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
# The first unit of a pair, in the strings that _fill walks.
_ESCAPE = "\x1b"
_HIGH_SURROGATE = "\ud800"


class SegmentCount(NamedTuple):
    encoding: Encoding
    characters: int  # code points
    units: int  # septets, or UTF-16 code units
    segments: int  # 0 for the empty text
    unicode_characters: tuple[str, ...]  # what forces UCS-2: each once, in order of appearance


def count_segments(text: str) -> SegmentCount:
    encoding, units, segments = _measure(text)
    offenders: tuple[str, ...] = ()
    if encoding == "UCS-2":
        offenders = tuple(char for char in dict.fromkeys(text) if char not in _GSM7)
    return SegmentCount(encoding, len(text), units, segments, offenders)


def number_of_segments(text: str) -> int:
    """That of `count_segments`, at half the cost; at a seventh if it is UCS-2."""
    return _measure(text)[2]


def _measure(text: str) -> tuple[Encoding, int, int]:
    """Encoding, units, segments."""
    length = len(text)
    if _is_basic(text):
        return "GSM-7", length, _divide(length, *GSM7_SIZES)
    if _NOT_GSM7.search(text) is None:
        septets = _EXTENSION.sub(_ESCAPE + " ", text)
        return "GSM-7", len(septets), _fill(septets, _ESCAPE, *GSM7_SIZES)
    if _ASTRAL.search(text) is None:
        return "UCS-2", length, _divide(length, *UCS2_SIZES)
    units = _ASTRAL.sub(_HIGH_SURROGATE + " ", text)
    return "UCS-2", len(units), _fill(units, _HIGH_SURROGATE, *UCS2_SIZES)


def _is_basic(text: str) -> bool:
    # Most texts are ASCII, and to delete from bytes is three times as fast as to search.
    if text.isascii():
        return not text.encode().translate(None, _ASCII_BASIC)
    return _NOT_BASIC.search(text) is None


def _divide(length: int, alone: int, among_others: int) -> int:
    """Exact where no two units belong together."""
    if length <= alone:
        return 1 if length else 0
    return -(-length // among_others)


def _fill(units: str, pair_lead: str, alone: int, among_others: int) -> int:
    if len(units) <= alone:
        return 1
    segments, filled = 0, 0
    while filled < len(units):
        filled += among_others
        if filled < len(units) and units[filled - 1] == pair_lead:
            filled -= 1
        segments += 1
    return segments


# Replacements that keep the meaning. Accented Latin letters outside GSM-7 are not among them:
# leaving out an accent misspells somebody's name.
_SUBSTITUTES: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("•·∙", "-"),
        **dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007", " "),
        **dict.fromkeys("\u2008\u2009\u200a\u202f\u205f\u3000", " "),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),  # invisible
        "…": "...",
        # GSM-7 has ten Greek capitals; the others look like Latin ones.
        **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
    }
)
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]+")
_COMBINING = re.compile("[\u0300-\u036f]")
# The name in {{first_name|there}} must survive, the default may change.
_PLACEHOLDER_NAME = re.compile(r"(\{\{[^{}|]*)")


def gsm7_suggestion(text: str) -> str | None:
    """The text in GSM-7 with its meaning kept; None if it is GSM-7 already or cannot be.

    Templates may be passed: names of placeholders are left as they are.
    """
    if _NOT_GSM7.search(text) is None:
        return None
    parts = _PLACEHOLDER_NAME.split(text)
    parts[::2] = [_to_gsm7(part) for part in parts[::2]]
    if any(_NOT_GSM7.search(part) for part in parts[::2]):
        return None
    suggestion = "".join(parts)
    return suggestion if suggestion != text else None


def _to_gsm7(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return _GREEK.sub(_greek_capitals, composed).translate(_SUBSTITUTES)


def _greek_capitals(match: re.Match[str]) -> str:
    bare = _COMBINING.sub("", unicodedata.normalize("NFD", match[0]))
    return bare.upper()
