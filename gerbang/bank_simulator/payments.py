"""A customer of the bank pays: the bank asks its partner, reports the payment, and decides what becomes of the money."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from gerbang.bank_simulator import bodies, verdicts
from gerbang.bank_simulator.bodies import Visit
from gerbang.bank_simulator.calls import Caller
from gerbang.bank_simulator.ledger import PAYERS, SUSPENSE, Ledger, Record, instant_of, sen, stored, written
from gerbang.bank_simulator.notices import Notices
from gerbang.bank_simulator.profiles import Silence
from gerbang.bank_simulator.records import MANY_TIMES, PAID, code_found, payable, to_pay
from gerbang.bank_simulator.transcript import Exchange
from gerbang.bank_simulator.verdicts import is_taken, said

Money = Literal["not taken", "paid", "reversed", "suspended"]
"""What became of the payer's money. `reversed`: it was taken and given back."""
ASKED = "asked"
"""The state of a payment that was reported to the partner, and whose money has no end yet."""
FLAGS: dict[verdicts.Meaning, str] = {"accepted": "00", "refused": "01", "unknown": "02"}
OF_A_PAYMENT = ("wrong_amount", "unknown_number", "foreign_number", "out_of_order", "reversal")
RUPIAH = 100


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    notices: Notices

    async def pay(self, order: Order) -> Outcome:
        """Pays a number or a code. Raises OrderWrong."""
        given = None if order.amount is None else sen(order.amount)
        if order.amount is not None and given is None:
            raise OrderWrong("An amount is written as in 75000.00, and is more than nothing.")
        code = code_found(self.ledger, order.code.strip() or order.number.strip())
        if code is not None:
            return await self._pay_code(code, given)
        number = "".join(letter for letter in order.number if letter.isdecimal())
        if not number:
            raise OrderWrong("Say what is paid: the digits of a number, or the content or a reference of a code.")
        profile, chance = self.caller.profile, self.caller.chance
        registered = self.ledger.find("va", key=number) if profile.push else None
        company = next((code for code in profile.company_codes if number.startswith(code)), "")
        if registered is None and (not company or not profile.asks_first):
            return refused(number, "the bank does not know this number")
        faults = chance.happens(*OF_A_PAYMENT, service="25")
        company = company or number[:4]
        customer = number[len(company) :]
        if "unknown_number" in faults:
            customer = customer[:-4] + "9999"
        if "foreign_number" in faults:
            company = company[:-1] + str((int(company[-1]) + 5) % 10)
        visit = bodies.visit(profile, company, customer, self.caller.clock.now(), chance)
        visit.given = given
        if registered is not None:
            return await self._pay_registered(registered, visit, faults)
        return await _Visiting(self, order, visit, faults).go()

    async def go_on(self) -> None:
        """Ends the payments that were under way when the bank itself ended: by an advice, as after a silence."""
        for record in reversed(self.ledger.found("payment")):
            if record.state == ASKED:
                await _Visiting(self, Order(), _visit_kept(record), frozenset()).go_on()

    async def _pay_registered(self, record: Record, visit: Visit, faults: frozenset[str]) -> Outcome:
        """A number that the bank knows: it takes the money, and then reports it (25 or 34) until that is taken."""
        profile, number, now = self.caller.profile, record.key, self.caller.clock.now()
        visit.trx_id, visit.name, visit.total = record.other_key, str(record.document["name"]), to_pay(record)
        if not payable(record, now):
            return refused(number, "the number is paid, deleted or has expired")
        visit.paid = visit.given or visit.total
        if not visit.paid or (record.document["kind"] == "c" and visit.paid != visit.total):
            return refused(number, f"exactly {written(visit.total)} is taken" if visit.total else "give an amount")
        visit.paid += RUPIAH if "wrong_amount" in faults else 0
        account, remark = self.caller.wiring.ids.account, f"VA {number} {visit.name}"[:36].strip()
        back = "reversal" in faults
        with self.ledger.together():
            self.ledger.move(PAYERS, account, visit.paid, now, visit.reference, remark)
            if back:
                self.ledger.move(account, PAYERS, visit.paid, now, visit.reference, f"REVERSAL {remark}"[:36])
            if record.document["kind"] not in MANY_TIMES and not back:
                self.ledger.change(record, PAID)
            keep(self.ledger, visit, "reversed" if back else "paid", "accepted", now)
        service = profile.push or "34"
        made = await self.notices.send(service, bodies.NUMBERED[service](profile, visit), visit.company)
        return Outcome(
            *(number, written(visit.paid), "reversed" if back else "paid", said(made[-1]), visit.request_id),
            *(is_taken(made[-1]), sorted(faults), made),
        )

    async def _pay_code(self, record: Record, given: int | None) -> Outcome:
        """A QR code (52) or a bill in a wallet (56)."""
        now, chance = self.caller.clock.now(), self.caller.chance
        if not payable(record, now):
            return refused(record.other_key, "it is paid, cancelled or has expired")
        faults = chance.happens("wrong_amount", service="52" if record.kind == "qr" else "56")
        paid = (given or record.amount) + (RUPIAH if "wrong_amount" in faults else 0)
        reference = chance.digits("reference", 12)
        with self.ledger.together():
            account = self.caller.wiring.ids.account
            self.ledger.move(PAYERS, account, paid, now, reference, f"{record.kind.upper()} {record.key}"[:36])
            changed = {"paid": paid, "paidAt": stored(now), "rrn": reference, "issuerName": "BANK CONTOH"}
            record = self.ledger.change(record, "00", **changed)
        made = await self.notices.send(*notification(record, now), self.caller.wiring.ids.partner_id)
        return Outcome(
            *(record.other_key, written(paid), "paid", said(made[-1]), reference),
            *(is_taken(made[-1]), sorted(faults), made),
        )


