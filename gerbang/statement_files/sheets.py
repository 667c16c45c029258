"""The rows of a spreadsheet (xlsx), read without trusting it: a zip file of XML with bounds, and no definitions in it."""

import io
import lzma
import re
import struct
import zipfile
import zlib
from decimal import Decimal, InvalidOperation
from xml.parsers import expat

from gerbang.domain.statements import StatementWrong
from gerbang.statement_files.texts import BYTES_MAX, CELLS_MAX, ROWS_MAX, Cell, Row, check_size

FILES_MAX = 1_000
SHEETS_MAX = 20
DEPTH_MAX = 50
CELLS_IN_ALL_MAX = 12_000_000
SHEET = re.compile(r"^xl/worksheets/[^/]{1,100}\.xml$")
UNPACKING_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # a password, or a way of packing that zipfile does not know
)
STRINGS = "xl/sharedStrings.xml"
_COLUMN = re.compile(r"^([A-Z]{1,3})[0-9]{1,7}$")


def sheets(data: bytes) -> list[list[Row]]:
    """The rows of each sheet, in the order of their files. Raises StatementWrong if it is no spreadsheet, or a trap."""
    check_size(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(names) > FILES_MAX:
                raise StatementWrong(0, "the spreadsheet has too many parts")
            left = BYTES_MAX
            parts: dict[str, bytes] = {}
            for name in [STRINGS, *sorted(each for each in set(names) if SHEET.match(each))][: SHEETS_MAX + 1]:
                if name in names:
                    parts[name] = _unpacked(archive, name, left)
                    left -= len(parts[name])
    except UNPACKING_ERRORS as error:
        raise StatementWrong(0, "the spreadsheet is damaged or cut") from error
    strings = _Strings().read(parts.pop(STRINGS)) if STRINGS in parts else []
    if not parts:
        raise StatementWrong(0, "the file is no spreadsheet")
    return [_Sheet(strings).read(part) for part in parts.values()]


def _unpacked(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    # The size that the archive states may be a lie, so the bytes that really come out are counted.
    with archive.open(name) as part:
        unpacked = part.read(most + 1)
    if len(unpacked) > most:
        raise StatementWrong(0, f"the spreadsheet is larger than {BYTES_MAX // 1024 // 1024} MB")
    return unpacked


def parse(reader: "_Strings | _Sheet", xml: bytes) -> None:
    """Gives every element to a reader. Raises StatementWrong for broken XML, and for any definition within it."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise StatementWrong(0, "the spreadsheet defines entities, which no bank's does")

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: reader.start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda name: reader.end(name.rpartition(":")[2])
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise StatementWrong(0, "the spreadsheet is damaged") from error


class _Strings:
    """The texts that cells point at."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._parts: list[str] = []
        self._inside: list[str] = []

    def read(self, xml: bytes) -> list[str]:
        parse(self, xml)
        return self._found

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._inside.append(name)
        if len(self._inside) > DEPTH_MAX:
            raise StatementWrong(0, "the spreadsheet is nested too deeply")
        if name == "si":
            self._parts = []

    def end(self, name: str) -> None:
        self._inside.pop()
        if name == "si":
            self._found.append("".join(self._parts))

    def text(self, text: str) -> None:
        # What is in `rPh` says how a text is spoken, and is no part of it.
        if self._inside[-1] == "t" and "rPh" not in self._inside:
            self._parts.append(text)


class _Sheet:
    """The rows of one sheet; empty ones are left out."""

    def __init__(self, strings: list[str]) -> None:
        self._strings = strings
        self._rows: list[Row] = []
        self._line = 0
        self._cells: list[Cell] = []
        self._count = 0
        self._column = 0
        self._kind = ""
        self._parts: list[str] = []
        self._inside = ""

    def read(self, xml: bytes) -> list[Row]:
        parse(self, xml)
        return self._rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._inside = name
        if name == "row":
            number = attributes.get("r", "")
            self._line = int(number) if number.isascii() and number.isdecimal() and len(number) < 9 else self._line + 1
            self._cells = []
        elif name == "c":
            place = _COLUMN.match(attributes.get("r", ""))
            self._column = _number_of(place[1]) if place else len(self._cells)
            if self._column >= CELLS_MAX:
                raise StatementWrong(self._line, f"the row has more than {CELLS_MAX} cells")
            self._kind = attributes.get("t", "n")
            self._parts = []

    def end(self, name: str) -> None:
        self._inside = ""
        if name == "c":
            self._cells += [""] * (self._column + 1 - len(self._cells))
            self._cells[self._column] = self._cell("".join(self._parts))
        elif name == "row" and any(cell != "" and str(cell).strip() for cell in self._cells):
            self._count += len(self._cells)
            if len(self._rows) >= ROWS_MAX or self._count > CELLS_IN_ALL_MAX:
                raise StatementWrong(self._line, f"the sheet has more than {ROWS_MAX:,} rows")
            self._rows.append((self._line, self._cells))

    def text(self, text: str) -> None:
        if self._inside in ("v", "t"):
            self._parts.append(text)

    def _cell(self, text: str) -> Cell:
        if self._kind == "s":
            number = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
            if not 0 <= number < len(self._strings):
                raise StatementWrong(self._line, "a cell points at a text that is not there")
            return self._strings[number]
        if self._kind == "e":
            raise StatementWrong(self._line, "a cell has an error instead of a value")
        if self._kind != "n" or not text:
            return text
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            raise StatementWrong(self._line, "a cell is no number") from error
        # An exponent of millions would be written out as millions of zeros.
        if not number.is_finite() or abs(number.adjusted()) > 30:
            raise StatementWrong(self._line, "a number is larger than any amount")
        return number


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
