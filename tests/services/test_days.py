"""Statements are kept line by line, and a day is compared as often as somebody asks: on a real database."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from gerbang.clock import wib
from gerbang.connections import BankMovement, Link, remark_of
from gerbang.connections.simulator import Simulator
from gerbang.domain.connections import Account, Connection, Connections, Route
from gerbang.domain.kept_findings import KeptFinding
from gerbang.domain.merchants import Merchant
from gerbang.domain.payments import Method
from gerbang.domain.reversals import Reversal
from gerbang.domain.statements import StatementLine, StatementWrong
from gerbang.partners import Partners
from gerbang.services import payout_unknowns, payouts, reconciliation, reversals, statements
from gerbang.services.reconciliation import CannotCompare, FindingUnknown
from gerbang.services.statements import Imported, NoStatement
from tests.statement_files import writers
from tests.statement_files.movements import ACCOUNT
from tests.support.gateways import Databases
from tests.support.payouts import AMOUNT, WHOLE, Forgetful, merchant_with, new_payout
from tests.support.services import BRI, PRICE, START, Services, money, number, order, services

TODAY = wib(START).date()
YESTERDAY = TODAY - timedelta(days=1)
DAY = timedelta(days=1)
OPENING = 50_000_000_00
Moved = tuple[date, int, str]
"""Day, amount (below zero where it left), remark."""


def lines(moved: Sequence[Moved], opening: int = OPENING) -> list[StatementLine]:
    """Lines of an account, with the balance after each."""
    balance, found = opening, list[StatementLine]()
    for day, amount, text in moved:
        balance += amount
        direction = "credit" if amount > 0 else "debit"
        found.append(StatementLine(ACCOUNT, day, abs(amount), direction, text, balance_after=balance))
    return found


def file_of(moved: Sequence[Moved], opening: int = OPENING) -> bytes:
    return writers.bri(lines(moved, opening)).encode()


class Printing(Simulator):
    """The simulator with a statement of its account, which a test writes."""

    def __init__(self, rows: Sequence[StatementLine] = (), *, newest_first: bool = True) -> None:
        self.rows = list(rows)
        self.newest_first = newest_first

    async def statement(self, link: Link, account: str, first: date, last: date) -> AsyncIterator[BankMovement]:
        for row in reversed(self.rows) if self.newest_first else self.rows:
            if first <= row.booked_on <= last:
                way = "in" if row.direction == "credit" else "out"
                yield BankMovement(account, row.booked_on, None, row.amount, way, row.text, "", row.balance_after)


@asynccontextmanager
async def accounting(url: str, *more: Connection, bank: Simulator | None = None) -> AsyncGenerator[Services]:
    """A gateway whose connection has an account."""
    simulator = Connection(
        name="simulator",
        provider="simulator",
        serves=frozenset({"payments", "payouts", "statements"}),
        base_url="http://127.0.0.1:9",
        accounts=(Account(number=ACCOUNT),),
        bank_fees=(2_500,),
    )
    async with services(url) as here:
        by_name = {each.name: each for each in (simulator, *more)}
        connections = Connections(by_name, (Route(connections=("simulator",)),))
        partners = Partners(connections, {"simulator": bank or Simulator()}, here.world.network)
        world = replace(here.world, partners=partners)
        yield Services(world, here.batches, here.workers, here.clock)


async def paid(here: Services, merchant: Merchant, count: int = 1) -> list[str]:
    """Numbers of payments that the bank has reported."""
    found = [number(await here.batches.create(order(merchant.id, method=BRI))) for _ in range(count)]
    for each in found:
        assert (await here.batches.report(money(each))).outcome == "booked"
    return found


async def imported(here: Services, data: bytes, **options: Any) -> Imported:
    (found,) = await statements.import_file(here.world, "simulator", data, file_name="file", **options)
    return found


async def left(here: Services, day: date = TODAY, connection: str = "simulator") -> list[KeptFinding]:
    return (await reconciliation.reconcile(here.world, connection, day)).findings


def named(found: Sequence[KeptFinding]) -> list[tuple[str, int | None, int | None]]:
    return [(each.finding.kind, each.finding.ours, each.finding.theirs) for each in found]


Story = Callable[[Services], Coroutine[Any, Any, None]]


# -- files ------------------------------------------------------------------------------------------------------------


async def test_files_that_overlap_give_each_line_once_and_the_same_file_twice_changes_nothing(
    databases: Databases,
) -> None:
    moved = [(YESTERDAY, 100_00 * (1 + n % 3), f"SETORAN {n}") for n in range(12)]
    whole = lines(moved)
    async with accounting(databases.fresh()) as here:
        first, second = writers.bri(whole[:8]).encode(), writers.bri(whole[4:]).encode()
        assert (await imported(here, first)).new_lines == 8
        assert (await imported(here, second)).new_lines == 4
        both = await asyncio.gather(*(imported(here, writers.bri(whole[8:]).encode()) for _ in range(2)))
        assert {each.new_lines for each in both} == {0}
        before = await here.rows("SELECT * FROM statement_lines ORDER BY key")
        again = await imported(here, first)
        assert (again.known_before, again.new_lines, again.last_on) == (True, 0, YESTERDAY)
        # Another form of the same account, with everything in it.
        assert (await imported(here, writers.bca(whole, OPENING).encode())).new_lines == 0
        assert await here.rows("SELECT * FROM statement_lines ORDER BY key") == before
        listed = await statements.recent(here.world, "simulator", 10)
        assert sorted((each.kind, each.lines, each.new_lines) for each in listed) == [
            ("bca", 12, 0),
            ("bri", 4, 0),
            ("bri", 8, 4),
            ("bri", 8, 8),
        ]


async def test_a_file_that_is_wrong_anywhere_changes_nothing(databases: Databases) -> None:
    data = writers.bri(lines([(YESTERDAY, 100_00, "A"), (YESTERDAY, 200_00, "B")]))
    async with accounting(databases.fresh()) as here:
        for wrong, why in (
            (data.replace('"200.00"', '"201.00"'), "balance"),
            (data.replace(ACCOUNT, "999988887777"), "is of account"),
            ("what is this?", "no form that is known"),
        ):
            with pytest.raises(StatementWrong, match=why):
                await imported(here, wrong.encode())
        with pytest.raises(NoStatement, match=r"There is no connection bank; there are: simulator\."):
            await statements.import_file(here.world, "bank", data.encode())
        for table in ("statement_lines", "statement_imports"):
            assert await here.rows(f"SELECT FROM {table}") == []


async def test_what_is_pending_counts_for_nothing_and_is_replaced_once_it_is_booked(databases: Databases) -> None:
    booked = lines([(YESTERDAY, 100_00, "A")])
    pending = StatementLine(ACCOUNT, YESTERDAY, 900_00, "credit", "PROSES", pending=True)
    async with accounting(databases.fresh()) as here:
        # In BCA's file what is pending has no balance.
        first = writers.bca([*booked, pending], OPENING).encode()
        await imported(here, first)
        rows = await here.rows("SELECT text, pending FROM statement_lines ORDER BY text")
        assert [(each["text"], each["pending"]) for each in rows] == [("A", False), ("PROSES", True)]
        later = lines([(YESTERDAY, 100_00, "A"), (TODAY, 900_00, "SUDAH")])
        await imported(here, writers.bca(later, OPENING).encode())
        rows = await here.rows("SELECT text, pending FROM statement_lines ORDER BY text")
        assert [(each["text"], each["pending"]) for each in rows] == [("A", False), ("SUDAH", False)]


async def test_what_is_pending_stays_where_a_statement_ends_before_it(databases: Databases) -> None:
    pending = StatementLine(ACCOUNT, TODAY, 900_00, "credit", "PROSES", pending=True)
    async with accounting(databases.fresh()) as here:
        await imported(here, writers.bca([*lines([(YESTERDAY, 100_00, "A")]), pending], OPENING).encode())
        earlier = lines([(YESTERDAY, 100_00, "A"), (YESTERDAY, 50_00, "B")])
        await imported(here, writers.bca(earlier, OPENING).encode())
        rows = await here.rows("SELECT text, pending FROM statement_lines ORDER BY text")
        assert [(each["text"], each["pending"]) for each in rows] == [("A", False), ("B", False), ("PROSES", True)]


async def test_a_day_is_covered_once_it_is_over(databases: Databases) -> None:
    data = file_of([(YESTERDAY, 100_00, "A"), (TODAY, 200_00, "B")])
    async with accounting(databases.fresh()) as here:
        with pytest.raises(CannotCompare, match="there is none yet"):
            await left(here, YESTERDAY)
        done = await imported(here, data)
        assert (done.first_on, done.last_on) == (YESTERDAY, YESTERDAY)
        assert named(await left(here, YESTERDAY)) == [("unexplained_credit", None, 100_00)]
        with pytest.raises(CannotCompare, match="is not over yet"):
            await left(here)
        here.pass_time(days=2)
        await imported(here, data)
        with pytest.raises(CannotCompare, match=f"covers {TODAY}; the last day that is covered is {YESTERDAY}"):
            await left(here)
        # A file of the day after has nothing, and says so.
        await imported(here, data, last=TODAY + timedelta(days=1))
        assert named(await left(here)) == [("unexplained_credit", None, 200_00)]
        assert await left(here, TODAY + timedelta(days=1)) == []
        with pytest.raises(CannotCompare, match="There is no connection bank"):
            await left(here, TODAY, "bank")


async def test_a_day_with_a_hole_in_its_balances_cannot_be_compared(databases: Databases) -> None:
    whole = lines([(TODAY + timedelta(days=n // 3), 100_00 + n, f"A{n}") for n in range(9)])
    async with accounting(databases.fresh()) as here:
        here.pass_time(days=9)
        await imported(here, writers.bri(whole[:4]).encode())
        later = await imported(here, writers.bri(whole[5:]).encode())
        assert later.missing_before == (TODAY + timedelta(days=1),)
        with pytest.raises(CannotCompare, match=f"missing before one of {TODAY + timedelta(days=1)}"):
            await left(here, TODAY + timedelta(days=1))
        assert (await imported(here, writers.bri(whole).encode())).new_lines == 1
        assert len(await left(here, TODAY + timedelta(days=1))) == 3


async def test_a_bank_gives_thousands_of_rows_the_newest_first(databases: Databases) -> None:
    rows = lines([(TODAY + timedelta(days=n // 10_000), 100_00 + n % 7, f"BRIVA {n}") for n in range(20_000)])
    async with accounting(databases.fresh(), bank=Printing(rows)) as here:
        here.pass_time(days=9)
        (done,) = await statements.fetch(here.world, "simulator", None, TODAY, TODAY + timedelta(days=1))
        assert (done.lines, done.new_lines, done.last_on) == (20_000, 20_000, TODAY + timedelta(days=1))
        (again,) = await statements.fetch(here.world, "simulator", ACCOUNT, TODAY, TODAY)
        assert (again.lines, again.new_lines) == (10_000, 0)
        began = time.process_time()
        found = await reconciliation.reconcile(here.world, "simulator", TODAY)
        assert (found.day.lines, len(found.findings)) == (10_000, 10_000)
        assert time.process_time() - began < 30
        position = await here.rows("SELECT text FROM statement_lines WHERE position IN (1, 20000) ORDER BY position")
        assert [each["text"] for each in position] == ["BRIVA 0", "BRIVA 19999"]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_day_is_read_in_whatever_order_its_bank_prints_it(databases: Databases, newest_first: bool) -> None:
    rows = lines([(TODAY, 100_00 * (n + 1), f"A{n}") for n in range(5)])
    bank = Printing(rows, newest_first=newest_first)
    async with accounting(databases.fresh(), bank=bank) as here:
        here.pass_time(days=2)
        await statements.fetch(here.world, "simulator", None, TODAY, TODAY)
        kept = await here.rows("SELECT text FROM statement_lines ORDER BY position")
        assert [each["text"] for each in kept] == ["A0", "A1", "A2", "A3", "A4"]
        # The file of the same account has nothing that is new.
        assert (await imported(here, writers.bri(rows).encode())).new_lines == 0
        del bank.rows[2]
        with pytest.raises(StatementWrong, match="not whole"):
            await statements.fetch(here.world, "simulator", None, TODAY, TODAY)
        with pytest.raises(NoStatement, match="the wrong way round"):
            await statements.fetch(here.world, "simulator", None, TODAY, YESTERDAY)


# -- days -------------------------------------------------------------------------------------------------------------


async def test_what_is_found_no_more_is_closed_and_notes_stay(databases: Databases) -> None:
    async with accounting(databases.fresh()) as here:
        merchant = await here.merchant()
        one, *others = await paid(here, merchant, 3)
        here.pass_time(days=2)
        known = [(TODAY, PRICE, f"BRIVA {one}")]
        await imported(here, file_of(known))
        found = await left(here)
        assert named(found) == [("missing_there", PRICE, None)] * 2
        by_number = {each.finding.expected.numbers[0]: each.number for each in found if each.finding.expected}
        two, three = sorted(others, key=by_number.__getitem__)
        await reconciliation.note(here.world, by_number[two], "The bank looks for it.")
        # The next file has the line of one of them.
        await imported(here, file_of([*known, (TODAY, PRICE, f"BRIVA {two}"), (TODAY + timedelta(days=1), 1, "BUNGA")]))
        assert [each.number for each in await left(here)] == [by_number[three]]
        every = await reconciliation.list_findings(here.world, "simulator", TODAY, TODAY, 10, closed=True)
        assert [(each.number, each.state, each.closed_as, each.note) for each in every] == [
            (by_number[two], "closed", "gone", "The bank looks for it."),
            (by_number[three], "open", None, ""),
        ]
        assert await reconciliation.list_findings(here.world, None, TODAY, TODAY, 10) == every[1:]
        # It was no line of ours after all: the finding comes back as it was.
        async with here.world.db.transaction() as tx:
            await tx.execute("DELETE FROM statement_lines WHERE booked_on = $1 AND text LIKE '%' || $2", TODAY, two)
            await tx.execute("UPDATE statement_lines SET balance_after = NULL")
        again = await left(here)
        assert [(each.number, each.state, each.note) for each in again] == [
            (by_number[two], "noted", "The bank looks for it."),
            (by_number[three], "open", ""),
        ]
        with pytest.raises(FindingUnknown):
            await reconciliation.note(here.world, 999_999, "?")


async def test_what_a_person_has_settled_stays_so_and_counts_no_more(databases: Databases) -> None:
    async with accounting(databases.fresh()) as here:
        here.pass_time(days=2)
        await imported(here, file_of([(TODAY, 5_000_00, "SETORAN TUNAI"), (TODAY, -2_500_00, "BIAYA BIFAST")]))
        (found,) = await left(here)
        assert named([found]) == [("unexplained_credit", None, 5_000_00)], "the fee is known from the contract"
        closed = await reconciliation.close(here.world, found.number, "Our own money.")
        assert (closed.state, closed.closed_as, closed.note) == ("closed", "settled", "Our own money.")
        assert (await here.rows("SELECT findings FROM reconciled_days")) == [{"findings": 0}]
        assert await left(here) == []
        noted = await reconciliation.note(here.world, found.number, "From the safe of the shop.")
        assert (noted.state, noted.note) == ("closed", "From the safe of the shop.")


async def test_two_who_compare_a_day_and_one_who_writes_notes_do_not_disturb_each_other(databases: Databases) -> None:
    async with accounting(databases.fresh()) as here:
        here.pass_time(days=2)
        await imported(here, file_of([(TODAY, 1_000_00 + n, f"SETORAN {n}") for n in range(30)]))
        found = await left(here)
        await asyncio.gather(
            *(left(here) for _ in range(4)),
            *(reconciliation.note(here.world, each.number, f"note {each.number}") for each in found),
        )
        after = await left(here)
        assert [(each.number, each.note) for each in after] == [(each.number, f"note {each.number}") for each in found]
        assert await here.rows("SELECT count(*)::int AS count FROM findings") == [{"count": 30}]


async def test_payouts_that_went_out_came_back_or_failed_are_explained(databases: Databases) -> None:
    async with accounting(databases.fresh()) as here:
        merchant = await merchant_with(here, 5 * WHOLE)
        made = [await payouts.create(here.world, new_payout(merchant, f"salary-{n}")) for n in range(4)]
        went, returned, failed, lost = made
        for each in (went, returned, lost):
            await payouts.finish(here.world, merchant.id, each.id, "complete")
        await payouts.finish(here.world, merchant.id, failed.id, "fail")
        here.pass_time(hours=1)
        await payouts.give_back(here.world, merchant.id, returned.id, "Closed account")
        here.pass_time(days=2)
        moved = [(TODAY, -AMOUNT, f"TRSF {remark_of(each.id)}") for each in (went, returned, failed)]
        moved += [(TODAY, AMOUNT, f"RETUR {remark_of(each.id)}") for each in (returned, failed)]
        await imported(here, file_of(moved))
        (found,) = await left(here)
        assert (found.finding.kind, found.finding.expected and found.finding.expected.payout_id) == (
            "missing_there",
            lost.id,
        )
        # Money of which we know only that it went is the merchant's to look at once it is back.
        await imported(
            here, file_of([*moved, (TODAY, AMOUNT, f"RETUR {remark_of(went.id)}"), (TODAY, 1, "BUNGA")]), last=TODAY
        )
        kinds = {each.finding.kind: each.finding.owner for each in await left(here)}
        assert kinds == {"missing_there": "operator", "returned": "merchant", "unexplained_credit": "operator"}


async def test_a_debit_of_a_payout_of_unknown_end_names_it(databases: Databases) -> None:
    async with accounting(databases.fresh(), bank=Forgetful()) as here:
        merchant = await merchant_with(here, 2 * WHOLE)
        there, nowhere = [await payouts.create(here.world, new_payout(merchant, f"salary-{n}")) for n in range(2)]
        here.pass_time(days=2)
        moved = [(TODAY, -AMOUNT, f"TRSF {remark_of(there.id)}"), (TODAY, -2_500_00, "BIAYA ADM")]
        await imported(here, file_of(moved), last=TODAY)
        (found,) = await left(here)
        assert found.finding.expected is not None
        assert (found.finding.kind, found.finding.expected.payout_id) == ("unexplained_debit", there.id)
        (day,) = await here.rows("SELECT movements, matched FROM reconciled_days")
        assert day == {"movements": 0, "matched": 0}
        # Once its end is written, the debit is explained; what is not there is no finding before.
        for each in (there, nowhere):
            await payout_unknowns.resolve(here.world, each.id, sent=True, statement_seen=True)
        assert [
            (each.finding.kind, each.finding.expected and each.finding.expected.payout_id) for each in await left(here)
        ] == [("missing_there", nowhere.id)]


async def test_money_that_the_bank_took_back_is_explained_where_it_has_said_so(databases: Databases) -> None:
    async with accounting(databases.fresh()) as here:
        merchant = await here.merchant()
        one, two = [number(await here.batches.create(order(merchant.id))) for _ in range(2)]
        reports = [money(one), money(two)]
        for each in reports:
            await here.batches.report(each)
        await reversals.reverse(here.world, Reversal("simulator", "back 1", reports[0].reference, PRICE))
        here.pass_time(days=2)
        came = [(TODAY, PRICE, f"BRIVA {each}") for each in (one, two)]
        went = [(TODAY, -PRICE, f"REVERSAL BRIVA {each}") for each in (one, two)]
        await imported(here, file_of([*came, *went]))
        (found,) = await left(here)
        assert named([found]) == [("returned", PRICE, PRICE)]
        assert found.finding.expected and found.finding.expected.numbers == (two,)


async def test_qris_without_a_list_is_one_sum_a_day_and_with_danas_list_row_by_row(databases: Databases) -> None:
    async with accounting(databases.fresh()) as here:
        merchant = await here.merchant()
        references: list[str] = []
        for _ in range(3):
            paid_to = number(await here.batches.create(order(merchant.id, method=Method(channel="qris"))))
            came = money(paid_to, channel="qris")
            assert (await here.batches.report(came)).outcome == "booked"
            references.append(came.reference)
        tomorrow, later = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
        here.pass_time(days=2)
        paid_to = number(await here.batches.create(order(merchant.id, method=Method(channel="qris"))))
        await here.batches.report(money(paid_to, channel="qris"))
        here.pass_time(days=2)
        fee = PRICE * 7 // 1000
        await imported(here, file_of([(tomorrow, 3 * (PRICE - fee), "DANA SETTLEMENT")]), first=TODAY, last=later)
        assert named(await left(here)) == [("missing_there", 3 * PRICE, None)]
        head = "SETTLEMENT_TXN_ID;TXN_ID;TXN_TYPE;ACQUIREMENT_ID;MID;SETTLE_DATE;MERCHANT_NAME;TXN_AMOUNT;TXN_CURRENCY"
        rows = [
            f"B1;{each};ACQUIRING_ORDER;{each};21;{tomorrow}T10:00:00+07:00;TOKO;{PRICE};IDR;BALANCE;{fee};{PRICE - fee}"
            for each in references
        ]
        data = "\n".join([f"{head};PAY_METHOD;MDR_AMOUNT;SETTLE_AMOUNT", *rows, ""]).encode()
        done = await imported(here, data)
        assert (done.account, done.kind, done.lines, done.new_lines) == ("", "dana_payments", 3, 3)
        assert (await imported(here, data)).known_before
        assert await left(here) == []
        with pytest.raises(CannotCompare, match=f"No list of simulator's payments covers a day from {later + DAY} to"):
            await left(here, later)
        compared = await reconciliation.reconcile(here.world, "simulator", tomorrow)
        assert (compared.day.is_closed, compared.day.listed, compared.day.lines) == (True, 3, 1)


async def test_a_day_whose_list_is_missing_between_others_is_not_compared(databases: Databases) -> None:
    head = "SETTLEMENT_TXN_ID;TXN_ID;TXN_TYPE;ACQUIREMENT_ID;MID;SETTLE_DATE;MERCHANT_NAME;TXN_AMOUNT;TXN_CURRENCY"
    row = "B1;other-{0};ACQUIRING_ORDER;other-{0};21;{0}T10:00:00+07:00;TOKO;100;IDR;BALANCE;0;100"

    def listing(day: date) -> bytes:
        return "\n".join([f"{head};PAY_METHOD;MDR_AMOUNT;SETTLE_AMOUNT", row.format(day), ""]).encode()

    async with accounting(databases.fresh()) as here:
        merchant = await here.merchant()
        here.pass_time(days=9)  # the eighth of April, when banks work again
        day = TODAY + 9 * DAY
        paid_to = number(await here.batches.create(order(merchant.id, method=Method(channel="qris"))))
        await here.batches.report(money(paid_to, channel="qris"))
        here.pass_time(days=4)
        await imported(here, file_of([(day, 1_00, "BUNGA"), (day + DAY, 1_00, "BUNGA")]))
        for each in (day, day + 2 * DAY):
            await imported(here, listing(each))
        with pytest.raises(CannotCompare, match=f"No list of simulator's payments covers {day + DAY}; import it"):
            await left(here, day)
        # What was read before covers more where somebody says so.
        await imported(here, listing(day), first=day, last=day + DAY)
        assert "missing_there" in {each.finding.kind for each in await left(here, day)}


async def test_connections_that_share_an_account_are_compared_together(databases: Databases) -> None:
    other = Connection(
        name="other", provider="simulator", serves=frozenset({"payments"}), accounts=(Account(number=ACCOUNT),)
    )
    async with accounting(databases.fresh(), other) as here:
        (paid_to,) = await paid(here, await here.merchant())
        here.pass_time(days=2)
        data = file_of([(TODAY, PRICE, f"BRIVA {paid_to}"), (TODAY, 77_00, "SETORAN")])
        await statements.import_file(here.world, "other", data)
        found = await reconciliation.reconcile(here.world, "other", TODAY)
        assert (found.day.connection, found.together) == ("simulator", ("simulator", "other"))
        assert named(found.findings) == [("unexplained_credit", None, 77_00)]
        assert named(await left(here)) == named(found.findings)
        assert len(await here.rows("SELECT FROM findings")) == 1
