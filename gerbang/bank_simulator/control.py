"""The simulator's own addresses: /control/… for programs, and a page for people at /. No partner ever calls them."""

import re
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from gerbang.bank_simulator import bodies, page
from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.chance import FAULTS, LATE_SECONDS, FaultsWrong
from gerbang.bank_simulator.ledger import PAYERS, Record, written
from gerbang.bank_simulator.notices import NoSuchNotice
from gerbang.bank_simulator.payments import Order, OrderWrong, Outcome, notification, visit_of
from gerbang.bank_simulator.records import code_found
from gerbang.bank_simulator.services import transfers
from gerbang.bank_simulator.sockets import Reply, Request

T = TypeVar("T")
PREFIX = "/control/"
MOVED = re.compile(r"-?[0-9]{1,13}\.[0-9]{2}", re.ASCII)


class FaultsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /control/faults."""

    faults: dict[str, Any] = {}
    seed: int | None = None
    late_seconds: float = LATE_SECONDS


class Played(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /control/notify, /control/return, /control/settle: what it is about, and the state that is reported."""

    reference: str
    """A transfer's or a code's, of either side; or a registered number."""
    state: str | None = None


class Moved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /control/move: money that nobody reports moves on the partner's account."""

    amount: str
    """In rupiah with two decimals; below zero where it leaves."""
    remark: str = "SETORAN TUNAI"


class _Wrong(Exception):
    """What was asked for cannot be done; the message says why."""


async def answer(bank: Bank, request: Request) -> Reply:
    """Answers what people and programs ask of the simulator itself."""
    try:
        match request.method, request.path:
            case "GET", "/":
                return _page(bank, asked=Order(code=request.query.get("code", "")))
            case "POST", "/":
                return await _form(bank, request)
            case "POST", "/control/pay":
                return _json(await bank.payers.pay(_read(request, Order)))
            case "GET", "/control/transcript":
                since = request.query.get("since", "0")
                after = int(since) if since.isdecimal() else 0
                return _json([each for each in bank.transcript.exchanges if each.number > after])
            case "DELETE", "/control/transcript":
                bank.transcript.forget()
                return _json({"exchanges": 0})
            case "GET", "/control/accounts":
                return _json([_account(bank, each.number) for each in bank.ledger.accounts()])
            case "POST", ("/control/notify" | "/control/return" | "/control/settle"):
                return _json(await _played(bank, request.path.rsplit("/", 1)[-1], _read(request, Played)))
            case "POST", "/control/move":
                return _json(_moved(bank, _read(request, Moved)))
            case "GET", "/control/faults":
                return _json(_faults(bank))
            case "PUT", "/control/faults":
                asked = _read(request, FaultsAsked)
                bank.chance.plan(asked.faults, asked.seed, asked.late_seconds)
                return _json(_faults(bank))
            case _:
                return _json(
                    {"error": f"There is no {request.method} {request.path} here; see docs/bank-simulator.md."}, 404
                )
    except (_Wrong, OrderWrong, FaultsWrong, NoSuchNotice) as wrong:
        return _json({"error": str(wrong)}, 400)


def _read(request: Request, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body or b"{}", type=type_)
    except msgspec.DecodeError as wrong:
        raise _Wrong(f"The body cannot be read: {wrong}.") from None


