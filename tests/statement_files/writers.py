"""Writers of every form of file, for lines as the banks would print them."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal
from xml.sax.saxutils import escape

from gerbang.clock import wib
from gerbang.domain.statements import StatementLine
from tests.statement_files.movements import ACCOUNT, LINES, OPENING

Lines = Sequence[StatementLine]
Signs = Literal[".,", ",."]
"""The sign before the sen, and the one between thousands."""

SHEET = "worksheet"
"""What the XML of a sheet begins with."""


def amount(minor: int, signs: Signs = ".,", *, thousands: bool = False) -> str:
    whole = f"{abs(minor) // 100:,}" if thousands else str(abs(minor) // 100)
    text = f"{whole}.{abs(minor) % 100:02d}"
    if signs == ",.":
        text = text.translate({ord("."): ",", ord(","): "."})
    return f"-{text}" if minor < 0 else text


def rows(cells: Sequence[Sequence[str]], delimiter: str = ",", *, quote_all: bool = False) -> str:
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows(cells)
    return text.getvalue()


def totals(lines: Lines) -> tuple[int, int]:
    booked = [line for line in lines if not line.pending]
    return (
        sum(line.amount for line in booked if line.direction == "credit"),
        sum(line.amount for line in booked if line.direction == "debit"),
    )


def bca(
    lines: Lines = LINES,
    opening: int = OPENING,
    *,
    one_field: bool = False,
    years: bool = True,
    delimiter: str = ",",
    signs: Signs = ".,",
    thousands: bool = False,
) -> str:
    """BCA's CSV; `one_field` has the amount and its sign in one."""
    form = "%d/%m/%Y" if years else "%d/%m"
    head = [["No. rekening", "=", f"'{ACCOUNT}"], ["Nama", "=", "'TOKO MAJU"], ["Mata Uang", "=", "'IDR"]]
    sign_column = [] if one_field else [""]
    table = [["Tanggal", "Keterangan", "Cabang", "Jumlah", *sign_column, "Saldo"]]
    for line in lines:
        sign = "CR" if line.direction == "credit" else "DB"
        printed = amount(line.amount, signs, thousands=thousands or one_field)
        cells = [f"{printed} {sign}"] if one_field else [printed, sign]
        day = "PEND" if line.pending else f"'{line.booked_on.strftime(form)}"
        balance = amount(line.balance_after or 0, signs, thousands=thousands or one_field)
        table.append([day, line.text, "'0000", *cells, balance])
    came, went = totals(lines)
    feet = [("Saldo Awal", opening), ("Kredit", came), ("Debet", went), ("Saldo Akhir", opening + came - went)]
    closing = [[label, "=", amount(value, signs, thousands=thousands or one_field)] for label, value in feet]
    return rows([*head, *table, *closing], delimiter)


def _before(line: StatementLine) -> int:
    return (line.balance_after or 0) - line.signed


def _debit(line: StatementLine) -> int:
    return line.amount if line.direction == "debit" else 0


def _credit(line: StatementLine) -> int:
    return line.amount if line.direction == "credit" else 0


def bri(lines: Lines = LINES, *, account: str = ACCOUNT, delimiter: str = ",", signs: Signs = ".,") -> str:
    def printed(minor: int) -> str:
        return amount(minor, signs).removeprefix("0")

    head = "ID NOREK TGL_TRAN TGL_EFEKTIF JAM_TRAN SEQ DESK_TRAN SALDO_AWAL_MUTASI MUTASI_DEBET MUTASI_KREDIT"
    table: list[list[str]] = [[*head.split(), "SALDO_AKHIR_MUTASI", "GLSIGN"]]
    for number, line in enumerate(lines, 1):
        day = line.booked_on.isoformat()
        at = wib(line.booked_at).strftime("%H%M%S").lstrip("0") if line.booked_at else ""
        balances = [printed(_before(line)), printed(_debit(line)), printed(_credit(line))]
        sign = "C" if line.direction == "credit" else "D"
        after = printed(line.balance_after or 0)
        table.append([str(number), account, day, day, at, str(number), line.text, *balances, after, sign])
    return rows(table, delimiter, quote_all=True)


