"""What happens between a gateway and its bank while one of them is killed: each story says what it does, repeats and demands."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support import snap_bank
from tests.support.crash_ground import Ground
from tests.support.plain_http import TRUSTS_NOBODY

OTHER_BANK = snap_bank.BANK.format(
    profile="ocbc",
    more='company_codes = ["1269"]\n' + snap_bank.CALLED_ONLY,
    inbound=f'partner_ids = ["{snap_bank.COMPANY}"]',
    client=snap_bank.CLIENT,
)
OTHER_ROUTE = '[[routes]]\nconnections = ["bank"]\nchannel = "virtual_account"\noption = "BRI"\n\n'
"""A bank that takes money back with a word of its own (34), which the simulated one does not; its numbers are those of BRI here."""
DEADLINE = 30
"""Of the bank, in seconds: a killed gateway is there again before it."""


@dataclass
class Story:
    """One payment or payout of its own."""

    ground: Ground
    reference: str
    sides = ("gateway", "bank")
    """Who is killed at its messages."""

    def prepare(self) -> None:
        """What is there before: the gateway has a token, and the bank knows of none."""
        self.ground.has_a_token()
        self.ground.restart_bank()

    def act(self) -> None:
        """What one of them is killed in. It may find nobody."""

    def again(self) -> None:
        """What is repeated by whoever got no answer."""

    def settle(self) -> None:
        """What time does."""
        self.ground.advance(100)

    def compare(self) -> None:
        """What must hold at the end."""

    def callbacks(self) -> dict[str, set[str]]:
        """Status -> the ids of the callbacks that said it to the merchant."""
        found: dict[str, set[str]] = {}
        for name, body in self.ground.gateway.rows("SELECT headers ->> 'webhook-id', body FROM inbox"):
            data = json.loads(body)["data"]
            said = data.get("attributes") or data | {"referenceId": data["clientReferenceId"]}
            if said["referenceId"] == self.reference:
                found.setdefault(said["status"], set()).add(name)
        return found


@dataclass
class Pays(Story):
    """A buyer pays a number of BCA: the bank asks (24) and reports (25)."""

    option = "BCA"
    number: str = ""
    fate: Any = None

    def prepare(self) -> None:
        method = {"bankShortCode": self.option, "displayName": "Budi"}
        asked = {"paymentMethodType": "virtual_bank_account", "amount": 20_000, "paymentMethodOptions": method}
        body = {"data": {"attributes": asked | {"referenceId": self.reference}}}
        made = self.ground.ask("POST", "/api/v4/payments", body)
        self.number = made["data"]["attributes"]["paymentMethod"]["instructions"]["accountNo"]
        super().prepare()

    def act(self) -> None:
        self.fate = self.ground.control("pay", {"number": self.number, "deadline_seconds": DEADLINE})

    def settle(self) -> None:
        self.ground.bank_has_ended_its_payments()
        super().settle()

    def compare(self) -> None:
        kept = self.ground.bank.rows(
            "SELECT other_key, state FROM records WHERE kind = 'payment' AND key = ?", self.number
        )
        booked = self.booked()
        assert [name for name, state in kept if state == "paid"] == booked, "booked and at the bank differ"
        assert {state for _, state in kept} <= {"paid"}, "a payment was given back whose answer could be had"
        if self.fate is not None:
            assert (self.fate["money"] == "paid") == bool(booked), self.fate
        said = self.callbacks()
        assert len(said.get("paid", ())) == len(booked), said

    def booked(self) -> list[str]:
        """The bank's references of what was booked for the number; there is no other money for it."""
        rows = self.ground.gateway.rows("SELECT reference, outcome FROM reports WHERE number = $1", self.number)
        assert {row["outcome"] for row in rows} <= {"booked"}, rows
        return [row["reference"] for row in rows]


@dataclass
class PaysUnheard(Pays):
    """The same, and the answer does not reach the bank: it repeats the payment as an advice."""

    def prepare(self) -> None:
        super().prepare()
        self.ground.plan(lost_answer="25")


