"""Files as people make them: read aright, or refused in words that help."""

import io
from datetime import date
from functools import partial

import pytest

from contacts.csv_export import lines
from contacts.csv_file import FileRefused
from contacts.csv_import import RejectedRow, Row, inspect, read_chunks

TODAY = date(2026, 5, 1)
GREEK = "κινητό;Όνομα;Επώνυμο\n6940000001;Μαρία;Παππά\n"


def idle() -> None:
    """The heartbeat of who holds no lease."""


def read(content: str | bytes) -> list[Row | RejectedRow]:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    sheet, _ = inspect(file, heartbeat=idle)
    chunks = read_chunks(file, sheet, size=2, country="GR", today=TODAY, heartbeat=idle)
    return [row for chunk in chunks for row in chunk.rows]


def rows(content: str | bytes) -> list[Row]:
    return [row for row in read(content) if isinstance(row, Row)]


def errors(content: str | bytes) -> list[tuple[int, str, str]]:
    rejected = [row for row in read(content) if isinstance(row, RejectedRow)]
    return [(error.line, error.column, error.code) for row in rejected for error in row.errors]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1253"]
)
def test_greek_in_any_encoding(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")

    (row,) = rows(mark + GREEK.encode(encoding))

    assert (row.first_name, row.last_name) == ("Μαρία", "Παππά")


@pytest.mark.parametrize("name", ["Müller", "José", "Zoë Brontë", "Ångström", "Ñuñez"])
def test_western_letters_in_latin_1(name: str) -> None:
    (row,) = rows(f"phone,surname\n6940000001,{name}\n".encode("latin-1"))

    assert row.last_name == name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, newline: str) -> None:
    lines = ["Phone Number", "e-mail", "FIRST_NAME"], ["6940000001", "a@example.com", "A, b"]
    content = newline.join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)

    (row,) = rows(content)

    assert (row.phone, row.email, row.first_name) == ("+306940000001", "a@example.com", "A, b")


def test_every_field_is_understood() -> None:
    (row,) = rows(
        "Τηλέφωνο,Όνομα,φύλο,Ημ/νία γέννησης,is subscribed,attributes.City\n"
        "6940000001, Άννα  Μαρία ,ΓΥΝΑΙΚΑ,1.2.1990,όχι,Πάτρα\n"
    )

    assert row == Row(
        line=2,
        phone="+306940000001",
        first_name="Άννα Μαρία",
        gender="female",
        birthday=date(1990, 2, 1),
        is_subscribed=False,
        attributes={"City": "Πάτρα"},
    )


def test_quoted_newlines_keep_the_line_numbers_right() -> None:
    content = 'phone,first_name\n6940000001,"Άννα\nΜαρία"\n\n6940000002,B\n123,C\n'

    assert [(row.line, row.first_name) for row in rows(content)] == [(2, "Άννα Μαρία"), (5, "B")]
    assert errors(content) == [(6, "phone", "INVALID_PHONE")]


def test_rows_with_mistakes_name_line_column_and_code() -> None:
    content = (
        "phone,email,birthday,gender,attributes.note\n"
        "123,nobody,31/02/1990,robot,\n"
        ",,,,\n"
        ",a@example.com,,,\n"
        "6940000001,,2027-01-01,,\n"
        "6940000002,,,\n"
        "6940000003,,,,,extra\n"
        "6940000004,,,,,\n"
        f"6940000005,,,,{'x' * 501}\n"
    )

    assert errors(content) == [
        (2, "phone", "INVALID_PHONE"),
        (2, "email", "INVALID_EMAIL"),
        (2, "birthday", "INVALID_DATE"),
        (2, "gender", "INVALID_GENDER"),
        (4, "phone", "PHONE_MISSING"),
        (5, "birthday", "INVALID_DATE"),
        (6, "", "TOO_FEW_COLUMNS"),
        (7, "", "TOO_MANY_COLUMNS"),
        (9, "attributes.note", "TOO_LONG"),
    ]
    assert [row.line for row in rows(content)] == [8]


def test_a_million_character_cell_spoils_its_line_only() -> None:
    content = f"phone,first_name\n6940000001,{'x' * 1_000_000}\n6940000002,B\n"

    assert errors(content) == [(2, "", "TOO_LONG")]
    assert [row.line for row in rows(content)] == [3]


