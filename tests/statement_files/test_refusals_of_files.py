"""Files that are refused whole: cut, with wrong sums, too large, or made to harm; and never a crash."""

import io
import re
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang import statement_files
from gerbang.domain.statements import StatementWrong
from gerbang.statement_files import amounts, sheets, texts
from tests.statement_files import writers
from tests.statement_files.movements import LINES, TODAY, movements
from tests.statement_files.writers import FORMS, written

CLOSED = {
    "bca": writers.bca().encode(),
    "bca, one field": writers.bca(one_field=True).encode(),
    "bca, other signs": writers.bca(delimiter=";", signs=",.", thousands=True).encode("utf-16"),
    "mt940": writers.mt940().encode(),
    "mt940 without blocks": writers.mt940(blocks=False).encode(),
    "mt940 in two pages": written("mt940 in two pages"),
    "mt942": writers.mt942().encode(),
    "mandiri": writers.mandiri_retail(),
}
"""Files whose end can be known: closing lines, a closing balance, or the end of an archive."""


@pytest.mark.parametrize("form", CLOSED)
@given(data=st.data())
def test_a_file_that_is_cut_is_refused_or_has_the_same_lines(form: str, data: st.DataObject) -> None:
    whole = CLOSED[form]
    expected = movements(statement_files.read(whole, today=TODAY)[0].lines)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        (statement,) = statement_files.read(cut, today=TODAY)
    except StatementWrong:
        return
    assert movements(statement.lines) == expected


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_a_damaged_file_never_raises_anything_else(form: str, data: st.DataObject) -> None:
    whole = bytearray(written(form))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    _read_or_refuse(bytes(whole))


@pytest.mark.parametrize(
    "text",
    [writers.bri(), writers.jatim(), writers.mandiri_corporate(), writers.mandiri_corporate_indonesian()],
    ids=["bri", "jatim", "mandiri", "mandiri, Indonesian"],
)
def test_a_file_whose_names_of_columns_were_sorted_among_its_rows_is_refused(text: str) -> None:
    """What stood above them would be left out, and the balances of the rest would agree."""
    lines = text.splitlines(keepends=True)
    (place,) = [place for place, line in enumerate(lines) if "saldo" in line.lower() or "balance" in line.lower()]
    for down in (1, 3, len(lines) - place - 1):
        sorted_ = lines[:place] + lines[place + 1 :]
        sorted_.insert(place + down, lines[place])
        with pytest.raises(StatementWrong, match="above the names of the columns"):
            statement_files.read("".join(sorted_).encode(), today=TODAY, account=writers.ACCOUNT)


@given(st.binary(max_size=600))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    for start in (b"", b":20:", b"{1:X}{4:\n:20:A\n:25:1\n:60F:", b"PK\x03\x04", b"\xff\xfe"):
        _read_or_refuse(start + data)


@given(st.text(alphabet="0123456789.,'\"; \r\nCRDBPEND/-:=Rp٣", max_size=300))
def test_random_rows_below_a_known_header_never_raise_anything_else(rows: str) -> None:
    for form in ("bca", "bri", "jatim", "mandiri corporate"):
        head = written(form).decode().split("150000.00", 1)[0].rpartition("\r\n")[0]
        _read_or_refuse(f"{head}\r\n{rows}".encode())


def _read_or_refuse(data: bytes) -> None:
    with suppress(StatementWrong):
        statement_files.read(data, account=None, today=TODAY)
    with suppress(StatementWrong):
        statement_files.read_partner_lines(data)


def refused(data: bytes | str) -> StatementWrong:
    with pytest.raises(StatementWrong) as found:
        statement_files.read(data.encode() if isinstance(data, str) else data, today=TODAY)
    return found.value


def test_a_wrong_amount_is_refused_with_its_line() -> None:
    for form in ("bca", "bri", "jatim", "mandiri corporate"):
        text = written(form).decode()
        named = next(
            number for number, line in enumerate(text.splitlines(), 1) if "Toko" in line or "TOKO ABADI" in line
        )
        # The amount itself, and not the balance that ends alike.
        wrong = re.sub(r"(0,|\",\"|\"|,)(75,?500)\.50", r"\1\2.51", text, count=1)
        assert refused(wrong).line == named, form
    assert refused(writers.mt940().replace("C75500,50", "C75500,51")).line == 30


def test_sums_that_do_not_agree_are_refused() -> None:
    text = writers.bca()
    for label in ("Saldo Awal", "Kredit", "Debet", "Saldo Akhir"):
        start, _, rest = text.partition(f"{label},=,")
        wrong = refused(f"{start}{label},=,1{rest}")
        assert "the file says" in wrong.why or "balance" in wrong.why
    assert refused(writers.mt942().replace(":90C:7", ":90C:8")).why.startswith("the credits are not as many")


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_a_file_without_all_closing_lines_is_refused(missing: int) -> None:
    lines = writers.bca().splitlines(keepends=True)
    assert refused("".join(lines[:-missing])).why == f"the file is cut: {missing} of its 4 closing lines are missing"


