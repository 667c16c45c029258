"""A customer of the bank pays: the bank asks its partner, reports the payment, and decides what becomes of the money."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from gerbang.bank_simulator import bodies, verdicts
from gerbang.bank_simulator.bodies import Visit
from gerbang.bank_simulator.calls import Caller
from gerbang.bank_simulator.ledger import PAYERS, SUSPENSE, Ledger, sen, stored, written
from gerbang.bank_simulator.profiles import Silence
from gerbang.bank_simulator.transcript import Exchange

Money = Literal["not taken", "paid", "reversed", "suspended"]
"""What became of the payer's money. `reversed`: it was taken and given back."""
OF_A_PAYMENT = ("wrong_amount", "unknown_number", "foreign_number", "out_of_order", "reversal")
RUPIAH = 100


class Order(msgspec.Struct, frozen=True):
    """What somebody wants to be paid: a number, or a code by its content or by either side's reference."""

    number: str = ""
    code: str = ""
    amount: str | None = None
    deadline_seconds: float | None = None
    """Instead of the profile's."""
    unanswered: Silence | None = None
    """What the contract says of money that was not answered; instead of the profile's."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of it."""

    number: str
    amount: str
    money: Money
    why: str
    request_id: str
    taken: bool
    """Whether the partner has taken the payment, by its own answer."""
    faults: list[str]
    exchanges: list[Exchange]


class OrderWrong(Exception):
    """It cannot be paid as it is asked for. The message says why."""


@dataclass
class Payers:
    """The bank's customers."""

    caller: Caller
    ledger: Ledger

    async def stop(self) -> None:
        """Ends what still runs."""

    async def pay(self, order: Order) -> Outcome:
        """Pays a number. Raises OrderWrong."""
        number = "".join(letter for letter in order.number if letter.isdecimal())
        if not number:
            raise OrderWrong("Say which number is paid: its digits, or the content or a reference of a code.")
        profile, chance = self.caller.profile, self.caller.chance
        company = next((code for code in profile.company_codes if number.startswith(code)), "")
        given = None if order.amount is None else sen(order.amount)
        if order.amount is not None and given is None:
            raise OrderWrong("An amount is written as in 75000.00, and is more than nothing.")
        registered = self.ledger.find("va", key=number)
        if registered is not None and registered.state == "open" and profile.push is not None:
            raise OrderWrong("Registered numbers are not paid yet.")
        if not company or not profile.asks_first:
            return Outcome(number, "0.00", "not taken", "the bank does not know this number", "", False, [], [])
        faults = chance.happens(*OF_A_PAYMENT)
        customer = number[len(company) :]
        if "unknown_number" in faults:
            customer = customer[:-4] + "9999"
        if "foreign_number" in faults:
            company = company[:-1] + str((int(company[-1]) + 5) % 10)
        visit = bodies.visit(profile, company, customer, self.caller.clock.now(), chance)
        visit.given = given
        return await _Visiting(self, order, visit, faults).go()


class _Visiting:
    """One visit of one payer, from the inquiry to the end."""

    def __init__(self, payers: Payers, order: Order, visit: Visit, faults: frozenset[str]) -> None:
        self.caller, self.ledger, self.profile = payers.caller, payers.ledger, payers.caller.profile
        self.order, self.visit, self.faults = order, visit, faults
        self.exchanges: list[Exchange] = []

    async def go(self) -> Outcome:
        early = "out_of_order" in self.faults and self.visit.given is not None
        if not early:
            bill = await self.inquire()
            if not bill.accepted:
                return self.outcome("not taken", bill.why, taken=False)
        else:
            self.visit.total = self.visit.given or 0
        amount = self.visit.given or self.visit.total
        if not amount:
            return self.outcome("not taken", "the payer chooses the amount of this bill: give one", taken=False)
        self.visit.paid = amount + (RUPIAH if "wrong_amount" in self.faults else 0)
        meaning, why = await self.report()
        if early:
            await self.inquire()
        return self.outcome(self.settle(meaning), why, taken=meaning == "accepted")

    async def inquire(self) -> verdicts.Bill:
        """Service 24."""
        body = bodies.inquiry(self.profile, self.visit)
        exchange = await self.call("24", body, self.caller.external_id("INQ", self.visit.at))
        bill = verdicts.of_inquiry(self.profile, exchange)
        self.visit.name, self.visit.bills = bill.name, bill.details
        self.visit.total = bill.amount or self.visit.total
        return bill

    async def report(self) -> tuple[verdicts.Meaning, str]:
        """Service 25, repeated with the same ids while it is not answered."""
        external_id = self.caller.external_id("PAY", self.visit.at)
        exchange = await self.call("25", bodies.payment(self.profile, self.visit), external_id)
        meaning, why = verdicts.of_payment(self.profile, exchange)
        for _ in range(self.profile.advices):
            if meaning != "unknown":
                break
            body = bodies.payment(self.profile, self.visit, advice=True)
            meaning, why = verdicts.of_payment(self.profile, await self.call("25", body, external_id))
        return meaning, why

    async def call(self, service: str, body: bodies.Body, external_id: str) -> Exchange:
        made = await self.caller.call(service, body, self.visit.company, external_id, self.order.deadline_seconds)
        self.exchanges += made
        return made[-1]

    def settle(self, meaning: verdicts.Meaning) -> Money:
        """Moves the payer's money by what the partner has said, and keeps the payment."""
        silence = self.order.unanswered or self.profile.silence
        money: Money = "paid"
        if meaning == "refused" or (meaning == "unknown" and silence == "returned") or "reversal" in self.faults:
            money = "reversed"
        elif meaning == "unknown" and silence == "suspended":
            money = "suspended"
        visit, now = self.visit, self.caller.clock.now()
        remark = f"VA {visit.number} {visit.name}"[:36].strip()
        account = self.caller.wiring.ids.account
        with self.ledger.together():
            if money == "suspended":
                self.ledger.move(PAYERS, SUSPENSE, visit.paid, now, visit.reference, remark)
            elif money == "paid" or "reversal" in self.faults:
                self.ledger.move(PAYERS, account, visit.paid, now, visit.reference, remark)
            if money == "reversed" and "reversal" in self.faults:
                self.ledger.move(account, PAYERS, visit.paid, now, visit.reference, f"REVERSAL {remark}"[:36])
            keep(self.ledger, visit, money, meaning, now)
        return money

    def outcome(self, money: Money, why: str, *, taken: bool) -> Outcome:
        visit = self.visit
        return Outcome(
            *(visit.number, written(visit.paid or visit.total), money, why, visit.request_id, taken),
            *(sorted(self.faults), self.exchanges),
        )


def keep(ledger: Ledger, visit: Visit, money: Money, meaning: verdicts.Meaning, now: datetime) -> None:
    """Keeps a payment of a number, for services 26 and 35."""
    ledger.keep(
        *("payment", visit.number, visit.request_id, money, visit.paid, now),
        flag={"accepted": "00", "refused": "01"}.get(meaning, "02"),
        name=visit.name,
        total=visit.total,
        reference=visit.reference,
        company=visit.company,
        customer=visit.customer,
        trxId=visit.trx_id,
        visited=stored(visit.at),
    )
