"""Payments that their bank has not reported: what the bank says when it is asked is booked, once, as the same money."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace as changed
from structlog.testing import capture_logs

from gerbang.clock import MovableClock, SystemClock, wib
from gerbang.connections.snap import PROVIDER
from gerbang.domain.connections import Connections, Inbound, Route, Unanswered
from gerbang.domain.inquiries import Acceptance, Inquiry
from gerbang.domain.merchants import Merchant
from gerbang.partners import Partners
from gerbang.services.batches import Batches
from gerbang.services.payment_lookups import look_up, look_up_day
from gerbang.workers import Workers
from tests.support.gateways import Databases
from tests.support.services import PRICE, Services, money, number, order, payment_id
from tests.support.services import services as services_of
from tests.support.snap_banks import SILENT, Received, Reply, SnapBank, contract, json_reply, snap_bank

VALUE = {"value": f"{PRICE // 100}.00", "currency": "IDR"}
LATER = timedelta(minutes=16)


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh()


@dataclass
class ToyBank:
    """A bank that says of payments what a test has put here, by the id of their inquiry."""

    says: dict[str, dict[str, Any] | Reply] = field(default_factory=dict[str, dict[str, Any] | Reply])
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """Lines by day."""
    nobody_paid_to: str = ""
    """A company code with an empty list, which the bank says as if there were none."""

    def __call__(self, call: Received) -> Reply:
        if call.path.endswith("/report"):
            if call.body["partnerServiceId"].strip() == self.nobody_paid_to:
                return json_reply(404, "4043501")
            return json_reply(200, "2003500", virtualAccountData=self.lists.get(call.body["startDate"], []))
        if call.path.endswith("/create-va"):
            return json_reply(200, "2002700", virtualAccountData=call.body)
        said = self.says.get(call.body["inquiryRequestId"], json_reply(404, "4042601"))
        return said if isinstance(said, Reply) else json_reply(200, "2002600", virtualAccountData=said)


@dataclass
class Here:
    services: Services
    bank: SnapBank
    merchant: Merchant

    async def bought(self) -> tuple[UUID, str]:
        """A new payment and its number."""
        answer = await self.services.batches.create(order(self.merchant.id))
        return payment_id(answer), number(answer)

    async def asked_about(self, paid_to: str, inquiry_id: str) -> None:
        await self.services.batches.answer(Inquiry("bank", inquiry_id, "virtual_account", paid_to), 5)

    async def look_up(self, after: timedelta = LATER) -> int:
        self.services.clock.advance(after)
        return await look_up(self.services.world, self.services.batches, "bank")

    async def arrived(self) -> list[tuple[str, str, int]]:
        rows = await self.services.rows("SELECT reference, outcome, amount FROM reports ORDER BY received_at, id")
        return [tuple(row.values()) for row in rows]

    def followed(self) -> list[str]:
        """The inquiries that the bank was asked about."""
        return [each.body["inquiryRequestId"] for each in self.bank.of("/status")]


@asynccontextmanager
async def selling_by(
    url: str, toy: ToyBank, profile: str = "bca", unanswered: Unanswered = "kept"
) -> AsyncGenerator[Here]:
    """A merchant whose numbers are of such a bank."""
    clock = MovableClock(SystemClock().now(), ticking=False)
    async with services_of(url, clock=clock) as one, snap_bank(toy) as bank:
        inbound = Inbound(path_prefix="/partners/bank", unanswered=unanswered)
        members: dict[str, Any] = {"profile": profile, "inbound": inbound, "company_codes": tuple("123456789")}
        connections = Connections(
            {"bank": contract(bank, serves=frozenset({"payments"}), **members)}, (Route(connections=("bank",)),)
        )
        merchant = await one.merchant()
        world = replace(one.world, partners=Partners(connections, {"snap": PROVIDER}, one.world.network))
        batches = Batches(world, size_max=64, lanes=2)
        yield Here(Services(world, batches, Workers(world, batches), one.clock), bank, merchant)


async def test_money_of_which_the_bank_got_no_answer_and_that_it_keeps_is_booked_when_it_is_asked(url: str) -> None:
    async with selling_by(url, toy := ToyBank()) as here:
        payment, paid_to = await here.bought()
        _, other = await here.bought()
        await here.asked_about(paid_to, "ask-1")
        await here.asked_about(other, "ask-2")
        toy.says["ask-1"] = {"paymentFlagStatus": "00", "paymentRequestId": "ask-1", "paidAmount": VALUE}
        assert await here.look_up(timedelta(minutes=1)) == 0, "its customer may still be about to pay"
        assert here.followed() == []
        assert await here.look_up() == 1
        assert here.followed() == ["ask-1", "ask-2"]
        assert await here.arrived() == [("ask-1", "booked", PRICE)]
        assert (await here.services.read(here.merchant, payment)).payment.state == "paid"
        assert await here.look_up() == 0
        assert here.followed() == ["ask-1", "ask-2"], "what is booked is asked about no more, and the other one later"
        late = Acceptance("ask-1", money(paid_to, connection="bank", reference="ask-1"))
        reply = await here.services.batches.answer(late, 5)
        assert reply.verdict == "accepted", "the bank's own word comes all the same"
        assert await here.arrived() == [("ask-1", "booked", PRICE)]
        assert await here.services.imbalances() == []


async def test_only_what_nobody_has_paid_and_what_was_not_refused_is_asked_about(url: str) -> None:
    async with selling_by(url, ToyBank()) as here:
        _, paid = await here.bought()
        await here.asked_about(paid, "paid")
        await here.services.batches.answer(Acceptance("paid", money(paid, connection="bank", reference="paid")), 5)
        await here.asked_about(paid, "refused")
        _, open_ = await here.bought()
        await here.asked_about(open_, "open")
        await here.look_up()
        assert here.followed() == ["open"]


async def test_a_contract_by_which_unanswered_money_goes_back_asks_nothing(url: str) -> None:
    async with selling_by(url, ToyBank(), unanswered="returned") as here:
        _, paid_to = await here.bought()
        await here.asked_about(paid_to, "ask-1")
        await here.look_up()
        assert here.bank.received == []


@pytest.mark.parametrize("flag", ["01", "02", "", "9"])
async def test_what_the_bank_has_not_decided_or_has_refused_is_not_booked(url: str, flag: str) -> None:
    async with selling_by(url, toy := ToyBank()) as here:
        _, paid_to = await here.bought()
        await here.asked_about(paid_to, "ask-1")
        toy.says["ask-1"] = {"paymentFlagStatus": flag, "paidAmount": VALUE}
        with capture_logs() as logs:
            assert await here.look_up() == 0
        assert await here.arrived() == []
        assert (
            "a bank had no answer about a payment, and has not decided on it" in [each["event"] for each in logs]
        ) == (flag == "02")


async def test_what_is_not_decided_is_asked_again_after_hours_and_then_no_more(url: str) -> None:
    async with selling_by(url, toy := ToyBank()) as here:
        _, paid_to = await here.bought()
        await here.asked_about(paid_to, "ask-1")
        await here.asked_about((await here.bought())[1], "never paid")
        toy.says["ask-1"] = {"paymentFlagStatus": "02", "paidAmount": VALUE}
        assert await here.look_up() == 0
        toy.says["ask-1"] = {"paymentFlagStatus": "00", "paidAmount": VALUE}
        assert await here.look_up(timedelta(hours=1)) == 0
        assert await here.look_up(timedelta(hours=1)) == 1
        assert await here.arrived() == [("ask-1", "booked", PRICE)], "as of when the bank asked"
        for _ in range(3):
            await here.look_up(timedelta(hours=20))
        assert Counter(here.followed()) == {"ask-1": 2, "never paid": 3}


async def test_a_silent_bank_is_asked_again_and_one_that_will_not_say_keeps_nobody_else_waiting(url: str) -> None:
    async with selling_by(url, toy := ToyBank()) as here:
        payments = [await here.bought() for _ in range(3)]
        for (_, paid_to), name in zip(payments, ("first", "second", "third"), strict=True):
            here.services.clock.advance(timedelta(seconds=1))
            await here.asked_about(paid_to, name)
        paid = {"paymentFlagStatus": "00", "paidAmount": VALUE}
        toy.says |= {"first": json_reply(400, "4002600"), "second": SILENT, "third": paid}
        assert await here.look_up() == 0
        assert await here.arrived() == [("third", "booked", PRICE)], "what was said is not lost"
        toy.says |= {"second": paid | {"paymentRequestId": "another"}}
        assert await here.look_up() == 1
        assert {name for name, *_ in await here.arrived()} == {"third", "another"}
        assert Counter(here.followed()) == {"first": 2, "second": 2, "third": 1}


async def test_many_are_asked_about_in_parts_and_none_is_left_out(url: str) -> None:
    async with selling_by(url, ToyBank()) as here:
        _, paid_to = await here.bought()
        for number in range(8):
            here.services.clock.advance(timedelta(seconds=number // 2))
            await here.asked_about(paid_to, f"ask-{number}")
        here.services.clock.advance(LATER)
        for _ in range(4):
            await look_up(here.services.world, here.services.batches, "bank", most=3)
        assert sorted(here.followed()) == [f"ask-{number}" for number in range(8)]


async def test_of_two_processes_one_asks(url: str) -> None:
    async with selling_by(url, ToyBank()) as here:
        _, paid_to = await here.bought()
        await here.asked_about(paid_to, "ask-1")
        await here.look_up()
        await look_up(here.services.world, here.services.batches, "bank")
        assert here.followed() == ["ask-1"]


# -- by the list of a day ---------------------------------------------------------------------------------------------


def line(number: str, name: str) -> dict[str, Any]:
    at = wib(SystemClock().now()).isoformat(timespec="seconds")
    return {"virtualAccountNo": number, "paymentRequestId": name, "paidAmount": VALUE, "trxDateTime": at}


def days(here: Here) -> list[str]:
    return list(dict.fromkeys(each.body["startDate"] for each in here.bank.of("/report")))


async def test_what_a_bank_lists_and_nobody_reported_is_booked_once(url: str) -> None:
    async with selling_by(url, toy := ToyBank(), "mandiri") as here:
        today = wib(SystemClock().now()).date()
        _, reported = await here.bought()
        lost, never_reported = await here.bought()
        paid_at = SystemClock().now()
        await here.services.batches.report(
            changed(money(reported, connection="bank", reference="pushed"), paid_at=paid_at)
        )
        toy.lists[today.isoformat()] = [line(reported, "pushed"), line(never_reported, "never pushed")]
        assert await here.look_up() == 1
        assert days(here)[-3:] == [(today - timedelta(days=n)).isoformat() for n in (2, 1, 0)]
        assert (await here.services.read(here.merchant, lost)).payment.state == "paid"
        assert await here.look_up() == 0
        assert sorted(await here.arrived()) == [("never pushed", "booked", PRICE), ("pushed", "booked", PRICE)]


async def test_a_bank_that_names_a_payment_otherwise_in_its_list_has_it_booked_once(url: str) -> None:
    async with selling_by(url, toy := ToyBank(), "mandiri") as here:
        today = wib(SystemClock().now()).date().isoformat()
        _, paid_to = await here.bought()
        report = money(paid_to, connection="bank", reference="its push's name")
        await here.services.batches.report(changed(report, paid_at=SystemClock().now()))
        toy.lists[today] = [line(paid_to, "its list's name")]
        assert await here.look_up() == 0
        toy.lists[today].append(line(paid_to, "a second payment"))
        assert await here.look_up() == 1, "there is more on the list than was reported"
        assert len(await here.arrived()) == 2


async def test_a_long_list_is_read_whole_and_a_company_code_that_nobody_paid_to_keeps_none_of_the_others(
    url: str,
) -> None:
    async with selling_by(url, toy := ToyBank(), "mandiri") as here:
        today = wib(SystemClock().now()).date()
        paid = {(await here.bought())[1]: f"paid-{number}" for number in range(200)}
        toy.lists[today.isoformat()] = [line(paid_to, name) for paid_to, name in paid.items()]
        toy.nobody_paid_to = "1"
        found = await look_up_day(here.services.world, here.services.batches, "bank", today)
        assert found == len([each for each in await here.arrived() if each[1] == "booked"]) == 200
        assert await look_up_day(here.services.world, here.services.batches, "bank", today) == 0


async def test_the_inquiries_of_a_chosen_day_can_be_asked_about_at_any_time(url: str) -> None:
    async with selling_by(url, toy := ToyBank()) as here:
        _, paid_to = await here.bought()
        await here.asked_about(paid_to, "ask-1")
        day = wib(here.services.clock.now()).date()
        toy.says["ask-1"] = {"paymentFlagStatus": "00", "paidAmount": VALUE}
        assert await look_up_day(here.services.world, here.services.batches, "bank", day - timedelta(days=1)) == 0
        assert await look_up_day(here.services.world, here.services.batches, "bank", day) == 1


@pytest.mark.parametrize(
    ("profile", "members", "way"),
    [
        ("mandiri", {}, "list"),
        ("bri-ws", {}, "list"),
        ("doku", {}, None),
        ("bca", {}, "inquiry"),
        ("bca", {"base_url": None}, None),
        ("bca", {"inbound": Inbound(path_prefix="/bank", unanswered="returned")}, None),
        ("bsi", {}, None),
    ],
)
def test_who_is_asked_and_how(profile: str, members: dict[str, Any], way: str | None) -> None:
    usual = {"inbound": Inbound(path_prefix="/bank", unanswered="kept"), "serves": frozenset({"payments"})}
    connection = contract(SnapBank(lambda _: None), profile=profile, **(usual | members))
    assert PROVIDER.finds_by(connection) == way
    remarked = "inbound.unanswered" in [member for member, _ in PROVIDER.remarks(connection)]
    assert remarked == (way is None and profile != "doku" and "inbound" not in members), (
        "a bank that keeps money unseen"
    )