def test_a_page_that_is_missing_is_refused() -> None:
    middle = LINES[4].balance_after or 0
    assert "last page" in refused(writers.mt940(LINES[:5], marks="FM")).why
    assert "page" in refused(writers.mt940(LINES[5:], middle, marks="MF")).why
    two_first = writers.mt940(LINES[:5], marks="FM") + writers.mt940(LINES[5:], middle, marks="FF")
    assert "page" in refused(two_first).why


def test_an_amount_of_nothing_is_no_movement_and_both_directions_are_none_either() -> None:
    line = '"13","0011223344","2027-01-03","2027-01-03","","13","BUNGA","{0}","{1}","{2}","{3}","C"\r\n'
    balance = writers.amount(LINES[-1].balance_after or 0)
    nothing = writers.bri() + line.format(balance, ".00", ".00", balance)
    assert len(statement_files.read(nothing.encode())[0].lines) == 12
    assert "a credit and a debit" in refused(writers.bri() + line.format(balance, "1.00", "1.00", balance)).why
    assert "neither" in refused(writers.bri() + line.format(balance, "", "", balance)).why


@pytest.mark.parametrize(
    ("written_amount", "sign", "minor"),
    [
        ("100000.00", ".", 100_000_00),
        ("500,000.00", ".", 500_000_00),
        ("100.000,00", ",", 100_000_00),
        (".00", ".", 0),
        (".5", ".", 50),
        ("Rp 5.000", ",", 5_000_00),
        ("IDR 5,000", ".", 5_000_00),
        ("-1.5", ".", -1_50),
        ("(1,500.00)", ".", -1_500_00),
        ("'7", ".", 7_00),
    ],
)
def test_amounts_as_banks_write_them(written_amount: str, sign: amounts.DecimalSign, minor: int) -> None:
    assert amounts.minor(written_amount, sign, 1) == minor


@pytest.mark.parametrize(
    "wrong", ["", ".", ",", "1.234", "1,23", "1,2345.00", "12.345.678", "1e5", "٣", "1 000", "abc", "9" * 30, "--1"]
)
def test_what_is_no_amount_is_refused(wrong: str) -> None:
    with pytest.raises(StatementWrong):
        amounts.minor(wrong, ".", 1)


@pytest.mark.parametrize("size", ["bytes", "rows", "cells"])
def test_a_file_that_is_too_large_is_refused(size: str) -> None:
    if size == "bytes":
        assert "larger than 64 MB" in refused(b" " * (texts.BYTES_MAX + 1)).why
    elif size == "rows":
        header, row = writers.jatim(LINES[:1]).splitlines(keepends=True)[:2]
        data = header + row.replace("150000.00", "0") * (texts.ROWS_MAX + 1)
        assert len(data) > texts.BYTES_MAX or "more than 1,000,000 rows" in refused(data).why
    else:
        assert "cells" in refused(f"{writers.jatim()}{',' * 300}x\r\n").why


def test_a_spreadsheet_that_was_made_to_harm_is_refused() -> None:
    trap = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert "entities" in refused(writers.xlsx([["Tanggal"]], before=trap)).why
    assert "entities" in refused(writers.xlsx([["Tanggal"]], before='<!DOCTYPE a SYSTEM "file:///etc/passwd">')).why
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<a>" + b" " * (texts.BYTES_MAX + 1))
    assert len(data.getvalue()) < 100_000
    assert "larger than 64 MB" in refused(data.getvalue()).why
    assert refused(b"\xd0\xcf\x11\xe0" + b"\0" * 600).why.endswith("save it as xlsx or CSV")
    deep = "<x>" * 2_000
    with pytest.raises(StatementWrong, match="nested"):
        sheets.sheets(_archive({"xl/sharedStrings.xml": deep, "xl/worksheets/sheet1.xml": "<a/>"}))
    wide = writers.element(writers.SHEET, '<row r="1"><c r="XFD1"><v>1</v></c></row>')
    with pytest.raises(StatementWrong, match="cells"):
        sheets.sheets(_archive({"xl/worksheets/sheet1.xml": wide}))
    huge = writers.element(writers.SHEET, '<row r="1"><c r="A1"><v>1e999999</v></c></row>')
    with pytest.raises(StatementWrong, match="larger"):
        sheets.sheets(_archive({"xl/worksheets/sheet1.xml": huge}))


def _archive(parts: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


def test_a_quotation_mark_that_stays_open_is_refused() -> None:
    assert refused(writers.bri()[:-4]).line == 13
    assert refused(writers.bri()[:-6]).why == "the row is cut: it has 11 cells instead of 12"
    assert refused(writers.bca([replace(LINES[0], text="A")]).replace(",A,", ',"A,')).line == 5


def test_a_delimiter_within_a_text_is_refused_and_empty_cells_behind_a_row_are_not() -> None:
    wrong = refused(writers.bca().replace("BIAYA ADM", "BIAYA,ADM"))
    assert str(wrong) == "line 8: the row has 7 cells instead of 6"
    longer = writers.bca().replace("CR,1150000.00\r", "CR,1150000.00,,\r")
    assert movements(statement_files.read(longer.encode())[0].lines) == movements(LINES)


def test_a_sentence_names_the_line() -> None:
    wrong = refused(writers.bca().replace("BIAYA ADM,'0000,6500.00,DB", "BIAYA ADM,'0000,6500.00,XX"))
    assert str(wrong) == "line 8: the row says neither CR nor DB"
