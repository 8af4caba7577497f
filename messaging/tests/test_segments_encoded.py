"""Counting against encoding: a text costs as many segments as it takes when it is really written.

Nothing of `messaging.segments` is used here but its answer: the alphabet is that of the Unicode
Consortium's GSM0338.TXT, and segments are filled with bits until their 140 octets are full.
"""

import random
from collections.abc import Iterator

import pytest

from messaging.segments import count_segments

OCTETS = 140
HEADER = 6  # octets of a concatenated segment: 05 00 03, a reference, how many, which

# By position, 0x00 to 0x7f; 0x1b is the escape.
TABLE = """
40 a3 24 a5 e8 e9 f9 ec f2 c7 0a d8 f8 0d c5 e5 394 5f 3a6 393 39b 3a9 3a0 3a8 3a3 398 39e - c6 e6
df c9 20 21 22 23 a4 25 26 27 28 29 2a 2b 2c 2d 2e 2f 30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e
3f a1 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50 51 52 53 54 55 56 57 58 59 5a c4 d6 d1 dc a7
bf 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73 74 75 76 77 78 79 7a e4 f6 f1 fc e0
"""
EXTENSION = "0a:0c 14:5e 28:7b 29:7d 2f:5c 3c:5b 3d:7e 3e:5d 40:7c 65:20ac"
SEPTETS = {
    **{chr(int(code, 16)): (at,) for at, code in enumerate(TABLE.split()) if code != "-"},
    **{chr(int(pair[3:], 16)): (0x1B, int(pair[:2], 16)) for pair in EXTENSION.split()},
}

SCRIPTS = (
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,!?:-'\"()&%@\n",
    "^{}\\[~]|€\f",
    "ΔΦΓΛΩΠΨΣΘΞ",
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "àèéìòùäöüñåæøßÄÖÜÑÅÆØÉÇ¡¿§£¥¤",
    "çğşıİâêîôûčšž“”‘’–—…«»\u00a0",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "שלום مرحبا",
    "中文短信営業中한국어",
    "😀🎉🚀👩\u200d👧🇬🇷",
    "\r\t\x1b\x00`",
)


def random_texts(number: int) -> Iterator[str]:
    """Of one to four scripts in runs, most of them short, some of more than ten segments."""
    dice = random.Random(20261122)
    for _ in range(number):
        scripts = dice.choices(SCRIPTS, weights=(8, 2, 3, 1, 1, 2, 1, 1, 1, 1, 2, 1), k=4)
        scripts = scripts[: dice.randint(1, 4)]
        wanted = int(dice.expovariate(1 / 130))
        text = ""
        while len(text) < wanted:
            text += "".join(dice.choices(dice.choice(scripts), k=dice.randint(1, 40)))
        # Around the ends of segments is where counting goes wrong.
        if dice.random() < 0.3:
            text = text[: dice.choice((160, 153, 70, 67, 306, 134)) + dice.randint(-2, 2)]
        yield text


def characters(text: str) -> tuple[str, list[int]]:
    """The encoding, and how many bits each character takes; none may be torn apart."""
    if all(character in SEPTETS for character in text):
        return "GSM-7", [7 * len(SEPTETS[character]) for character in text]
    return "UCS-2", [8 * len(character.encode("utf-16-be")) for character in text]


def written(text: str) -> tuple[str, int]:
    """The encoding and the number of segments when the text is written into them."""
    encoding, bits = characters(text)
    if not bits or sum(bits) <= OCTETS * 8:
        return encoding, min(len(bits), 1)
    # Behind a header septets begin at a multiple of seven bits again.
    header = HEADER * 8 + (-HEADER * 8 % 7 if encoding == "GSM-7" else 0)
    segments, filled = 1, header
    for width in bits:
        if filled + width > OCTETS * 8:
            segments, filled = segments + 1, header
        filled += width
    return encoding, segments


def test_ten_thousand_texts_in_mixed_scripts_cost_what_they_take() -> None:
    wrong = []
    seen: dict[str, int] = {"GSM-7": 0, "UCS-2": 0}
    for text in random_texts(10_000):
        count = count_segments(text)
        seen[count.encoding] += 1
        if (count.encoding, count.segments) != written(text):
            wrong.append(text)
    assert wrong == []
    assert min(seen.values()) > 2000, "the texts are of both encodings"


@pytest.mark.parametrize("character", "^{}\\[~]|€\f")
def test_the_ten_of_the_extension_cost_two_positions(character: str) -> None:
    assert count_segments(character * 80)[:4] == ("GSM-7", 80, 160, 1)
    assert count_segments("a" * 159 + character).segments == 2
    # 152 and half a pair would fill the first segment: the pair moves on whole.
    assert count_segments("a" * 152 + character + "a" * 151).segments == 2
    assert count_segments("a" * 152 + character + "a" * 152).segments == 3


@pytest.mark.parametrize("capital", "ΔΦΓΛΩΠΨΣΘΞ")
def test_ten_greek_capitals_are_gsm7(capital: str) -> None:
    assert count_segments(capital * 160)[:4] == ("GSM-7", 160, 160, 1)


@pytest.mark.parametrize("letter", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧΆΈΉΊΌΎΏαβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώ")
def test_other_greek_letters_force_ucs2(letter: str) -> None:
    count = count_segments("A" * 69 + letter)
    assert count[:4] == ("UCS-2", 70, 70, 1)
    assert count.unicode_characters == (letter,)
    assert count_segments("A" * 70 + letter).segments == 2
