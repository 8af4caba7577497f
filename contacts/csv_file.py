"""CSV files as people make them: their encoding, and records with the lines they stand on. Pure."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final, NamedTuple

MAX_RECORD_CHARACTERS: Final = 100_000
MAX_RECORD_LINES: Final = 1_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARIES = (
    (b"PK\x03\x04", "This is an Excel workbook (.xlsx): save it as CSV and send that."),
    (b"\xd0\xcf\x11\xe0", "This is an Excel workbook (.xls): save it as CSV and send that."),
    (b"%PDF", "This is a PDF: a CSV file is needed."),
)
_NOT_TEXT = "This is not a text file: a CSV file is needed."
_ASCII = bytes(range(128))
_ADJACENT_LETTERS = re.compile(rb"[\xa2\xb8-\xfe]{2,}")


class FileRefused(Exception):
    """The file as a whole cannot be imported, with a stable code and a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code: Final = code
        self.detail: Final = detail


class Record(NamedTuple):
    line: int  # in the file, from 1; that of its beginning
    cells: list[str]


class BrokenRecord(NamedTuple):
    line: int
    code: str
    reason: str


def detect_encoding(file: BinaryIO) -> str:
    """Python's name of the encoding, judged by the whole file.

    A byte order mark decides. Else UTF-8 if it decodes; else one of Windows' two code pages that
    Greek and Western European spreadsheets write: in Greek words letter stands by letter beyond
    ASCII, in Western ones such letters are scattered among ASCII. Raises FileRefused.
    """
    file.seek(0)
    start = file.read(4)
    for signature, detail in _BINARIES:
        if start.startswith(signature):
            raise FileRefused("NOT_CSV", detail)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding
    file.seek(0)
    return _survey(file)


def _survey(file: BinaryIO) -> str:
    utf8 = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    seen: set[int] = set()
    high = adjacent = 0
    for chunk in iter(partial(file.read, 1 << 20), b""):
        if b"\0" in chunk:
            raise FileRefused("NOT_CSV", _NOT_TEXT)
        is_utf8 = is_utf8 and _decodes(utf8, chunk)
        beyond_ascii = chunk.translate(None, _ASCII)
        seen.update(beyond_ascii)
        high += len(beyond_ascii)
        adjacent += sum(map(len, _ADJACENT_LETTERS.findall(chunk)))
    if is_utf8 and _decodes(utf8, b"", final=True):
        return "utf-8"
    encoding = "cp1253" if adjacent * 2 >= high else "cp1252"
    try:
        bytes(seen).decode(encoding)
    except UnicodeDecodeError as error:
        raise _unreadable() from error
    return encoding


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _unreadable() -> FileRefused:
    return FileRefused(
        "UNKNOWN_ENCODING", "The file's letters cannot be read: save it as CSV in UTF-8."
    )


def read_records(
    file: BinaryIO, *, encoding: str, delimiter: str
) -> Iterator[Record | BrokenRecord]:
    """Records that are not blank. After a broken one reading goes on with the line that follows it.

    Memory is bounded by the longest line. Raises FileRefused.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield from _records(_Lines(text), delimiter)
    except UnicodeDecodeError as error:
        raise _unreadable() from error
    finally:
        if not file.closed:  # as it is when the reader was abandoned
            text.detach()  # the file stays the caller's


def _records(lines: "_Lines", delimiter: str) -> Iterator[Record | BrokenRecord]:
    while True:
        try:
            for cells in csv.reader(lines, delimiter=delimiter, strict=True):
                line = lines.end_record()
                if any(map(str.strip, cells)):
                    yield Record(line, cells)
        except (csv.Error, _Endless):
            yield lines.give_up()
        else:
            return


class _Endless(Exception):
    """A record longer than anybody means: most often a quote that is never closed."""


class _Lines(Iterator[str]):
    """Physical lines, which remembers those of the record being read to take them back."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._ended = 0  # lines of the records before this one
        self._record: list[str] = []
        self._length = 0

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        if "\0" in line:
            raise FileRefused("NOT_CSV", _NOT_TEXT)
        self._record.append(line)
        self._length += len(line)
        if self._length > MAX_RECORD_CHARACTERS or len(self._record) > MAX_RECORD_LINES:
            raise _Endless
        return line

    def end_record(self) -> int:
        """The line on which the record that is now complete began."""
        line = self._ended + 1
        self._ended += len(self._record)
        self._record.clear()
        self._length = 0
        return line

    def give_up(self) -> BrokenRecord:
        """Take the record's first line alone for broken; the others will be read again."""
        first, *others = self._record
        self._again.extendleft(reversed(others))
        self._record = [first]
        if len(first) > MAX_RECORD_CHARACTERS:
            code, reason = "TOO_LONG", f"The line has more than {MAX_RECORD_CHARACTERS} characters."
        else:
            code, reason = "BAD_QUOTES", "A quotation mark stands where none may, or is not closed."
        return BrokenRecord(self.end_record(), code, reason)
