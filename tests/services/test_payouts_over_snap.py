"""Payouts by a bank over the national standard, on real sockets: one order for each, whatever becomes of its answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar

import pytest

from gerbang.clock import wib
from gerbang.connections import remark_of
from gerbang.connections.snap import PROVIDER
from gerbang.domain.connections import Account, Connections, Route
from gerbang.domain.payouts import Payout
from gerbang.errors import AccountUnknown
from gerbang.partners import Partners
from gerbang.services import payouts
from gerbang.workers import Workers
from gerbang.workers.partner_requests import ask_due
from tests.support.gateways import Databases
from tests.support.payouts import AMOUNT, WHOLE, checked_processes, held, merchant_with, new_payout
from tests.support.services import Services
from tests.support.snap_banks import SILENT, Received, Reply, SnapBank, contract, json_reply, snap_bank

OURS = "0123456789"


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@dataclass
class ToyBank:
    """A bank with an account: it carries out what reaches it, unless a test says that it does not."""

    answer: Reply | None = None
    """To a transfer, in place of its own."""
    loses: bool = False
    """Whether it forgets a transfer that it was given."""
    debits: bool = True
    """Whether a transfer is taken from the account."""
    sent: list[str] = field(default_factory=list[str])
    known: dict[str, str] = field(default_factory=dict[str, str])
    rows: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def __call__(self, call: Received) -> Reply | None:
        if "account-inquiry" in call.path:
            if call.body["beneficiaryAccountNo"].endswith("404"):
                return json_reply(404, "4041511")
            return json_reply(200, "2001500", beneficiaryAccountName="BUDI SANTOSO")
        if call.path.endswith("/transfer/status"):
            status = self.known.get(call.body["originalPartnerReferenceNo"])
            if status is None:
                return json_reply(404, "4043601")
            return json_reply(200, "2003600", latestTransactionStatus=status, originalReferenceNo="R-1")
        if call.path.endswith("/bank-statement"):
            return json_reply(200, "2001400", detailData=self.rows)
        self.sent.append(call.body["partnerReferenceNo"])
        if not self.loses:
            self.known[call.body["partnerReferenceNo"]] = "00"
        if self.debits:
            self.rows.append(line(f"TRSF {call.body['remark']}", call.body["transactionDate"]))
        return self.answer or json_reply(200, "2001800", referenceNo="R-1")


def line(remark: str, at: str, value: str = f"{AMOUNT // 100}.00") -> dict[str, object]:
    return {"amount": {"value": value, "currency": "IDR"}, "transactionDate": at, "remark": remark, "type": "DEBIT"}


@asynccontextmanager
async def paying_by(here: Services, toy: ToyBank) -> AsyncGenerator[tuple[Services, SnapBank]]:
    """The same process whose payouts go by such a bank."""
    async with snap_bank(toy) as bank:
        connection = contract(bank, profile="bca", accounts=(Account(number=OURS),))
        connections = Connections({"bank": connection}, (Route(connections=("bank",)),))
        world = replace(here.world, partners=Partners(connections, {"snap": PROVIDER}, here.world.network))
        yield Services(world, here.batches, Workers(world, here.batches), here.clock), bank


async def work(here: Services, hours: float) -> None:
    for _ in range(int(hours * 6)):
        here.pass_time(minutes=10)
        await ask_due(here.world, here.batches)


async def now(here: Services, payout: Payout) -> Payout:
    return await payouts.read(here.world, payout.merchant_id, payout.id)


async def test_a_payout_is_sent_and_completed_at_once(url: str) -> None:
    async with checked_processes(url) as (one, _), paying_by(one, toy := ToyBank()) as (here, bank):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(here.world, new_payout(merchant, description="Gaji"))
        assert (payout.state, payout.bank_account_name, payout.bank_reference) == ("completed", "BUDI SANTOSO", "R-1")
        assert toy.sent == [payout.id.hex]
        assert bank.of("/transfer-interbank")[0].body["remark"] == f"{remark_of(payout.id)} Gaji"
        assert await payouts.account_name(here.world, merchant.id, "BRI", "1") == "BUDI SANTOSO"
        with pytest.raises(AccountUnknown):
            await payouts.account_name(here.world, merchant.id, "BRI", "404")


@pytest.mark.parametrize(
    "answer",
    [
        SILENT,
        Reply(200, b'{"responseCode":"2001800"}', cut=True),
        json_reply(500, "5001801"),
        json_reply(504, "5041800"),
        json_reply(200, "5001801"),
        Reply(502, b"<html>Bad Gateway</html>"),
    ],
    ids=["closed", "cut", "500", "504", "200 with 500", "html"],
)
async def test_a_lost_answer_is_asked_for_and_the_money_goes_once(url: str, answer: Reply) -> None:
    async with checked_processes(url) as (one, _), paying_by(one, toy := ToyBank(answer)) as (here, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(here.world, new_payout(merchant))
        assert payout.state == "pending"
        await work(here, 0.5)
        assert (await now(here, payout)).state == "completed"
        assert toy.sent == [payout.id.hex]
        assert await held(one, merchant) == (0, 0)


@pytest.mark.parametrize("closed", ["/transfer-interbank", "/account-inquiry-external"])
async def test_an_order_outside_of_the_banks_hours_is_given_again_later_under_another_name(
    url: str, closed: str
) -> None:
    class Conforming(ToyBank):
        """Remembers the name of each call, also of those that it turned away."""

        closed = True
        names: ClassVar[set[str]] = set()

        def __call__(self, call: Received) -> Reply | None:
            if call.headers["x-external-id"] in self.names:
                return json_reply(409, "4091800")
            self.names.add(call.headers["x-external-id"])
            if self.closed and call.path.endswith(closed):
                return json_reply(403, "4031806")
            return super().__call__(call)

    async with checked_processes(url) as (one, _), paying_by(one, toy := Conforming()) as (here, bank):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(here.world, new_payout(merchant))
        await work(here, 2.5)
        assert len(bank.of(closed)) == 3, "once an hour"
        (partner,) = here.world.partners.all
        assert partner.link.alarms == {}, "it does answer"
        toy.closed = False
        await work(here, 1)
        assert (await now(here, payout)).state == "completed"
        assert toy.sent == [payout.id.hex]


async def test_a_transfer_is_asked_for_by_the_name_that_it_was_given_last(url: str) -> None:
    async with (
        checked_processes(url) as (one, _),
        paying_by(one, toy := ToyBank(json_reply(403, "4031806"))) as (
            here,
            bank,
        ),
    ):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(here.world, new_payout(merchant))
        toy.answer = SILENT
        await work(here, 1.5)
        assert (await now(here, payout)).state == "completed"
        first, second = [each.headers["x-external-id"] for each in bank.of("/transfer-interbank")]
        assert first != second
        assert {each.body["originalExternalId"] for each in bank.of("/transfer/status")} == {second}


async def test_a_bank_that_hangs_and_a_process_that_dies_leave_one_order(url: str) -> None:
    hangs = asyncio.Event()

    class Hanging(ToyBank):
        def __call__(self, call: Received) -> Reply | None:
            said = super().__call__(call)
            if not call.path.endswith("/transfer-interbank"):
                return said
            hangs.set()
            return None

    async with checked_processes(url) as (one, _), paying_by(one, toy := Hanging()) as (here, _):
        merchant = await merchant_with(one, WHOLE)
        dying = asyncio.create_task(payouts.create(here.world, new_payout(merchant)))
        async with asyncio.timeout(10):
            await hangs.wait()
        dying.cancel()
        with suppress(asyncio.CancelledError):
            await dying
        await work(here, 0.5)
        (payout,) = await payouts.page(here.world, merchant.id, payouts.Search(), 1, 10)
        assert payout.state == "completed"
        assert toy.sent == [payout.id.hex]


async def test_a_token_that_is_turned_away_keeps_no_payout(url: str) -> None:
    async with checked_processes(url) as (one, _), paying_by(one, toy := ToyBank()) as (here, bank):
        merchant = await merchant_with(one, WHOLE)
        bank.tokens = lambda _: json_reply(503)
        payout = await payouts.create(here.world, new_payout(merchant))
        assert (payout.state, toy.sent) == ("pending", [])
        bank.tokens = None
        here.world.partners.named("bank").link.kept.clear()  # pyright: ignore[reportOptionalMemberAccess]  it is there; the machine's clock does not move
        await work(here, 0.5)
        assert (await now(here, payout)).state == "completed"
        assert toy.sent == [payout.id.hex]


async def test_a_refused_order_fails_and_its_money_comes_back(url: str) -> None:
    toy = ToyBank(json_reply(403, "4031802"), loses=True, debits=False)
    async with checked_processes(url) as (one, _), paying_by(one, toy) as (here, _):
        merchant = await merchant_with(one, WHOLE)
        payout = await payouts.create(here.world, new_payout(merchant))
        assert (payout.state, payout.failure_reason) == ("failed", "as a test says")
        assert await held(one, merchant) == (WHOLE, 0)


async def test_an_order_that_got_lost_has_failed_by_the_statement_and_one_that_left_has_not(url: str) -> None:
    for debits in (False, True):
        toy = ToyBank(SILENT, loses=True, debits=debits)
        async with checked_processes(url) as (one, _), paying_by(one, toy) as (here, bank):
            merchant = await merchant_with(one, WHOLE)
            payout = await payouts.create(here.world, new_payout(merchant))
            later = wib(here.clock.now()) + timedelta(minutes=70)
            toy.rows.append(line("FEE", f"{later:%Y-%m-%dT%H:%M:%S}+07:00", "6500.00"))
            await work(here, 0.9)
            assert (await now(here, payout)).state == "pending"
            assert bank.of("/bank-statement") == []
            await work(here, 3)
            assert toy.sent == [payout.id.hex]
            assert (await now(here, payout)).state == ("pending" if debits else "failed")
            assert await held(one, merchant) == ((0, WHOLE) if debits else (WHOLE, 0))