def mandiri_corporate(lines: Lines = LINES) -> str:
    table: list[list[str]] = [
        ["Account No", "=", ACCOUNT],
        ["Posting Date", "Remark", "Reference No", "Debit", "Credit", "Balance"],
    ]
    for line in lines:
        amounts = [amount(each, thousands=True) for each in (_debit(line), _credit(line), line.balance_after or 0)]
        table.append([line.booked_on.strftime("%d/%m/%Y"), line.text, "", *amounts])
    return rows(table)


def mandiri_corporate_indonesian(lines: Lines = LINES) -> str:
    """With the newest movement first."""
    head = ["Tgl.", "Tgl. Val.", "Rincian Transaksi", "No. Referensi", "Debit", "Kredit", "Saldo", "Branch"]
    table = [[f"No. Rekening : {ACCOUNT}"], head]
    for line in reversed(lines):
        day = line.booked_on.strftime("%d %b %Y")
        amounts = [amount(each) if each else "" for each in (_debit(line), _credit(line))]
        table.append([day, day, line.text, "-", *amounts, amount(line.balance_after or 0), "12345"])
    return rows(table, ";")


def jatim(lines: Lines = LINES) -> str:
    head = "Post Date,Effective Date,Account,Name,Description,Currency,Debit,Credit,Balance,Reference No"
    table: list[list[str]] = [[*head.split(",")]]
    for line in lines:
        day = line.booked_on.strftime("%d-%m-%Y")
        amounts = [amount(each) for each in (_debit(line), _credit(line), line.balance_after or 0)]
        table.append([day, day, ACCOUNT, "TOKO MAJU", line.text, "IDR", *amounts, ""])
    return rows(table)


def mandiri_retail(lines: Lines = LINES, *, numbers: bool = False, shared: bool = True) -> bytes:
    """Mandiri's spreadsheet; with `numbers` amounts and days are numbers, else texts as the bank prints them."""

    def money(minor: int) -> str | Decimal:
        return Decimal(minor) / 100 if numbers else amount(minor, ",.", thousands=True)

    table: list[list[str | Decimal]] = [
        ["Nomor Rekening", ACCOUNT],
        ["No", "Tanggal", "Keterangan", "Dana Masuk (IDR)", "Dana Keluar (IDR)", "Saldo (IDR)"],
    ]
    for number, line in enumerate(lines, 1):
        day = Decimal((line.booked_on - date(1899, 12, 30)).days) if numbers else line.booked_on.strftime("%d %b %Y")
        amounts = [money(each) if each else "-" for each in (_credit(line), _debit(line))]
        table.append([str(number), day, line.text, *amounts, money(line.balance_after or 0)])
    table.append(["Dokumen ini sah tanpa tanda tangan."])
    return xlsx(table, shared=shared)