@dataclass
class IsReversed(Pays):
    """An answer comes too late for the bank: it has given the money back, and says so (34) until that is taken."""

    option = "BRI"
    sides = ("gateway",)

    def prepare(self) -> None:
        super().prepare()
        http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.ground.to_gateway}", timeout=DEADLINE, verify=TRUSTS_NOBODY
        )
        self.bank = snap_bank.Bank(http)
        self.paid = snap_bank.payment(self.number, "20000.00")

    def act(self) -> None:
        with suppress(httpx.TransportError, ValueError):
            self.bank.sign_in()
            self.bank.inquire(self.number)
            self.bank.call("/transfer-va/payment", self.paid)
            self.take_back()

    def take_back(self) -> int:
        body = self.paid | {"paymentStatus": "Reversed"}
        return self.bank.call("/transfer-va/notify-payment-intrabank", body, method="PUT").status_code

    def again(self) -> None:
        self.bank.sign_in()
        assert self.take_back() == 200

    def compare(self) -> None:
        self.bank.client.close()
        booked = self.booked()
        rows = self.ground.gateway.rows(
            "SELECT outcome FROM reversals WHERE original = $1", self.paid["paymentRequestId"]
        )
        outcomes = [row["outcome"] for row in rows]
        assert outcomes == (["reversed"] if booked else ["unknown_money"]), (booked, outcomes)
        assert len(self.callbacks().get("paid", ())) == len(booked)


@dataclass
class PaysOut(Story):
    """A merchant pays out to another bank: it is asked for the name (16) and given the order (18)."""

    bank_code, amount, account = "BRI", 50_000, "0102030405"
    answers: list[Any] = field(default_factory=list[Any])

    def act(self) -> None:
        method = {"type": "bank_transfer", "bankShortCode": self.bank_code, "bankAccountNo": self.account}
        method["bankAccountHolderName"] = "Budi"
        asked = {"amount": self.amount, "referenceId": self.reference, "disbursementMethod": method}
        self.answers.append(self.ground.ask("POST", "/api/v4/disbursements", {"data": {"attributes": asked}}))

    def again(self) -> None:
        """The merchant repeats the same order."""
        PaysOut.act(self)
        assert self.answers[-1] is not None, "a repeated order is answered"

    def settle(self) -> None:
        for seconds in (100, 100, 200):
            self.ground.advance(seconds)
            if self.state in ("completed", "failed"):
                return

    @property
    def row(self) -> Any:
        [row] = self.ground.gateway.rows(
            "SELECT id, state, returned_at, fee FROM payouts WHERE reference = $1", self.reference
        )
        return row

    @property
    def state(self) -> str:
        return self.row["state"]

    def at_the_bank(self) -> list[str]:
        """What the bank's ledger has of it: a state for each transfer."""
        rows = self.ground.bank.rows(
            "SELECT state FROM records WHERE kind = 'transfer' AND key = ?", self.row["id"].hex
        )
        return [state for (state,) in rows]

    def moved(self) -> list[int]:
        """The money that moved on the partner's account for it, in hundredths."""
        query = """SELECT amount FROM movements WHERE account LIKE '12%' AND reference IN
            (SELECT other_key FROM records WHERE kind = 'transfer' AND key = ?) ORDER BY id"""
        return [amount for (amount,) in self.ground.bank.rows(query, self.row["id"].hex)]

    def compare(self) -> None:
        answered = {each["data"]["id"] for each in self.answers if each is not None and "data" in each}
        assert answered == {f"contract_{self.row['id'].hex}"}, "one reference is one payout"
        state, there = self.state, self.at_the_bank()
        if state == "completed":
            assert (there, self.moved()) == (["00"], [-self.amount * 100])
        elif state == "failed":
            assert there in ([], ["06"])
            assert sum(self.moved()) == 0
        else:
            assert there == [], f"it is {state}, and the bank has it"
            assert self.row["id"].hex in self.ground.unknown(), "nobody sees that it is unknown"
            self.end_by_hand()
            state = "failed"
        shown = self.ground.ask("GET", f"/api/v4/disbursements/contract_{self.row['id'].hex}")
        assert shown["data"]["attributes"]["status"] == state
        assert {name: len(ids) for name, ids in self.callbacks().items()} == {state: 1}

    def end_by_hand(self) -> None:
        """An operator ends it: the bank knows nothing of it, and its account was looked at."""
        self.ground.advance(3600)
        if self.state != "failed":
            self.ground.command("payouts", "resolve", str(self.row["id"]), "--not-sent", "--statement-seen")
        self.ground.advance(1)
        self.ground.until_quiet()


@dataclass
class PaysOutUnheard(PaysOut):
    """The answer to the order is lost, and the bank is asked what became of it (36)."""

    bank_code = "BCA"

    def prepare(self) -> None:
        super().prepare()
        self.ground.plan(dropped_after_acting="17")

    def act(self) -> None:
        super().act()
        self.ground.advance(130)


