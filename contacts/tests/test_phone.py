"""Every spelling of a number that people use is one number; what is none is refused."""

import pytest

from contacts.phone import InvalidPhone, country_of, normalise


@pytest.mark.parametrize(
    "raw",
    [
        "6941234567",
        " 694 123 4567 ",
        "694-123-4567",
        "(694) 123.4567",
        "+306941234567",
        "+30 694 123 4567",
        "00306941234567",
        "0030 694 1234567",
        "306941234567",
        "\u00a06941234567\u202f",
        "\u202a+306941234567\u202c",
        "\u200b694\u200b1234567",
        "６９４１２３４５６７",
        "+٣٠٦٩٤١٢٣٤٥٦٧",
        "'+306941234567",
    ],
)
def test_spellings_of_one_number(raw: str) -> None:
    assert normalise(raw, "GR") == "+306941234567"


def test_the_country_reads_numbers_without_a_code() -> None:
    assert normalise("07400 123456", "GB") == "+447400123456"
    assert normalise("+44 (0)7400 123456", "GR") == "+447400123456"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "EMPTY"),
        (" \u200b ", "EMPTY"),
        ("none", "NOT_A_NUMBER"),
        ("694ABC1234", "NOT_A_NUMBER"),
        ("6.94123E+09", "NOT_A_NUMBER"),
        ("6941234567;ext=5", "NOT_A_NUMBER"),
        ("694+1234567", "NOT_A_NUMBER"),
        ("+", "NOT_A_NUMBER"),
        ("69412", "TOO_SHORT"),
        ("+30694123456", "TOO_SHORT"),
        ("6941234567890", "TOO_LONG"),
        ("6" * 1_000_000, "TOO_LONG"),
        ("+9991234567890", "TOO_SHORT"),
        ("1111111111", "NOT_IN_USE"),
    ],
)
def test_what_is_no_number_is_refused_with_its_reason(raw: str, reason: str) -> None:
    with pytest.raises(InvalidPhone) as refusal:
        normalise(raw, "GR")
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("+306941234567", "GR"),
        ("+35796123456", "CY"),
        ("+12125552368", "US"),
        ("+88213123456", "001"),
    ],
)
def test_whose_number_it_is(phone: str, country: str) -> None:
    assert country_of(phone) == country
