"""The import's file format: which columns there may be, and rows as contacts or errors. Pure.

Nothing is written here. Memory does not grow with the file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from contacts.attributes import MAX_ATTRIBUTES, NAME
from contacts.csv_file import (
    BEGINNING,
    BrokenRecord,
    FileRefused,
    Position,
    Record,
    Records,
    detect_encoding,
)
from contacts.csv_values import BadValue, Convert, converters, fold
from contacts.models import MAX_ERROR_COLUMN

DELIMITERS: Final = ",;\t|"
_ATTRIBUTE_PREFIX = "attributes."
_FIELDS = {
    "phone": "phone, mobile, mobile phone, cell, cellphone, tel, telephone, phone number, msisdn,"
    "τηλέφωνο, κινητό, κινητό τηλέφωνο, τηλ, αριθμός",
    "email": "email, mail, email address, ηλ. ταχυδρομείο, διεύθυνση email",
    "first_name": "first name, name, given name, όνομα",
    "last_name": "last name, surname, family name, επώνυμο, επίθετο",
    "gender": "gender, sex, φύλο",
    "birthday": "birthday, birth date, date of birth, dob, γενέθλια, ημερομηνία γέννησης,"
    "ημ/νία γέννησης",
    "is_subscribed": "is subscribed, subscribed, consent, συγκατάθεση, εγγεγραμμένος",
}
_ALIASES = {fold(alias): name for name, aliases in _FIELDS.items() for alias in aliases.split(",")}
ALLOWED_COLUMNS: Final = ", ".join((*_FIELDS, "attributes.<name>"))


class Column(NamedTuple):
    header: str  # as the file spells it
    field: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file turned out to be."""

    encoding: str
    delimiter: str
    columns: tuple[Column, ...]


class RowError(NamedTuple):
    line: int
    column: str
    code: str
    reason: str


@dataclass(slots=True)
class Row:
    """A contact to be; None and a missing attribute mean that the cell was blank."""

    line: int
    phone: str = ""
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    gender: str | None = None
    birthday: date | None = None
    is_subscribed: bool | None = None
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    errors: tuple[RowError, ...]


class Chunk(NamedTuple):
    rows: list[Row | RejectedRow]
    end: Position


def inspect(file: BinaryIO, *, heartbeat: Callable[[], None]) -> tuple[Sheet, int]:
    """Read the whole file once, so that nothing is imported of one that cannot be.

    The number counts its rows, the broken ones too. heartbeat: called all the while, for every
    megabyte; what it raises ends the reading. Raises FileRefused.
    """
    sheet = read_sheet(file, detect_encoding(file, heartbeat=heartbeat))
    records = Records(file, encoding=sheet.encoding, delimiter=sheet.delimiter, heartbeat=heartbeat)
    total = sum(1 for _ in records) - 1
    if not total:
        raise FileRefused("NO_ROWS", "The file has a header and no rows.")
    return sheet, total


def read_sheet(file: BinaryIO, encoding: str) -> Sheet:
    """What the header tells; the rest is not read. Raises FileRefused."""
    delimiter, header = _header(file, encoding)
    return Sheet(encoding, delimiter, _columns(header))


def read_chunks(
    file: BinaryIO,
    sheet: Sheet,
    *,
    size: int,
    country: str,
    today: date,
    start: Position = BEGINNING,
    heartbeat: Callable[[], None],
) -> Iterator[Chunk]:
    """The rows, so many at a time. country: whose numbers lack a country code.

    start: the end of the last chunk that needs no more reading.
    """
    records = Records(
        file, encoding=sheet.encoding, delimiter=sheet.delimiter, start=start, heartbeat=heartbeat
    )
    if start == BEGINNING:
        next(records)  # the header
    convert = converters(country=country, today=today)
    while rows := [_row(record, sheet.columns, convert) for record in islice(records, size)]:
        yield Chunk(rows, records.position)


