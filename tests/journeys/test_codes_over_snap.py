"""Codes that a bank must know, or makes, over the national standard: a gateway and a simulated bank, over HTTP in both directions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest

from gerbang.bank_simulator.records import payable
from gerbang.clock import wib
from gerbang.connections.snap import Snap
from gerbang.services import audit
from gerbang.services.payments import end
from gerbang.services.payments.end import Cancellation
from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.pages import page_of, send_form
from tests.support.gateways import Databases, Gateway, Shop, V4Shop
from tests.support.simulated_banks import Simulated, both
from tests.web.checkout.buyers import offers

Kind = Literal["va", "qr", "wallet"]
TABLES = {"va": "va", "qr": "qr", "wallet": "wallet"}
FAULTS = (
    "late_after_acting",
    "dropped_before_acting",
    "dropped_after_acting",
    "cut_answer",
    "slow_drip",
    "revoked_token",
    "unauthorized",
    "conflict",
    "too_many",
    "html_error",
    "wrong_service_code",
)
APART = ("late_after_acting", "slow_drip", "unauthorized")
"""What is waited for in vain, and a fault of our key, for which no token is fetched in half a minute."""
SHORT = "deadline_seconds = 1\n"


@dataclass(frozen=True)
class Way:
    """A profile, and what is bought by it."""

    profile: str
    kind: Kind
    connection: str
    make: str
    bank: str = ""
    ends: bool = True
    """Whether the bank can be asked to end a code that nobody has seen."""

    @property
    def id(self) -> str:
        return f"{self.profile}-{self.kind}"

    @property
    def routes(self) -> str:
        return f'\n[[routes]]\nconnections = ["{self.connection}"]\nchannel = "qris"\n' if self.kind == "qr" else ""

    def sent(self, shop: Shop, reference: str) -> tuple[int, Any]:
        """Creates a payment, or repeats that: the status and the body of the answer."""
        if self.kind == "wallet":
            options = {"providerCode": "SHOPEEPAY", "afterSettlementReturnUrl": "https://shop.example/return"}
            method = {"paymentMethodType": "e-wallet", "paymentMethodOptions": options}
            attributes = {"amount": 20_000, "referenceId": reference} | method
            answered = V4Shop(shop).call("POST", "/api/v4/payments", {"data": {"attributes": attributes}})
            return answered.status_code, answered.json()
        body: dict[str, Any] = {
            "clientReferenceId": reference,
            "amount": {"value": 20_000, "currency": "IDR"},
            "mode": "API",
        }
        if self.kind == "qr":
            body["paymentMethod"] = {"type": "QR"}
        else:
            body["paymentMethod"] = {"type": "VIRTUAL_ACCOUNT"}
            body["paymentMethodOptions"] = {
                "virtualAccount": {"channel": self.bank, "virtualAccountName": "Budi & Siti é"}
            }
        answered = shop.call("POST", "/v2/payments", body, X_REQUEST_ID=reference)
        return answered.status_code, answered.json()

    def shown(self, body: Any) -> str:
        """What a buyer pays to, or follows."""
        if self.kind == "wallet":
            return body["data"]["attributes"]["paymentMethod"]["settlement"]["httpUrl"]
        (charge,) = body["data"]["chargeDetails"]
        return charge["virtualAccount"]["virtualAccountNumber"] if self.kind == "va" else charge["qr"]["qrContent"]


BRI_VA = Way("bri-ws", "va", "bri-ws", "27", "BRI")
MANDIRI_VA = Way("mandiri", "va", "mandiri-va", "27", "MANDIRI")
DOKU_VA = Way("doku", "va", "doku", "27", "DANAMON")
BRI_QR = Way("bri-ws", "qr", "bri-ws", "47", ends=False)
DOKU_QR = Way("doku", "qr", "doku", "47")
DANA_QR = Way("dana", "qr", "dana", "47")
DANA = Way("dana", "wallet", "dana", "54")
WAYS = [BRI_VA, MANDIRI_VA, DOKU_VA, BRI_QR, DOKU_QR, DANA_QR, DANA]


class Here:
    """A gateway and a bank, and a merchant that sells by one way."""

    def __init__(self, gateway: Gateway, bank: Simulated, way: Way) -> None:
        self.gateway, self.bank, self.way = gateway, bank, way
        self.shop = gateway.new_shop()

    async def sent(self, reference: str = "") -> tuple[int, Any]:
        return await asyncio.to_thread(self.way.sent, self.shop, reference or str(uuid4()))

    async def bought(self) -> tuple[UUID, str]:
        """A new payment, and what its buyer is shown."""
        status, body = await self.sent()
        assert status in (200, 201), body
        return UUID(body["data"]["id"].removeprefix("contract_")), self.way.shown(body)

    async def pay(self, shown: str) -> dict[str, Any]:
        return await self.bank.pay(shown.rpartition("code=")[2] if self.way.kind == "wallet" else shown)

    async def advance(self, **how: object) -> None:
        await asyncio.to_thread(lambda: self.shop.advance(**how))

    def codes(self) -> list[tuple[str, str]]:
        """Our reference and the state of everything that the bank has made or registered for us."""
        return [(each.key, each.state) for each in self.bank.bank.ledger.found(TABLES[self.way.kind])]  # pyright: ignore[reportArgumentType]  # a kind

    def alive(self) -> list[str]:
        """Those that somebody could pay now."""
        bank = self.bank.bank
        found = bank.ledger.found(TABLES[self.way.kind])  # pyright: ignore[reportArgumentType]  # a kind
        return [each.key for each in found if payable(each, bank.clock.now())]

    def states(self, payment: UUID) -> tuple[str, list[str]]:
        (row,) = self.gateway.rows("SELECT state FROM payments WHERE id = $1", payment)
        listed = self.gateway.rows("SELECT state FROM charges WHERE payment_id = $1 ORDER BY id", payment)
        return row["state"], [each["state"] for each in listed]

    def arrived(self) -> list[str]:
        return [row["outcome"] for row in self.gateway.rows("SELECT outcome FROM reports ORDER BY received_at")]

    def in_order(self) -> None:
        wrong = [finding for finding in self.gateway.do(audit.look(self.gateway.services.world.db)) if finding.count]
        assert [(finding.rule, finding.examples) for finding in wrong] == []


@asynccontextmanager
async def open_(
    databases: Databases, folder: Path, way: Way, more: str = "", members: str = ""
) -> AsyncGenerator[Here]:
    async with both(databases, folder, way.profile, routes=way.routes + more, members=members) as (gateway, bank):
        here = Here(gateway, bank, way)
        yield here
        here.in_order()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_a_code_is_the_banks_and_is_paid_there_and_booked(databases: Databases, tmp_path: Path, way: Way) -> None:
    async with open_(databases, tmp_path, way) as here:
        payment, shown = await here.bought()
        assert len(here.codes()) == 1
        if way.kind == "wallet":
            assert shown.startswith(f"{here.bank.url}/?code=")
        elif way.kind == "qr":
            assert here.bank.bank.ledger.found("qr")[0].document["content"] == shown
        paid = await here.pay(shown)
        assert (paid["money"], paid["taken"]) == ("paid", True), paid
        assert here.states(payment) == ("paid", ["succeeded"])
        assert here.arrived() == ["booked"]
        assert (await here.pay(shown))["money"] == "not taken"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_a_code_of_a_withdrawn_payment_is_ended_at_the_bank(
    databases: Databases, tmp_path: Path, way: Way
) -> None:
    async with open_(databases, tmp_path, way) as here:
        payment, shown = await here.bought()
        withdrawn = Cancellation(here.shop.merchant_id, payment, "changed my mind")
        await asyncio.to_thread(here.gateway.do, end.withdraw(here.gateway.services.world, withdrawn))
        await here.advance(seconds=0)
        if way.ends:
            assert (await here.pay(shown))["money"] == "not taken"
        else:  # what is paid to it until it ends by itself is held
            assert (await here.pay(shown))["taken"]
            assert here.arrived() == ["late"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_whatever_becomes_of_an_answer_there_is_one_code_and_it_can_be_paid(
    databases: Databases, tmp_path: Path, way: Way
) -> None:
    async with open_(databases, tmp_path, way, members=SHORT) as here:
        for fault in FAULTS:
            await here.bank.put_faults({fault: {"rate": 1, "times": 1, "services": [way.make]}}, late_seconds=1.5)
            reference = str(uuid4())
            status, body = await here.sent(reference)
            tries = 0
            while status == 503 and tries < 6:
                tries += 1
                await here.advance(seconds=100)
                status, body = await here.sent(reference)
            assert status in (200, 201), (fault, status, body)
            paid = await here.pay(way.shown(body))
            assert (paid["money"], paid["taken"]) == ("paid", True), (fault, paid)
            assert here.alive() == [] or not way.ends, f"{fault}: a code is left that nobody knows"
        assert here.arrived() == ["booked"] * len(FAULTS)


@pytest.mark.parametrize("way", [DOKU_QR, DANA_QR, DANA], ids=lambda way: way.id)
async def test_money_whose_word_was_lost_is_found_by_asking(databases: Databases, tmp_path: Path, way: Way) -> None:
    async with open_(databases, tmp_path, way) as here:
        payment, shown = await here.bought()
        await here.bank.put_faults({"bad_signature": 1})
        assert not (await here.pay(shown))["taken"]
        assert here.states(payment) == ("awaiting", ["waiting"])
        await here.bank.put_faults({})
        await here.advance(seconds=130)
        assert here.states(payment) == ("paid", ["succeeded"])
        (row,) = here.gateway.rows("SELECT reference FROM reports")
        await here.bank.control("notify", {"reference": row["reference"]})  # its word comes all the same
        assert here.arrived() == ["booked"]


@pytest.mark.parametrize("way", [BRI_VA, MANDIRI_VA], ids=lambda way: way.id)
async def test_money_whose_push_was_lost_is_in_the_banks_list_of_the_day(
    databases: Databases, tmp_path: Path, way: Way
) -> None:
    async with open_(databases, tmp_path, way) as here:
        began = wib(datetime.now(UTC)).date()
        payment, shown = await here.bought()
        other, seen = await here.bought()
        await here.pay(seen)
        await here.bank.put_faults({"bad_signature": 1})
        assert not (await here.pay(shown))["taken"]
        await here.bank.put_faults({})
        partner = here.gateway.services.world.partners.named(way.connection)
        assert partner is not None
        assert isinstance(partner.provider, Snap)
        provider, link = partner.provider, partner.link

        async def read() -> None:
            for _ in range(2):
                for day in sorted({began, wib(link.clock.now()).date()}):  # two of them if midnight has come
                    async for report in provider.report(link, day):
                        await here.gateway.services.batches.report(report)

        await asyncio.to_thread(here.gateway.do, read())
        assert here.states(payment) == here.states(other) == ("paid", ["succeeded"])
        await here.bank.control("notify", {"reference": shown})
        assert here.arrived() == ["booked", "booked"]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_a_bad_day_ends_with_every_shown_code_paid_once_and_no_other_alive(
    databases: Databases, tmp_path: Path, way: Way
) -> None:
    async with open_(databases, tmp_path, way, members=SHORT) as here:
        services = ("27", "28", "30", "31", "47", "51", "77", "54", "55", "57")
        mixed = {fault: {"rate": 0.12, "services": services} for fault in FAULTS if fault not in APART}
        await here.bank.put_faults(mixed, seed=sum(way.id.encode()))
        references = [str(uuid4()) for _ in range(8)]
        first = [await here.sent(each) for each in references]
        assert {status for status, _ in first} <= {200, 201, 503}
        made = here.gateway.rows(
            "SELECT id, state FROM payments WHERE merchant_id = $1 ORDER BY id", here.shop.merchant_id
        )
        assert len(made) == len(references)
        withdrawn = {row["id"] for row in made[::3]}
        for payment in withdrawn:
            said = Cancellation(here.shop.merchant_id, payment, "changed my mind")
            await asyncio.to_thread(here.gateway.do, end.withdraw(here.gateway.services.world, said))
        await here.advance(seconds=40)
        await here.bank.put_faults({})
        await here.advance(seconds=200)
        for reference, row in zip(references, made, strict=True):
            if row["id"] not in withdrawn:
                status, body = await here.sent(reference)
                assert status in (200, 201), body
                paid = await here.pay(way.shown(body))
                assert (paid["money"], paid["taken"]) == ("paid", True), paid
                assert here.states(row["id"]) == ("paid", ["succeeded"])
        await here.advance(seconds=3_600)
        assert here.arrived() == ["booked"] * (len(made) - len(withdrawn))
        assert here.alive() == [] or not way.ends


async def test_a_wallet_payment_that_is_over_at_the_wallet_has_failed(databases: Databases, tmp_path: Path) -> None:
    async with open_(databases, tmp_path, DANA) as here:
        said, _ = await here.bought()
        asked, _ = await here.bought()
        first, second = [key for key, _ in here.codes()][::-1]
        await here.bank.control("notify", {"reference": first, "state": "05"})
        assert here.states(said) == ("failed", ["failed"])
        assert here.states(asked) == ("awaiting", ["waiting"])
        ledger = here.bank.bank.ledger
        record = ledger.find("wallet", key=second)
        assert record is not None
        ledger.change(record, "05")
        await here.advance(seconds=130)
        assert here.states(asked) == ("failed", ["failed"])


async def test_the_payers_page_leads_to_the_wallets_own_page(databases: Databases, tmp_path: Path) -> None:
    async with open_(databases, tmp_path, DANA) as here:
        await asyncio.to_thread(offers, here.shop, "ewallet")
        redirect = {"mode": "REDIRECT", "paymentMethod": None, "paymentMethodOptions": None}
        url = (await asyncio.to_thread(lambda: here.shop.create(**redirect)))["paymentUrl"]
        shop = CheckedShop(here.shop)
        await asyncio.to_thread(send_form, shop, url, "choose", way="ewallet/SHOPEEPAY")
        (code,) = here.bank.bank.ledger.found("wallet")
        page = await asyncio.to_thread(page_of, shop, url)
        assert f'href="{here.bank.url}/?code={code.other_key}"' in page.text
        assert "/wallet?" not in page.text
        back, notify = code.document["urls"]
        assert (back["type"], back["url"]) == ("PAY_RETURN", url)
        assert (notify["type"], notify["url"]) == (
            "PAY_NOTIFY",
            f"{here.gateway.base_url}/partners/dana/v1.0/debit/notify",
        )
        assert (await here.pay(f"code={code.other_key}"))["taken"]
        assert here.arrived() == ["booked"]


async def test_a_code_that_is_not_paid_is_asked_about_until_long_after_its_end_and_no_more(
    databases: Databases, tmp_path: Path
) -> None:
    async with open_(databases, tmp_path, DOKU_QR) as here:
        payment, _ = await here.bought()
        await here.advance(seconds=4 * 86_400)
        assert here.states(payment)[0] == "expired"
        (row,) = here.gateway.rows("SELECT count(*) AS n FROM partner_requests WHERE next_at IS NOT NULL")
        assert row["n"] == 0
        asked = [each for each in here.bank.bank.transcript.exchanges if each.service == "51"]
        assert 3 <= len(asked) <= 20


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_what_the_bank_declines_is_an_error_of_each_dialect(
    databases: Databases, tmp_path: Path, way: Way
) -> None:
    nowhere = f'\n[connections.{way.connection}.settings.calls]\n{way.make} = "/nowhere"\n'
    async with open_(databases, tmp_path, way, more=nowhere) as here:
        status, body = await here.sent()
        if way.kind == "wallet":
            assert (status, body["errors"][0]["code"]) == (400, "TXN0005")
        else:
            assert (status, body["code"]) == (502, "bad_gateway")
            assert "/nowhere" in body["error"]["details"][0]["message"]
        assert here.codes() == []
