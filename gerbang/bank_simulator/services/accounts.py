"""Balance (11), statement (14), and whose an account is (15, 16)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.call import Call, Done, Refusal, local, money
from gerbang.bank_simulator.ledger import Account, Movement, stored
from gerbang.bank_simulator.profiles import BANKS
from gerbang.clock import wib

BANK_CODE = re.compile(r"[0-9]{3}|[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
STATEMENT_DAYS_MAX = 31
DELAY = timedelta(minutes=15)
"""How far a delayed statement is behind."""
NO_SUCH_ACCOUNT, CLOSED_ACCOUNT = "0404", "0403"
"""The last digits of accounts at which a transfer fails at once."""
NAMES = ("SARI DEWI", "BUDI SANTOSO", "WAYAN ADNYANA", "SITI AMINAH", "AGUS WIJAYA", "RINA MARLINA", "JOKO SUSILO")


def own(bank: Bank, call: Call, name: str) -> Account:
    """The partner's account that a member names. Raises Refusal."""
    number = call.text(name, 34)
    account = bank.ledger.account(number)
    if account is None or not number.isdecimal():
        raise Refusal(404, "11", f"[{name}]")
    return account


def holder(number: str) -> str:
    """Whose an account is: the same name for the same number. Raises Refusal where there is no such account."""
    if number.endswith(NO_SUCH_ACCOUNT) or not number.isdecimal() or len(number) < 5:
        raise Refusal(404, "11", "[beneficiaryAccountNo]")
    return NAMES[int(number) % len(NAMES)]


def bank_name(code: str) -> str:
    """What a bank is called. Raises Refusal where the code is neither three digits nor a SWIFT code."""
    if not BANK_CODE.fullmatch(code):
        raise Refusal(404, "03", "[beneficiaryBankCode]")
    return BANKS.get(code[:8], f"BANK {code}")


def balance(bank: Bank, call: Call) -> Done:
    """Service 11. BCA's answer has an object where the standard has a list."""
    account = own(bank, call, "accountNo")
    line = {
        "balanceType": "Cash",
        "amount": money(account.balance),
        "floatAmount": money(0),
        "holdAmount": money(0),
        "availableBalance": money(account.balance),
        "ledgerBalance": money(account.balance),
        "currentMultilateralLimit": money(0),
        "status": "0001",
    }
    found: Any = line if bank.profile.bodies == "bca" else [line]
    return Done(
        {
            "referenceNo": bank.chance.digits("reference", 12),
            "partnerReferenceNo": call.optional("partnerReferenceNo"),
            "accountNo": account.number,
            "name": account.holder,
            "accountInfos": found,
        }
    )


def statement(bank: Bank, call: Call) -> Done:
    """Service 14: what moved, the newest first. `hasMore` says that older lines follow before `lastRecordDateTime`."""
    account = own(bank, call, "accountNo")
    since, until = _period(bank, call)
    found = bank.ledger.movements(account.number, stored(since), stored(until))
    if "statement_delayed" in call.faults:
        found = [each for each in found if each.at < stored(call.now - DELAY)]
    if "statement_gap" in call.faults and found:
        del found[int(bank.chance.fraction("which line") * len(found))]
    if "statement_extra" in call.faults:
        found.insert(0, _extra(bank, account, call.now))
    page = found[: bank.profile.statement_rows]
    came, went = [each.amount for each in found if each.amount > 0], [-each.amount for each in found if each.amount < 0]
    first, last = (found[-1], found[0]) if found else (None, None)
    starting = first.balance - first.amount if first else account.balance
    ending = last.balance if last else account.balance
    return Done(
        {
            "referenceNo": bank.chance.digits("reference", 12),
            "partnerReferenceNo": call.optional("partnerReferenceNo"),
            "balance": [
                {
                    "amount": money(ending) | {"dateTime": local(call.now)},
                    "startingBalance": money(starting) | {"dateTime": local(since)},
                    "endingBalance": money(ending) | {"dateTime": local(min(until, call.now))},
                }
            ],
            "totalCreditEntries": _entries(bank, came),
            "totalDebitEntries": _entries(bank, went),
            "hasMore": "Y" if len(page) < len(found) else "N",
            "lastRecordDateTime": local(page[-1].at) if page else local(since),
            "detailData": [_line(bank, each) for each in page],
        }
    )


def _period(bank: Bank, call: Call) -> tuple[datetime, datetime]:
    """From when on and before when. The last second asked for counts. Raises Refusal."""
    today = wib(call.now).replace(hour=0, minute=0, second=0, microsecond=0)
    since = call.instant("fromDateTime") or today
    until = call.instant("toDateTime") or call.now
    if bank.profile.bodies == "bca":
        # Both ends are days, and the last of them counts whole.
        for name in ("fromDateTime", "toDateTime"):
            if not call.text(name, 35).endswith("T00:00:00+07:00"):
                raise Refusal(400, "01", name)
        until += timedelta(days=1)
    if since > until:
        raise Refusal(400, "01", "toDateTime")
    if since < today - timedelta(days=STATEMENT_DAYS_MAX):
        raise Refusal(400, "01", "fromDateTime")
    return since, until + timedelta(seconds=1)


def _entries(bank: Bank, amounts: Sequence[int]) -> dict[str, Any]:
    count: Any = len(amounts) if bank.profile.bodies == "bri" else str(len(amounts))
    return {"numberOfEntries": count, "amount": money(sum(amounts))}


def _line(bank: Bank, of: Movement) -> dict[str, Any]:
    kind = "CREDIT" if of.amount > 0 else "DEBIT"
    return {
        "detailBalance": {
            "startAmount": [{"amount": money(of.balance - of.amount)}],
            "endAmount": [{"amount": money(of.balance)}],
        },
        "amount": money(abs(of.amount)),
        "originAmount": money(abs(of.amount)),
        "transactionDate": local(of.at),
        "remark": of.remark,
        "transactionId": f"{of.id:012d}" if of.id else "X" + of.reference,
        "type": kind.title() if bank.profile.bodies == "bri" else kind,
        "transactionDetailStatus": "SUCCESS",
        "detailInfo": {"referenceNo": of.reference},
    }


def _extra(bank: Bank, account: Account, now: datetime) -> Movement:
    reference = bank.chance.digits("reference", 11)
    amount = 123_400
    return Movement(0, account.number, amount, account.balance, stored(now), reference, "TRSF E-BANKING CR")


def internal_inquiry(bank: Bank, call: Call) -> Done:
    """Service 15."""
    return _named(bank, call, {})


def external_inquiry(bank: Bank, call: Call) -> Done:
    """Service 16."""
    code = call.text("beneficiaryBankCode", 11)
    return _named(bank, call, {"beneficiaryBankCode": code, "beneficiaryBankName": bank_name(code)})


def _named(bank: Bank, call: Call, more: dict[str, str]) -> Done:
    number = call.text("beneficiaryAccountNo", 34)
    return Done(
        {
            "referenceNo": bank.chance.digits("reference", 12),
            "partnerReferenceNo": call.optional("partnerReferenceNo"),
            "beneficiaryAccountName": holder(number),
            "beneficiaryAccountNo": number,
            "beneficiaryAccountStatus": "Rekening aktif",
            "beneficiaryAccountType": "S",
            "currency": "IDR",
            **more,
        }
    )


SERVICES = {"11": balance, "14": statement, "15": internal_inquiry, "16": external_inquiry}