def _header(file: BinaryIO, encoding: str) -> tuple[str, list[str]]:
    """The delimiter under which most of the header's columns are known, and the header."""
    best, most = (DELIMITERS[0], list[str]()), -1
    for delimiter in DELIMITERS:
        record = next(Records(file, encoding=encoding, delimiter=delimiter), None)
        if record is None:
            raise FileRefused("EMPTY_FILE", "The file is empty.")
        cells = record.cells if isinstance(record, Record) else []
        known = sum(_column(cell) is not None for cell in cells)
        if known > most:
            best, most = (delimiter, cells), known
    return best


def _column(header: str) -> Column | None:
    header = header.strip()
    if header.lower().startswith(_ATTRIBUTE_PREFIX):
        name = header[len(_ATTRIBUTE_PREFIX) :]
        return Column(header, "attributes", name) if NAME.fullmatch(name) else None
    name = _ALIASES.get(fold(header), "")
    return Column(header, name) if name else None


def _columns(header: list[str]) -> tuple[Column, ...]:
    header = _without_blank_end(header)
    columns = [column for cell in header if (column := _column(cell))]
    if not any(column.field == "phone" for column in columns):
        raise FileRefused(
            "NO_PHONE_COLUMN",
            f"The first line must name the columns, and one must be phone; it is: "
            f"{', '.join(header)[:200] or 'unreadable'}. Allowed are {ALLOWED_COLUMNS}.",
        )
    if unknown := [cell.strip() for cell in header if _column(cell) is None]:
        names = ", ".join(name[:50] or "(blank)" for name in unknown[:10])
        raise FileRefused(
            "UNKNOWN_COLUMN", f"Unknown columns: {names}. Allowed are {ALLOWED_COLUMNS}."
        )
    if long := [cell.strip() for cell in header if len(cell.strip()) > MAX_ERROR_COLUMN]:
        raise FileRefused(
            "COLUMN_NAME_TOO_LONG",
            f"The name of a column has {MAX_ERROR_COLUMN} characters at most: {long[0][:50]}…",
        )
    targets = [(column.field, column.attribute) for column in columns]
    if twice := [column.header for column in columns if targets.count(column[1:]) > 1]:
        raise FileRefused(
            "DUPLICATE_COLUMN", f"These columns mean the same: {', '.join(twice)[:200]}."
        )
    if sum(column.field == "attributes" for column in columns) > MAX_ATTRIBUTES:
        raise FileRefused(
            "TOO_MANY_ATTRIBUTES", f"A file has {MAX_ATTRIBUTES} attribute columns at most."
        )
    return tuple(columns)


def _without_blank_end(cells: list[str]) -> list[str]:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _row(
    record: Record | BrokenRecord, columns: tuple[Column, ...], convert: dict[str, Convert]
) -> Row | RejectedRow:
    if isinstance(record, BrokenRecord):
        return RejectedRow((RowError(record.line, "", record.code, record.reason),))
    cells = record.cells
    if len(cells) > len(columns):
        cells = [*cells[: len(columns)], *_without_blank_end(cells[len(columns) :])]
    if len(cells) != len(columns):
        code = "TOO_MANY_COLUMNS" if len(cells) > len(columns) else "TOO_FEW_COLUMNS"
        reason = f"The row has {len(cells)} columns, the header {len(columns)}."
        return RejectedRow((RowError(record.line, "", code, reason),))
    row, errors = Row(record.line), list[RowError]()
    for column, cell in zip(columns, cells, strict=True):
        try:
            _fill(row, column, cell.strip(), convert)
        except BadValue as error:
            errors.append(RowError(record.line, column.header, error.code, error.reason))
    return RejectedRow(tuple(errors)) if errors else row


def _fill(row: Row, column: Column, cell: str, convert: dict[str, Convert]) -> None:
    if not cell:
        if column.field == "phone":
            raise BadValue("PHONE_MISSING", "Every row needs a phone number.")
        return
    value = convert[column.field](cell)
    if column.attribute:
        row.attributes[column.attribute] = value
    else:
        setattr(row, column.field, value)