@dataclass
class PaysOutInVain(PaysOut):
    """The order never arrives: the bank does not know it (36), and its statement shows that nothing left (14)."""

    bank_code, amount = "BCA", 500_000  # no other debit is near it, and may be it

    def prepare(self) -> None:
        super().prepare()
        self.ground.plan(dropped_before_acting="17")
        # So the statement is known to reach beyond the order.
        [(ahead,)] = self.ground.gateway.rows("SELECT coalesce(max(offset_seconds), 0) FROM sandbox_clock")
        self.ground.book_later(ahead + 5400)

    def act(self) -> None:
        super().act()
        for _ in range(2):
            self.ground.advance(3600)

    def settle(self) -> None:
        for _ in range(4):
            if self.state in ("completed", "failed"):
                return
            self.ground.advance(3600)

    def compare(self) -> None:
        assert self.state in ("completed", "failed"), "the bank's statement says what became of it"
        super().compare()


@dataclass
class ComesBack(PaysOut):
    """A completed transfer by SKN comes back (75): the merchant has the money again, once."""

    amount = 200_000
    id_: str = ""

    def prepare(self) -> None:
        super().act()
        self.ground.advance(2000)
        assert self.state == "completed"
        self.id_ = self.row["id"].hex
        super().prepare()

    def act(self) -> None:
        self.ground.control("return", {"reference": self.id_})

    def again(self) -> None:
        """The bank says it once more; where it was killed before it had given the money back, it does that now."""
        is_back = self.at_the_bank() == ["06"]
        said = self.ground.control("notify" if is_back else "return", {"reference": self.id_})
        assert said["exchanges"][-1]["status"] == 200, said

    def compare(self) -> None:
        row = self.row
        assert (row["state"], row["returned_at"] is not None) == ("failed", True)
        assert self.moved() == [-self.amount * 100, self.amount * 100]
        lines = self.ground.gateway.rows(
            "SELECT amount FROM transfers WHERE cause_id = $1 AND reason = 'payout_returned'", row["id"]
        )
        assert [line["amount"] for line in lines] == [self.amount * 100]
        assert {name: len(ids) for name, ids in self.callbacks().items()} == {"completed": 1, "failed": 1}


@dataclass
class Refunds(PaysOut):
    """A merchant refunds what was paid to a number, and the money goes to an account at another bank (18)."""

    amount = 15_000
    payment_id: str = ""

    def prepare(self) -> None:
        paid = Pays(self.ground, f"{self.reference}-paid")
        paid.prepare()
        paid.act()
        [row] = self.ground.gateway.rows("SELECT id FROM payments WHERE reference = $1", paid.reference)
        self.payment_id = str(row["id"])
        super().prepare()

    def act(self) -> None:
        account = {"accountNumber": self.account, "accountName": "Budi"}
        body = {
            "clientReferenceId": self.reference,
            "paymentSessionId": self.payment_id,
            "amount": {"value": str(self.amount), "currency": "IDR"},
            "reason": "OTHERS",
            "transferDestination": {"channelCode": self.bank_code, "channelInformation": account},
        }
        self.answers.append(self.ground.session("POST", "/v1/refunds", body, key=self.reference))
        self.ground.advance(1)  # what is due is done: the bank is given the order

    def again(self) -> None:
        """The merchant repeats the same request, and gets the answer that it had, or would have had."""
        self.act()
        assert self.answers[-1] is not None, "a repeated request is answered"

    @property
    def row(self) -> Any:
        [row] = self.ground.gateway.rows(
            "SELECT p.id, p.state, p.returned_at, p.fee, r.state AS refund, r.id AS refund_id FROM payouts p "
            "JOIN refunds r ON (r.merchant_id, r.id) = (p.merchant_id, p.cause_id) WHERE r.reference = $1",
            self.reference,
        )
        return row

    def compare(self) -> None:
        answered = {json.dumps(each) for each in self.answers if each is not None}
        assert len(answered) == 1, answered
        state, there = self.state, self.at_the_bank()
        if state not in ("completed", "failed"):
            assert there == [], f"it is {state}, and the bank has it"
            self.end_by_hand()
            state = self.state
        row = self.row
        assert row["refund"] == {"completed": "succeeded", "failed": "failed"}[state]
        moved = [-self.amount * 100] if state == "completed" else []
        assert self.moved() == moved, "the bank has moved other money"
        lines = self.ground.gateway.rows(
            "SELECT reason FROM transfers WHERE cause_id = $1 ORDER BY id", row["refund_id"]
        )
        last = "refunded" if state == "completed" else "refund_released"
        assert [line["reason"] for line in lines] == ["refund_reserved", last]
        ended = "SUCCESS" if state == "completed" else "FAILED"
        said = {name: len(ids) for name, ids in self.callbacks().items()}
        assert said == {"PENDING": 1, "WAITING_BANK_TRANSFER": 1, ended: 1}