def refused(number: str, why: str) -> Outcome:
    """Nothing was paid, and the partner was not asked."""
    return Outcome(number, "0.00", "not taken", why, "", False, [], [])


def notification(record: Record, now: datetime, state: str | None = None) -> tuple[str, bodies.Body]:
    """The service and the body that report the state of a QR code or a wallet's bill."""
    paid = int(record.document.get("paid", record.amount))
    if record.kind == "qr":
        reference = str(record.document.get("rrn", ""))
        return "52", bodies.code_notification(record, paid, now, state or record.state, reference)
    return "56", bodies.wallet_notification(record, paid, now, state or record.state)


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

    async def go_on(self) -> None:
        """Repeats the payment as an advice, and ends it."""
        meaning, _ = await self.advise("unknown", "")
        self.settle(meaning)

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
        visit = self.visit
        visit.external_id = self.caller.external_id("PAY", visit.at)
        keep(self.ledger, visit, ASKED, "unknown", self.caller.clock.now())
        exchange = await self.call("25", bodies.payment(self.profile, visit), visit.external_id)
        return await self.advise(*verdicts.of_payment(self.profile, exchange))

    async def advise(self, meaning: verdicts.Meaning, why: str) -> tuple[verdicts.Meaning, str]:
        """Repeats service 25 while what was said of it is not known, as often as the bank does that."""
        for _ in range(self.profile.advices):
            if meaning != "unknown":
                break
            body = bodies.payment(self.profile, self.visit, advice=True)
            exchange = await self.call("25", body, self.visit.external_id)
            meaning, why = verdicts.of_payment(self.profile, exchange)
        return meaning, why

    async def call(self, service: str, body: bodies.Body, external_id: str) -> Exchange:
        made = await self.caller.call(service, body, self.visit.company, external_id, self.order.deadline_seconds)
        self.exchanges += made
        return made[-1]

    def settle(self, meaning: verdicts.Meaning) -> Money:
        """Moves the payer's money by what the partner has said, and keeps how the payment ended."""
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
            asked = self.ledger.find("payment", other_key=visit.request_id)
            assert asked is not None, "it was kept before it was reported"
            self.ledger.change(asked, money, flag=FLAGS[meaning])
        return money

    def outcome(self, money: Money, why: str, *, taken: bool) -> Outcome:
        visit = self.visit
        return Outcome(
            *(visit.number, written(visit.paid or visit.total), money, why, visit.request_id, taken),
            *(sorted(self.faults), sorted(self.exchanges, key=lambda each: each.number)),
        )


def keep(ledger: Ledger, visit: Visit, state: str, meaning: verdicts.Meaning, now: datetime) -> None:
    """Keeps a payment of a number, for services 26 and 35."""
    ledger.keep(
        *("payment", visit.number, visit.request_id, state, visit.paid, now),
        flag=FLAGS[meaning],
        name=visit.name,
        bills=visit.bills,
        externalId=visit.external_id,
        total=visit.total,
        reference=visit.reference,
        company=visit.company,
        customer=visit.customer,
        trxId=visit.trx_id,
        visited=stored(visit.at),
    )


def visit_of(ledger: Ledger, number: str) -> Visit | None:
    """The last payment of a registered number, to report it again; None if there is none."""
    paid = ledger.find("payment", key=number)
    return None if paid is None or ledger.find("va", key=number) is None else _visit_kept(paid)


def _visit_kept(paid: Record) -> Visit:
    """The visit of a payment that was kept."""
    document = paid.document
    return Visit(
        company=str(document["company"]),
        customer=str(document["customer"]),
        at=instant_of(str(document["visited"])),
        request_id=paid.other_key,
        reference=str(document["reference"]),
        name=str(document["name"]),
        total=int(document["total"]),
        paid=paid.amount,
        trx_id=str(document["trxId"]),
        bills=list(document.get("bills", [])),
        external_id=str(document.get("externalId", "")),
    )
