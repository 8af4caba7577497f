"""The import's file format: which columns there may be, and rows as contacts or errors. Pure.

Nothing is written here. Memory does not grow with the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import BinaryIO, Final, NamedTuple

from contacts.attributes import MAX_ATTRIBUTES, NAME
from contacts.csv_file import BrokenRecord, FileRefused, Record, detect_encoding, read_records
from contacts.csv_values import BadValue, Convert, converters, fold

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
    """What a file turned out to be; total counts its rows, the broken ones too."""

    encoding: str
    delimiter: str
    columns: tuple[Column, ...]
    total: int


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


def inspect(file: BinaryIO) -> Sheet:
    """Read the whole file once, so that nothing is imported of one that cannot be. Raises
    FileRefused."""
    encoding = detect_encoding(file)
    delimiter, header = _header(file, encoding)
    columns = _columns(header)
    total = sum(1 for _ in read_records(file, encoding=encoding, delimiter=delimiter)) - 1
    if not total:
        raise FileRefused("NO_ROWS", "The file has a header and no rows.")
    return Sheet(encoding, delimiter, columns, total)


def read_rows(
    file: BinaryIO, sheet: Sheet, *, country: str, today: date, skip: int = 0
) -> Iterator[Row | RejectedRow]:
    """The rows after the first `skip`. country: whose numbers lack a country code."""
    records = read_records(file, encoding=sheet.encoding, delimiter=sheet.delimiter)
    convert = converters(country=country, today=today)
    for record in islice(records, 1 + skip, None):
        yield _row(record, sheet.columns, convert)


def _header(file: BinaryIO, encoding: str) -> tuple[str, list[str]]:
    """The delimiter under which most of the header's columns are known, and the header."""
    best, most = (DELIMITERS[0], list[str]()), -1
    for delimiter in DELIMITERS:
        record = next(read_records(file, encoding=encoding, delimiter=delimiter), None)
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
