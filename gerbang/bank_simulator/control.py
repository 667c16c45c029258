"""The simulator's own addresses: /control/… for programs, and a page for people at /. No partner ever calls them."""

from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from gerbang.bank_simulator import page
from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.chance import FAULTS, LATE_SECONDS, FaultsWrong
from gerbang.bank_simulator.ledger import written
from gerbang.bank_simulator.payments import Order, OrderWrong, Outcome
from gerbang.bank_simulator.sockets import Reply, Request

T = TypeVar("T")
PREFIX = "/control/"


class FaultsAsked(msgspec.Struct, frozen=True):
    """PUT /control/faults."""

    faults: dict[str, Any] = {}
    seed: int | None = None
    late_seconds: float = LATE_SECONDS


class _Wrong(Exception):
    """What was asked for cannot be done; the message says why."""


async def answer(bank: Bank, request: Request) -> Reply:
    """Answers what people and programs ask of the simulator itself."""
    try:
        match request.method, request.path:
            case "GET", "/":
                return _page(bank)
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
    except (_Wrong, OrderWrong, FaultsWrong) as wrong:
        return _json({"error": str(wrong)}, 400)


def _read(request: Request, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body or b"{}", type=type_)
    except msgspec.DecodeError as wrong:
        raise _Wrong(f"The body cannot be read: {wrong}.") from None


def _json(value: object, status: int = 200) -> Reply:
    return Reply(status, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


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
    except OrderWrong as wrong:
        return _page(bank, wrong=str(wrong), asked=order)
