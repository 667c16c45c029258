"""Every form of file gives the same twelve movements; what a file may look like and still be the same file."""

from datetime import date

import pytest
from msgspec.structs import replace

from gerbang import statement_files
from gerbang.domain.statements import Statement, StatementWrong, keyed
from gerbang.statement_files import FileKind
from tests.statement_files import writers
from tests.statement_files.movements import ACCOUNT, CLOSING, LINES, OPENING, TODAY, movements
from tests.statement_files.writers import FORMS, written


def read_one(data: bytes, today: date | None = TODAY) -> Statement:
    (statement,) = statement_files.read(data, today=today)
    return statement


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_movements(form: str) -> None:
    statement = read_one(written(form))
    assert movements(statement.lines) == movements(LINES)
    assert (statement.account, statement.currency) == (ACCOUNT, "IDR")
    assert (statement.opening, statement.closing) == (OPENING, CLOSING)
    assert not any(line.pending for line in statement.lines)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_line_has_the_same_key_in_every_form(form: str) -> None:
    assert [key for key, _ in keyed(read_one(written(form)).lines)] == [key for key, _ in keyed(LINES)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("form", [form for form in FORMS if "spreadsheet" not in form])
def test_the_encoding_of_a_file_does_not_matter(form: str, encoding: str) -> None:
    assert movements(read_one(written(form, encoding)).lines) == movements(LINES)


def test_letters_outside_ascii_are_read_in_the_encoding_of_windows() -> None:
    lines = [replace(line, text=f"{line.text} Café") for line in LINES]
    for encoding in ("utf-8", "cp1252", "utf-16"):
        assert read_one(writers.bca(lines).encode(encoding)).lines[0].text.endswith("Café")


@pytest.mark.parametrize("form", [form for form in FORMS if "spreadsheet" not in form])
def test_the_ends_of_lines_do_not_matter(form: str) -> None:
    for end in (b"\n", b"\r\n"):
        data = written(form).replace(b"\r\n", b"\n").replace(b"\n", end)
        assert movements(read_one(data).lines) == movements(LINES)


def test_mt942_gives_the_same_movements_and_none_of_them_is_booked() -> None:
    for text in (writers.mt942(), writers.mt942(sums=False)):
        statement = read_one(text.encode())
        expected = [replace(line, balance_after=None) for line in LINES]
        assert movements(statement.lines) == movements(expected)
        assert all(line.pending for line in statement.lines)
        assert statement.partial


def test_each_form_is_found_by_its_content() -> None:
    kinds: dict[str, FileKind] = {form: statement_files.kind_of(written(form)) for form in FORMS}
    for form, kind in kinds.items():
        bank = form.split(" ")[0].strip(",")
        assert kind == {"mt940": "swift", "mandiri": "mandiri_retail"}.get(bank, bank) or kind == "mandiri_corporate"
        assert movements(statement_files.read(written(form), kind=kind, today=TODAY)[0].lines) == movements(LINES)
    with pytest.raises(StatementWrong, match="not of the form bri"):
        statement_files.read(written("bca"), kind="bri")


def test_the_account_is_given_where_the_file_names_none_and_checked_where_it_does() -> None:
    unnamed = writers.mandiri_corporate().split("\r\n", 1)[1].encode()
    with pytest.raises(StatementWrong, match="must be given"):
        statement_files.read(unnamed)
    assert movements(statement_files.read(unnamed, account="001-1223344")[0].lines) == movements(LINES)
    with pytest.raises(StatementWrong, match="is of account 0011223344"):
        statement_files.read(written("bri"), account="999")
    # A spreadsheet that saved the file again has dropped the zeros before the number.
    shorter = written("jatim").replace(b"0011223344", b"11223344")
    assert statement_files.read(shorter, account=ACCOUNT)[0].account == ACCOUNT


def test_a_year_that_turns_within_a_file_without_years() -> None:
    data = writers.bca(years=False).encode()
    days = [line.booked_on for line in read_one(data).lines]
    assert days == [line.booked_on for line in LINES]
    assert [day.year for day in days] == [2026] * 6 + [2027] * 6
    with pytest.raises(StatementWrong, match="line 5: the day has no year"):
        read_one(data, today=None)
    head = "Periode,=,'29/12/2026 - 03/01/2027\r\n"
    assert [line.booked_on for line in read_one((head + data.decode()).encode(), today=None).lines] == days
    # With the day of another year the days would go backwards, and the balances show it.
    with pytest.raises(StatementWrong, match="balance"):
        read_one(data, today=date(2027, 12, 31))


def test_rows_that_are_pending_are_shown_and_not_booked() -> None:
    waiting = replace(LINES[0], pending=True, amount=5_000_00, text="BRIVA 1", balance_after=0)
    statement = read_one(writers.bca([*LINES, waiting]).encode())
    assert [line.pending for line in statement.lines] == [False] * 12 + [True]
    assert statement.lines[-1].booked_on == TODAY
    assert statement.lines[-1].balance_after is None
    # Shown first, as some files have it, and without the day on which the file was made.
    statement = read_one(writers.bca([waiting, *LINES]).encode(), today=None)
    assert statement.lines[0].booked_on == LINES[-1].booked_on
    with pytest.raises(StatementWrong, match="must be given"):
        read_one(writers.bca([waiting]).encode(), today=None)


def test_files_that_overlap_and_files_read_twice_give_each_line_once() -> None:
    first, second = LINES[:8], LINES[5:]
    one = read_one(writers.bca(first).encode())
    two = read_one(writers.bri(second).encode())
    both = dict(keyed(one.lines)) | dict(keyed(two.lines)) | dict(keyed(one.lines))
    assert sorted(both) == sorted(key for key, _ in keyed(LINES))
    assert len(both) == 12


def test_the_year_of_a_movement_and_its_entry_may_differ() -> None:
    def day_of(dates: str) -> date:
        head = ":20:A\n:25:1234567890\n:28C:1\n:60F:C261231IDR0,\n"
        foot = ":86:X\n:62F:C270102IDR5,\n-"
        return read_one(f"{head}:61:{dates}C5,NTRFNONREF\n{foot}".encode()).lines[0].booked_on

    assert day_of("2612310102") == date(2027, 1, 2)
    assert day_of("2701011231") == date(2026, 12, 31)
    assert day_of("2702280228") == date(2027, 2, 28)
    assert day_of("280229") == date(2028, 2, 29)


def test_statements_count_from_one_again_each_january() -> None:
    before, after = LINES[:6], LINES[6:]
    middle = before[-1].balance_after or 0
    text = writers.mt940(before, number="00365/001") + writers.mt940(after, middle, number="00001/001")
    assert [each.number for each in statement_files.read(text.encode())] == ["2026/365", "2027/1"]
    # Which number was the last of a year nobody knows; within a year the next one must follow on.
    before, after = LINES[:4], LINES[4:6]
    middle = (before[-1].balance_after or 0) + 1
    for number, refused in (("00301/001", True), ("00302/001", False)):
        text = writers.mt940(before, number="00300/001") + writers.mt940(after, middle, number=number)
        if refused:
            with pytest.raises(StatementWrong, match="opening balance"):
                statement_files.read(text.encode())
        else:
            assert len(statement_files.read(text.encode())) == 2, "a statement between them is in another file"


def test_a_remark_is_put_together_again_where_its_line_was_full() -> None:
    code = "INV0197AB"
    long = replace(LINES[0], text="PEMBAYARAN TAGIHAN NOMOR YANG PANJANG SEKALI UNTUK BULAN DESEM" + code)
    assert writers.mt940([long]).count(code) == 0, "the code is cut by the end of a line"
    assert read_one(writers.mt940([long]).encode()).lines[0].text == long.text


def test_a_movement_that_is_taken_back_has_the_other_direction() -> None:
    text = writers.mt940(LINES[:1]).replace("C150000,00N", "RD150000,00N")
    assert read_one(text.encode()).lines[0].direction == "credit"
    text = writers.mt940(LINES[3:4]).replace("D6500,00N", "RC6500,00NTRFREF123//BANK1\nMORE").replace("NTRFNONREF", "")
    assert read_one(text.encode()).lines[0].direction == "debit"
