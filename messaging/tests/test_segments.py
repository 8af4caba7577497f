import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from messaging.segments import (
    GSM7_BASIC,
    GSM7_EXTENSION,
    SegmentCount,
    count_segments,
    gsm7_suggestion,
    number_of_segments,
)

GREEK = "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
ALPHABETS = (GSM7_BASIC, GSM7_EXTENSION, GREEK, "“”’–…\u00a0", "😀🎉👩\u200d🚀", "中文ğş")


def reference(text: str) -> SegmentCount:
    """The rule read aloud, one character after the other."""
    offenders = [c for c in text if c not in GSM7_BASIC and c not in GSM7_EXTENSION]
    if offenders:
        widths = [2 if ord(c) > 0xFFFF else 1 for c in text]
        alone, among_others = 70, 67
    else:
        widths = [2 if c in GSM7_EXTENSION else 1 for c in text]
        alone, among_others = 160, 153
    if sum(widths) <= alone:
        segments = 1 if text else 0
    else:
        segments, room = 1, among_others
        for width in widths:
            if width > room:
                segments, room = segments + 1, among_others
            room -= width
    encoding = "UCS-2" if offenders else "GSM-7"
    distinct = tuple(sorted(set(offenders), key=offenders.index))
    return SegmentCount(encoding, len(text), sum(widths), segments, distinct)  # type: ignore[arg-type]


@st.composite
def mixed_scripts(draw: st.DrawFn) -> str:
    """Texts of up to ten segments from one or several alphabets."""
    alphabet = "".join(draw(st.lists(st.sampled_from(ALPHABETS), min_size=1, max_size=3)))
    pieces = draw(st.lists(st.text(alphabet, min_size=1, max_size=20), max_size=8))
    return "".join(piece * draw(st.integers(1, 12)) for piece in pieces)


@given(mixed_scripts() | st.text())
def test_counting_agrees_with_the_rule_read_aloud(text: str) -> None:
    assert count_segments(text) == reference(text)
    assert number_of_segments(text) == reference(text).segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # 76 pairs and one lost septet a segment: 153 pairs fill two segments and need a third.
        ("€" * 152, "GSM-7", 304, 2),
        ("€" * 153, "GSM-7", 306, 3),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("a" * 151 + "€" + "a" * 153, "GSM-7", 306, 2),
        ("\f" + "a" * 158, "GSM-7", 160, 1),
        ("ΔΦΓΛΩΠΨΣΘΞ", "GSM-7", 10, 1),
        ("line\r\nline", "GSM-7", 10, 1),
        ("ω" * 70, "UCS-2", 70, 1),
        ("ω" * 71, "UCS-2", 71, 2),
        ("ω" * 134, "UCS-2", 134, 2),
        ("ω" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("a" * 66 + "😀" + "a" * 66, "UCS-2", 134, 3),
        ("a" * 65 + "😀" + "a" * 67, "UCS-2", 134, 2),
        ("ç", "UCS-2", 1, 1),
        ("`", "UCS-2", 1, 1),
        ("\x1b", "UCS-2", 1, 1),
    ],
)
def test_known_counts(text: str, encoding: str, units: int, segments: int) -> None:
    count = count_segments(text)
    assert (count.encoding, count.units, count.segments) == (encoding, units, segments)
    assert count.characters == len(text)


def test_the_alphabet_is_complete() -> None:
    assert len(set(GSM7_BASIC)) == 127  # 128 positions, one of them the escape
    assert len(set(GSM7_EXTENSION)) == 10
    assert not set(GSM7_BASIC) & set(GSM7_EXTENSION)


def test_the_characters_to_blame_are_named_once_in_order() -> None:
    assert count_segments("Γειά! – Γειά").unicode_characters == ("ε", "ι", "ά", "–")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Plain text, €5", None),
        ("“Sale” – it’s on…", '"Sale" - it\'s on...'),
        ("Café\u00a0open", "Café open"),
        ("Cafe\u0301 open", "Café open"),
        ("Καλημέρα Άννα!", "KAΛHMEPA ANNA!"),
        ("ΠΡΟΣΦΟΡΑ", "ΠPOΣΦOPA"),
        ("ξανθός ΐ ᾧ", "ΞANΘOΣ I Ω"),
        ("Γεια {{first_name|φίλε}}", "ΓEIA {{first_name|ΦIΛE}}"),
        ("Ζείτε στην {{attributes.πόλη}};", "ZEITE ΣTHN {{attributes.πόλη}};"),
        ("{{attributes.πόλη}}", None),
        ("Sale 😀", None),
        ("Ğ “quoted”", None),
    ],
)
def test_suggestion(text: str, suggestion: str | None) -> None:
    assert gsm7_suggestion(text) == suggestion


@given(mixed_scripts())
def test_a_suggestion_is_gsm7_and_final(text: str) -> None:
    assume("{{" not in text)  # names of placeholders are exempt
    suggestion = gsm7_suggestion(text)
    if suggestion is None:
        return
    assert count_segments(suggestion).encoding == "GSM-7"
    assert gsm7_suggestion(suggestion) is None