def _json(value: object, status: int = 200) -> Reply:
    return Reply(status, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


async def _played(bank: Bank, what: str, asked: Played) -> Any:
    """Reports again, sends a transfer back, or ends one that is under way. Raises _Wrong and NoSuchNotice."""
    now, ids = bank.clock.now(), bank.wiring.ids
    transfer = bank.ledger.find("transfer", key=asked.reference) or bank.ledger.find(
        "transfer", other_key=asked.reference
    )
    if what == "settle":
        settled = transfers.settle(bank, asked.reference, asked.state or "00")
        if settled is None:
            raise _Wrong("There is no such transfer under way; the state is 00 or 06.")
        return {"state": settled.state}
    if what == "return":
        if transfer is None or transfer.state != "00":
            raise _Wrong("There is no completed transfer with this reference.")
        return await _returned(bank, transfers.give_back(bank, transfer))
    if transfer is not None and transfer.document.get("returned"):
        return await _returned(bank, transfer)
    code = code_found(bank.ledger, asked.reference)
    if code is not None:
        service, body = notification(code, now, asked.state)
        return {"exchanges": await bank.notices.send(service, body, ids.partner_id)}
    visit = visit_of(bank.ledger, asked.reference)
    if visit is None or bank.profile.push is None:
        raise _Wrong("There is nothing with this reference that can be reported.")
    body = bodies.NUMBERED[bank.profile.push](bank.profile, visit)
    return {"exchanges": await bank.notices.send(bank.profile.push, body, visit.company)}


async def _returned(bank: Bank, transfer: Record) -> Any:
    """Reports a transfer that came back, where the bank has a report for its kind."""
    service = {"22": "76", "23": "75"}.get(str(transfer.document["service"]))
    body = bodies.transfer_returned(transfer, bank.clock.now())
    return {"exchanges": await bank.notices.send(service, body, bank.wiring.ids.partner_id) if service else []}


def _moved(bank: Bank, asked: Moved) -> dict[str, Any]:
    """Moves money on the partner's account without a word to the partner. Raises _Wrong."""
    if not MOVED.fullmatch(asked.amount) or not (amount := int(asked.amount.replace(".", ""))):
        raise _Wrong("The amount is in rupiah with two decimals and not zero, such as 123400.00 or -6500.00.")
    number, now = bank.wiring.ids.account, bank.clock.now()
    sides = (PAYERS, number) if amount > 0 else (number, PAYERS)
    with bank.ledger.together():
        bank.ledger.move(*sides, abs(amount), now, bank.chance.digits("reference", 12), asked.remark[:36])
    return _account(bank, number)


def _account(bank: Bank, number: str) -> dict[str, Any]:
    account = bank.ledger.account(number)
    assert account is not None, "it was just listed"
    return {
        "number": number,
        "holder": account.holder,
        "balance": written(account.balance),
        "movements": [
            {"at": each.at, "amount": written(each.amount), "reference": each.reference, "remark": each.remark}
            for each in bank.ledger.movements(number, limit=20)
        ],
    }


def _faults(bank: Bank) -> dict[str, Any]:
    chance = bank.chance
    return {
        "seed": chance.seed,
        "late_seconds": chance.late_seconds,
        "faults": chance.rates,
        "known": FAULTS,
    }


# The page


def _page(bank: Bank, outcome: Outcome | None = None, wrong: str = "", asked: Order | None = None) -> Reply:
    html = page.written(bank, outcome, wrong, asked or Order())
    return Reply(400 if wrong else 200, html.encode(), "text/html; charset=utf-8", page.HEADERS)


async def _form(bank: Bank, request: Request) -> Reply:
    """The page's two forms: pay, and choose the faults."""
    fields = parse_qs(request.body.decode("utf-8", "replace"))
    given = {name: values[-1].strip() for name, values in fields.items()}
    if given.get("form") == "faults":
        try:
            seed = given.get("seed", "")
            rates = dict.fromkeys(fields.get("fault", []), 1.0)
            bank.chance.plan(rates, int(seed) if seed.isdecimal() else None)
        except FaultsWrong as wrong:
            return _page(bank, wrong=str(wrong))
        return _page(bank)
    order = Order(number=given.get("number", ""), code=given.get("code", ""), amount=given.get("amount") or None)
    try:
        return _page(bank, await bank.payers.pay(order), asked=order)
    except (OrderWrong, NoSuchNotice) as wrong:
        return _page(bank, wrong=str(wrong), asked=order)
