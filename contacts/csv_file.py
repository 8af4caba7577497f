"""CSV files as people make them: their encoding, and records with the lines they stand on. Pure."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, Final, NamedTuple

MAX_RECORD_CHARACTERS: Final = 100_000
MAX_RECORD_LINES: Final = 1_000
# Records whose other lines had to be read again. It keeps the work linear in the file's size.
MAX_TAKEN_BACK: Final = 100
_BEAT = 1 << 20  # characters or bytes between two signs of life

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
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


class Position(NamedTuple):
    """Between two records; reading may begin there as if the file did."""

    offset: int  # bytes before it
    line: int  # lines before it


BEGINNING: Final = Position(0, 0)


class Record(NamedTuple):
    line: int  # in the file, from 1; that of its beginning
    cells: list[str]


class BrokenRecord(NamedTuple):
    line: int
    code: str
    reason: str


def detect_encoding(file: BinaryIO, *, heartbeat: Callable[[], None]) -> str:
    """Python's name of the encoding (without its mark), judged by the whole file.

    A byte order mark decides. Else UTF-8 if it decodes; else one of Windows' two code pages that
    Greek and Western European spreadsheets write: in Greek words letter stands by letter beyond
    ASCII, in Western ones such letters are scattered among ASCII. Raises FileRefused.
    """
    file.seek(0)
    start = file.read(4)
    for signature, detail in _BINARIES:
        if start.startswith(signature):
            raise FileRefused("NOT_CSV", detail)
    _, encoding = _byte_order_mark(file)
    return encoding or _survey(file, heartbeat)


def _byte_order_mark(file: BinaryIO) -> tuple[int, str]:
    """Its length, and the encoding that it tells; 0 and nothing if there is none."""
    file.seek(0)
    start = file.read(4)
    marks = ((len(mark), encoding) for mark, encoding in _BOMS if start.startswith(mark))
    return next(marks, (0, ""))


def _survey(file: BinaryIO, heartbeat: Callable[[], None]) -> str:
    file.seek(0)
    utf8 = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    seen: set[int] = set()
    high = adjacent = 0
    for chunk in iter(partial(file.read, _BEAT), b""):
        heartbeat()
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


class Records(Iterator[Record | BrokenRecord]):
    """Records that are not blank. After a broken one reading goes on with the line that follows it.

    Memory is bounded by the longest line, time by the size of the file. Raises FileRefused.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        encoding: str,
        delimiter: str,
        start: Position = BEGINNING,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        mark, _ = _byte_order_mark(file)
        start = max(start, Position(mark, 0))
        file.seek(start.offset)
        self._lines = _Lines(_decoded(file, encoding, heartbeat), encoding, start)
        self._records = _records(self._lines, delimiter)

    def __next__(self) -> Record | BrokenRecord:
        return next(self._records)

    @property
    def position(self) -> Position:
        """The end of the record that was read last."""
        return self._lines.position


def _decoded(file: BinaryIO, encoding: str, heartbeat: Callable[[], None]) -> Iterator[str]:
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    since_beat = 0
    try:
        for line in text:
            if "\0" in line:
                raise FileRefused("NOT_CSV", _NOT_TEXT)
            since_beat += len(line)
            if since_beat >= _BEAT:
                heartbeat()
                since_beat = 0
            yield line
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

    def __init__(self, text: Iterator[str], encoding: str, start: Position) -> None:
        self._text = text
        self._encoding = encoding
        self._again: deque[str] = deque()
        self._offset, self._ended = start  # bytes and lines of the records before this one
        self._record: list[str] = []
        self._length = 0
        self._taken_back: list[int] = []

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self._record.append(line)
        self._length += len(line)
        if self._length > MAX_RECORD_CHARACTERS or len(self._record) > MAX_RECORD_LINES:
            raise _Endless
        return line

    @property
    def position(self) -> Position:
        return Position(self._offset, self._ended)

    def end_record(self) -> int:
        """The line on which the record that is now complete began."""
        line = self._ended + 1
        self._ended += len(self._record)
        # What was decoded strictly, and its line ends left alone, encodes to the same bytes.
        self._offset += len("".join(self._record).encode(self._encoding))
        self._record.clear()
        self._length = 0
        return line

    def give_up(self) -> BrokenRecord:
        """Take the record's first line alone for broken; the others will be read again."""
        first, *others = self._record
        self._again.extendleft(reversed(others))
        self._record = [first]
        line = self.end_record()
        if others:
            self._count_taken_back(line)
        if len(first) > MAX_RECORD_CHARACTERS:
            code, reason = "TOO_LONG", f"The line has more than {MAX_RECORD_CHARACTERS} characters."
        else:
            code, reason = "BAD_QUOTES", "A quotation mark stands where none may, or is not closed."
        return BrokenRecord(line, code, reason)

    def _count_taken_back(self, line: int) -> None:
        self._taken_back.append(line)
        if len(self._taken_back) > MAX_TAKEN_BACK:
            raise FileRefused(
                "NOT_CSV",
                f"A quotation mark on line {self._taken_back[0]} is not closed where it should be, "
                f"nor are those on {MAX_TAKEN_BACK} other lines: correct them, or save the file as "
                "CSV once more.",
            )
