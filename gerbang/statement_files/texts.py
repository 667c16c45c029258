"""The text of a file, whatever its encoding, and its rows with the numbers of their lines."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal

from gerbang.domain.statements import StatementWrong

BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 1_000_000
CELLS_MAX = 256
DELIMITERS = (",", ";", "\t", "|")

Cell = str | Decimal
"""A spreadsheet has numbers, which are not written in anybody's way; everything else is text."""
Row = tuple[int, list[Cell]]
"""The line of the file, counted from 1, and its cells."""


def check_size(data: bytes) -> None:
    """Raises StatementWrong for what is empty or larger than any statement."""
    if not data:
        raise StatementWrong(0, "the file is empty")
    if len(data) > BYTES_MAX:
        raise StatementWrong(0, f"the file is larger than {BYTES_MAX // 1024 // 1024} MB")


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or the usual encoding of Windows. Raises StatementWrong if it is no text."""
    check_size(data)
    try:
        text = _decoded(data)
    except UnicodeDecodeError as error:
        raise StatementWrong(0, "the file is cut or in no known encoding") from error
    if "\0" in text:
        raise StatementWrong(text.count("\n", 0, text.index("\0")) + 1, "the file is no text")
    return text


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    start = data[:2000]
    # Text in UTF-16 without its mark: every second byte of Western letters is zero.
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[0::2])):
        if len(start) > 20 and zeros.count(0) * 10 > len(zeros) * 9:
            return data.decode(encoding)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # has a letter for each byte


class CsvRows:
    """The rows of a text with one delimiter, empty ones left out. It can be gone through more than once."""

    def __init__(self, text: str, delimiter: str) -> None:
        self._text = text
        self._delimiter = delimiter

    def __iter__(self) -> Iterator[Row]:
        """Raises StatementWrong for an open quotation mark, too many rows or too many cells."""
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter, strict=True)
        line = count = 0
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise StatementWrong(line, f"the row cannot be read ({error})") from error
            if not any(cell.strip() for cell in cells):
                continue
            count += 1
            if count > ROWS_MAX:
                raise StatementWrong(line, f"the file has more than {ROWS_MAX:,} rows")
            if len(cells) > CELLS_MAX:
                raise StatementWrong(line, f"the row has more than {CELLS_MAX} cells")
            yield line, [*cells]


def plain(cell: Cell) -> str:
    """The text of a cell, without the apostrophe by which a bank keeps spreadsheets from reading it as a number."""
    text = format(cell, "f") if isinstance(cell, Decimal) else cell
    return text.strip().removeprefix("'").strip()