def test_an_open_quote_does_not_swallow_the_rest() -> None:
    people = "".join(f"694{number:07d},A\n" for number in range(3_000))

    content = f'phone,first_name\n6949999999,"Anna\n{people}6948888888,"Maria" K\n'

    assert errors(content) == [(2, "", "BAD_QUOTES"), (3003, "", "BAD_QUOTES")]
    assert len(rows(content)) == 3_000


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1253"]
)
def test_reading_begins_anew_after_any_chunk(encoding: str, newline: str) -> None:
    text = 'κινητό,Όνομα\n6940000001,"Άννα\nΜαρία"\n123,\n\n6940000002,"Ά" K\n6940000003,Ώ\n\n'
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    file = io.BytesIO(mark + text.replace("\n", newline).encode(encoding))
    sheet, total = inspect(file, heartbeat=idle)
    read_on = partial(read_chunks, file, sheet, size=1, country="GR", today=TODAY, heartbeat=idle)
    whole = list(read_on())

    assert (total, len(whole)) == (4, 4)
    for done, chunk in enumerate(whole, start=1):
        assert list(read_on(start=chunk.end)) == whole[done:]


def test_quotes_gone_wrong_everywhere_are_refused_at_once() -> None:
    content = b"phone,first_name\n6940000001,A\n" + b'a","b\n' * 300_000

    file = io.BytesIO(content)
    with pytest.raises(FileRefused) as refusal:
        inspect(file, heartbeat=idle)

    assert file.tell() < len(content) / 10
    assert refusal.value.code == "NOT_CSV"
    assert "on line 3 " in refusal.value.detail


def test_many_rows_with_a_misplaced_quote_are_rows_with_a_mistake() -> None:
    bad = '6940000001,"Maria" K\n' * 500

    assert len(errors(f"phone,first_name\n{bad}")) == 500


def test_inspecting_a_long_file_gives_signs_of_life_and_can_be_stopped() -> None:
    file = io.BytesIO(b"phone\n" + b"6940000001\n" * 300_000 + b"\n" * 3_000_000)
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        if beats == 11:  # by then the first look is over, and blank lines are being counted
            raise InterruptedError

    with pytest.raises(InterruptedError):
        inspect(file, heartbeat=beat)


def test_a_phone_may_bear_the_apostrophe_of_an_export() -> None:
    exported = "".join(lines([("phone", "first_name"), ("+306940000001", "A")]))

    assert "'+30694" in exported
    assert [row.phone for row in rows(exported)] == ["+306940000001"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\n\n", "EMPTY_FILE"),
        (b"phone\n", "NO_ROWS"),
        (b"phone\n\n,\n", "NO_ROWS"),
        (b"6940000001\n6940000002\n", "NO_PHONE_COLUMN"),
        (b"email,first_name\na@example.com,A\n", "NO_PHONE_COLUMN"),
        (b"phone,colour\n6940000001,red\n", "UNKNOWN_COLUMN"),
        (b"phone,attributes.a b\n6940000001,red\n", "UNKNOWN_COLUMN"),
        (b"phone,,email\n6940000001,,\n", "UNKNOWN_COLUMN"),
        (b"phone" + b"!" * 96 + b"\n123\n", "COLUMN_NAME_TOO_LONG"),
        (b"phone,mobile\n6940000001,6940000002\n", "DUPLICATE_COLUMN"),
        (b"phone,attributes.a,attributes.a\n6940000001,1,2\n", "DUPLICATE_COLUMN"),
        (b"PK\x03\x04 workbook", "NOT_CSV"),
        (b"%PDF-1.7", "NOT_CSV"),
        (b"phone\n694\x000000001\n", "NOT_CSV"),
        ("phone\n694\x00\n".encode("utf-16"), "NOT_CSV"),
        (b"phone,first_name\n6940000001,\x81\xe9\n", "UNKNOWN_ENCODING"),
        (b"\xff\xfep\x00h\x00o\x00n\x00e\x00\n\x00\x00\xd8", "UNKNOWN_ENCODING"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_as_a_whole(content: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        inspect(io.BytesIO(content), heartbeat=idle)
    assert refusal.value.code == code
