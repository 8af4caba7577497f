"""Keywords in replies: whole messages, however they are spelt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.keywords import WORDS, Keyword, is_by_machine, read_keyword, skeleton


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "«stop»!",
        "S.T.O.P",
        "STOP ALL",
        "stopall",
        "opt-out",
        "Opt Out",
        "Unsubscribe",
        "END",
        "quit",
        "Cancel",
        "REVOKE",
        "ΣΤΟΠ",
        "στοπ",
        "Διαγραφή",
        "ΔΙΑΓΡΑΦΗ",
        "διαγραφη",
        "τέλος",  # a final sigma
        "τελοσ",  # typed without one
        "ΤΈΛΟΣ",
        "Τέλος",  # its accent apart
        "ARRÊT",
        "arret",
        "стоп",
        "ＳＴＯＰ",
        "stop\u200b",
        "STOP 🛑",
        "stop\r\n",
        "İPTAL",
    ],
)
def test_they_want_no_more(text: str) -> None:
    assert read_keyword(text) is Keyword.STOP


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("ΣTOΠ", Keyword.STOP),  # T and O are Latin
        ("TEΛOΣ", Keyword.STOP),  # T, E and O are Latin
        ("ΔIAΓPAΦH", Keyword.STOP),  # all that Latin has
        ("SΤΟΡ", Keyword.STOP),  # the last three are Greek
        ("ЅТОР", Keyword.STOP),  # Cyrillic, all of it
        ("stοp", Keyword.STOP),  # the o is Greek
        ("НЕLР", Keyword.HELP),  # H, E and P are Cyrillic
        ("SΤΑRΤ", Keyword.START),  # T and A are Greek
        ("NAI", Keyword.YES),  # all of it Latin
        ("ΥΕS", Keyword.YES),  # Y and E are Greek
    ],
)
def test_letters_that_look_alike_are_alike(text: str, keyword: Keyword) -> None:
    assert read_keyword(text) is keyword


# Whole sets of capitals that look the same: Latin, Greek, Cyrillic.
SAME = [
    "AΑА", "BΒВ", "CС", "EΕЕ", "HΗН", "IΙІ", "JЈ", "KΚК", "MΜМ", "NΝ", "OΟО", "PΡР", "SЅ", "TΤТ",
    "XΧХ", "YΥУ", "ZΖ",
]  # fmt: skip
ALIKE = {letter: letters for letters in SAME for letter in letters}


@given(st.data())
def test_in_any_mixture_of_alphabets(data: st.DataObject) -> None:
    words = [(w, k) for found in WORDS.values() for k, spelt in found.items() for w in spelt]
    word, keyword = data.draw(st.sampled_from(words))
    mixed = "".join(
        data.draw(st.sampled_from(ALIKE.get(letter, letter))) for letter in word.upper()
    )
    assert read_keyword(mixed) is keyword


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("Help", Keyword.HELP),
        ("info?", Keyword.HELP),
        ("βοήθεια", Keyword.HELP),
        ("Start", Keyword.START),
        ("UNSTOP", Keyword.START),
        ("έναρξη", Keyword.START),
        ("yes", Keyword.YES),
        ("Ναι!", Keyword.YES),
        ("oui", Keyword.YES),
    ],
)
def test_the_other_keywords(text: str, keyword: Keyword) -> None:
    assert read_keyword(text) is keyword


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "...",
        "🛑",
        "\x00",
        "please stop",
        "Stop sending me this on Sundays",
        "I will stop by at six",
        "ΤΕΛΟΣ ΠΑΝΤΩΝ",
        "yes please",
        "no",
        "όχι",
        "STOP" * 100,
        "stop stop",
        "fine",
    ],
)
def test_whoever_says_more_says_something_else(text: str) -> None:
    assert read_keyword(text) is None


def test_no_word_means_two_things() -> None:
    meanings: dict[str, set[Keyword]] = {}
    for words in WORDS.values():
        for keyword, spellings in words.items():
            for word in spellings:
                meanings.setdefault(skeleton(word), set()).add(keyword)
    assert {word: found for word, found in meanings.items() if len(found) > 1} == {}
    assert "" not in meanings


@pytest.mark.parametrize(("language", "words"), WORDS.items())
def test_each_word_is_found_in_capitals_and_in_small_letters(
    language: str, words: dict[Keyword, tuple[str, ...]]
) -> None:
    for keyword, spellings in words.items():
        for word in spellings:
            found = {read_keyword(form) for form in (word, word.upper(), word.title(), f" {word}.")}
            assert found == {keyword}, (language, word)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read_keyword(text)
    assert skeleton(skeleton(text)) == skeleton(text)


@pytest.mark.parametrize(
    ("text", "is_machine"),
    [
        ("AUTO-REPLY: I am driving.", True),
        ("Out of office until Monday", True),
        ("Αυτόματη απάντηση: λείπω", True),
        ("Are you open today?", False),
    ],
)
def test_machines_say_what_they_are(text: str, is_machine: bool) -> None:
    assert is_by_machine(text) is is_machine