def xlsx(table: Sequence[Sequence[str | Decimal]], *, shared: bool = True, before: str = "") -> bytes:
    strings: list[str] = []
    sheet: list[str] = []
    for line, cells in enumerate(table, 1):
        written: list[str] = []
        for column, cell in enumerate(cells):
            place = f"{chr(ord('A') + column)}{line}"
            if isinstance(cell, Decimal):
                written.append(f'<c r="{place}"><v>{cell}</v></c>')
            elif shared:
                written.append(f'<c r="{place}" t="s"><v>{len(strings)}</v></c>')
                strings.append(cell)
            else:
                written.append(f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>')
        sheet.append(f'<row r="{line}">{"".join(written)}</row>')
    name = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = "".join(f"<si><t>{escape(each)}</t></si>" for each in strings)
        archive.writestr("xl/sharedStrings.xml", f"<sst {name}>{parts}</sst>")
        rows = element("sheetData", "".join(sheet))
        xml = f'<?xml version="1.0"?>{before}{element(SHEET, rows, name)}'
        archive.writestr("xl/worksheets/sheet1.xml", xml)
    return data.getvalue()


def element(name: str, inside: str, attributes: str = "") -> str:
    """An XML element."""
    return f"<{f'{name} {attributes}'.strip()}>{inside}</{name}>"


def _balance(minor: int, day: date) -> str:
    return f"{'C' if minor >= 0 else 'D'}{day:%y%m%d}IDR{amount(abs(minor), ',.')}"


def _movements(lines: Lines) -> list[str]:
    found: list[str] = []
    for line in lines:
        mark = "C" if line.direction == "credit" else "D"
        found.append(f":61:{line.booked_on:%y%m%d%m%d}{mark}{amount(line.amount, ',.')}NTRFNONREF")
        cut = [line.text[start : start + 65] for start in range(0, len(line.text), 65)]
        found += [f":86:{cut[0]}", *cut[1:]]
    return found


def mt940(
    lines: Lines = LINES, opening: int = OPENING, *, number: str = "00001/001", marks: str = "FF", blocks: bool = True
) -> str:
    """One message; `marks` are those of the opening and the closing balance: F for the first or last, M between pages."""
    closing = opening + sum(line.signed for line in lines)
    fields = [
        ":20:STMT270103",
        f":25:BMRIIDJA/{ACCOUNT}",
        f":28C:{number}",
        f":60{marks[0]}:{_balance(opening, lines[0].booked_on)}",
        *_movements(lines),
        f":62{marks[1]}:{_balance(closing, lines[-1].booked_on)}",
    ]
    start = ["{1:F01BMRIIDJAXXXX0000000000}{2:O9401200270103BMRIIDJAXXXX00000000002701031200N}{4:"] if blocks else []
    return "\r\n".join([*start, *fields, "-}" if blocks else "-", ""])


def mt942(lines: Lines = LINES, *, sums: bool = True) -> str:
    came, went = totals(lines)
    counts = [len([line for line in lines if line.direction == each]) for each in ("debit", "credit")]
    foot = [f":90D:{counts[0]}IDR{amount(went, ',.')}", f":90C:{counts[1]}IDR{amount(came, ',.')}"]
    fields = [":20:INTRADAY", f":25:{ACCOUNT}", ":28C:00003/001", ":34F:IDR0,", ":13D:2701031200+0700"]
    return "\n".join(["{1:F01X}{2:O942X}{4:", *fields, *_movements(lines), *(foot if sums else []), "-}"])


FORMS: dict[str, Callable[[], str | bytes]] = {
    "bca": bca,
    "bca, amount and sign in one field": lambda: bca(one_field=True),
    "bca, days without a year": lambda: bca(years=False),
    "bca, saved again with the other signs": lambda: bca(delimiter=";", signs=",.", thousands=True),
    "bri": bri,
    "bri, saved again with the other signs": lambda: bri(delimiter=";", signs=",."),
    "mandiri, texts in a spreadsheet": mandiri_retail,
    "mandiri, numbers in a spreadsheet": lambda: mandiri_retail(numbers=True, shared=False),
    "mandiri corporate": mandiri_corporate,
    "mandiri corporate, Indonesian, newest first": mandiri_corporate_indonesian,
    "jatim": jatim,
    "mt940": mt940,
    "mt940 without blocks": lambda: mt940(blocks=False),
    "mt940 in two pages": lambda: (
        mt940(LINES[:5], marks="FM") + mt940(LINES[5:], LINES[4].balance_after or 0, marks="MF", number="00001/002")
    ),
}


def written(form: str, encoding: str = "utf-8") -> bytes:
    content = FORMS[form]()
    return content if isinstance(content, bytes) else content.encode(encoding)
