"""Virtual accounts: the state of a payment (26), and numbers that are registered at the bank (27 to 31, 35)."""

from datetime import datetime, timedelta
from typing import Any

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.bodies import ID_WIDTH
from gerbang.bank_simulator.call import Call, Done, Refusal, local, money
from gerbang.bank_simulator.ledger import Record, stored
from gerbang.bank_simulator.records import DELETED, OPEN, PAID, amount_of, expired
from gerbang.clock import WIB, wib


def number_of(call: Call) -> tuple[str, str]:
    """The company code and the rest of the number that a call names. Raises Refusal."""
    service_id, customer = call.text("partnerServiceId", 8), call.text("customerNo", 20)
    if len(service_id) != ID_WIDTH:
        raise Refusal(400, "01", "partnerServiceId")
    company = service_id.strip()
    written = call.text("virtualAccountNo", 28).strip()
    if not (company + customer).isdecimal() or written != company + customer:
        raise Refusal(400, "01", "virtualAccountNo")
    return company, customer


def status(bank: Bank, call: Call) -> Done:
    """Service 26: only for payments of today and yesterday."""
    company, customer = number_of(call)
    asked = call.optional("paymentRequestId", 128) or call.optional("inquiryRequestId", 128)
    if bank.profile.bodies == "bca" and not asked:
        raise Refusal(400, "02", "inquiryRequestId")
    day = wib(call.now).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    found = [
        each
        for each in bank.ledger.found("payment", key=company + customer, since=stored(day))
        if asked in ("", each.other_key)
    ]
    if not found:
        raise Refusal(404, "01")
    paid = found[0]
    flag = {"paid": "00", "reversed": "01"}.get(paid.state, "02")
    data: dict[str, Any] = _identity(company, customer) | {
        "inquiryRequestId": paid.other_key,
        "paymentRequestId": paid.other_key,
        "paymentFlagReason": {"english": paid.state, "indonesia": paid.state},
        "paidAmount": money(paid.amount),
        "totalAmount": money(int(paid.document["total"])),
        "transactionDate": local(paid.document["visited"]),
        "referenceNo": paid.document["reference"],
        "paymentFlagStatus": flag,
        "billDetails": [],
        "freeTexts": [],
    }
    return Done({"virtualAccountData": data, "additionalInfo": {}})


def create(bank: Bank, call: Call) -> Done:
    """Service 27. A number that is not given is chosen by the bank."""
    name, trx_id, amount = call.text("virtualAccountName", 255), call.text("trxId"), call.optional_amount("totalAmount")
    company = call.text("partnerServiceId", 8).strip()
    if company not in bank.profile.company_codes:
        raise Refusal(404, "12", "[partnerServiceId]")
    customer = call.optional("customerNo", 20)
    if customer:
        company, customer = number_of(call)
    else:
        customer = bank.chance.digits("number", 8)
    kind = (call.optional("virtualAccountTrxType", 1) or "C").lower()
    if kind == "c" and not amount:
        raise Refusal(400, "02", "totalAmount")
    expires = call.instant("expiredDate")
    if bank.ledger.find("va", other_key=trx_id) is not None:
        raise Refusal(409, "01", "[trxId]")
    before = bank.ledger.find("va", key=company + customer)
    if before is not None and before.state == OPEN and not expired(before, call.now):
        raise Refusal(409, "00", "[virtualAccountNo]")
    members = {"name": name, "company": company, "customer": customer, "kind": kind}
    members |= {"expires": stored(expires) if expires else "", "paid": 0, "asked": call.document}
    bank.ledger.keep("va", company + customer, trx_id, OPEN, amount, call.now, **members)
    return Done({"virtualAccountData": _data(_registered(bank, call, company + customer))})


def update(bank: Bank, call: Call) -> Done:
    """Service 28: another name, amount or end."""
    found = _asked_for(bank, call, DELETED, PAID)
    changed: dict[str, Any] = {"amount": call.optional_amount("totalAmount") or amount_of(found)}
    if name := call.optional("virtualAccountName", 255):
        changed["name"] = name
    if expires := call.instant("expiredDate"):
        changed["expires"] = stored(expires)
    found = bank.ledger.change(found, found.state, **changed)
    return Done({"virtualAccountData": _data(found) | {"lastUpdateDate": local(call.now)}})


def update_status(bank: Bank, call: Call) -> Done:
    """Service 29: the partner says that a number is paid (`Y`) or not (`N`)."""
    found, paid = _asked_for(bank, call, DELETED), call.text("paidStatus", 1)
    if paid not in {"Y", "N"}:
        raise Refusal(400, "01", "paidStatus")
    bank.ledger.change(found, PAID if paid == "Y" else OPEN)
    return Done({"virtualAccountData": _identity_of(found) | {"trxId": found.other_key, "paidStatus": paid}})


def inquiry(bank: Bank, call: Call) -> Done:
    """Service 30."""
    return Done({"virtualAccountData": _data(_asked_for(bank, call, DELETED))})


def delete(bank: Bank, call: Call) -> Done:
    """Service 31: nobody can pay the number any more."""
    found = _asked_for(bank, call, DELETED, PAID)
    bank.ledger.change(found, DELETED)
    return Done({"virtualAccountData": _identity_of(found) | {"trxId": found.other_key}})


def report(bank: Bank, call: Call) -> Done:
    """Service 35: all payments to numbers of a company between two instants."""
    company = call.text("partnerServiceId", 8).strip()
    since = _at(call, "startDate", "startTime", "00:00:00")
    until = _at(call, "endDate", "endTime", "23:59:59")
    found = [
        each
        for each in bank.ledger.found("payment", since=stored(since))
        if each.document["company"] == company and each.at <= stored(until + timedelta(seconds=1))
    ]
    lines = [
        _identity(company, str(each.document["customer"]))
        | {
            "virtualAccountName": each.document["name"],
            "trxId": each.document["trxId"],
            "paymentRequestId": each.other_key,
            "paidAmount": money(each.amount),
            "totalAmount": money(int(each.document["total"])),
            "trxDateTime": local(each.document["visited"]),
            "referenceNo": each.document["reference"],
            "paymentFlagStatus": "00",
        }
        for each in reversed(found)
        if each.state == "paid"
    ]
    return Done({"virtualAccountData": lines})


def _at(call: Call, date: str, time: str, otherwise: str) -> datetime:
    """A day and a time of day such as `09:30`, `09:30:00` or `09:30:00+07:00`. Raises Refusal."""
    day, hour = call.text(date, 25)[:10], (call.optional(time, 14) or otherwise).removesuffix("+07:00")
    try:
        return datetime.fromisoformat(f"{day}T{hour}").replace(tzinfo=WIB)
    except ValueError:
        raise Refusal(400, "01", date) from None


def _asked_for(bank: Bank, call: Call, *not_in: str) -> Record:
    """The registered number that a call names. Raises Refusal where there is none, or its state forbids it."""
    company, customer = number_of(call)
    found = _registered(bank, call, company + customer)
    if call.optional("trxId") not in ("", found.other_key):
        raise Refusal(404, "12", "[trxId]")
    if found.state in not_in:
        raise Refusal(404, "14" if found.state == PAID else "12")
    return found


def _registered(bank: Bank, call: Call, number: str) -> Record:
    found = bank.ledger.find("va", key=number)
    if found is None:
        raise Refusal(404, "12")
    return found


def _identity(company: str, customer: str) -> dict[str, Any]:
    padded = company.rjust(ID_WIDTH)
    return {"partnerServiceId": padded, "customerNo": customer, "virtualAccountNo": padded + customer}


def _identity_of(found: Record) -> dict[str, Any]:
    return _identity(str(found.document["company"]), str(found.document["customer"]))


def _data(found: Record) -> dict[str, Any]:
    asked: dict[str, Any] = found.document["asked"]
    expires = str(found.document["expires"])
    return _identity_of(found) | {
        "virtualAccountName": found.document["name"],
        "virtualAccountEmail": asked.get("virtualAccountEmail", ""),
        "virtualAccountPhone": asked.get("virtualAccountPhone", ""),
        "trxId": found.other_key,
        "totalAmount": money(amount_of(found)),
        "billDetails": asked.get("billDetails", []),
        "freeTexts": asked.get("freeTexts", []),
        "virtualAccountTrxType": asked.get("virtualAccountTrxType", "C"),
        "expiredDate": local(expires) if expires else "",
        "additionalInfo": asked.get("additionalInfo", {}),
    }


SERVICES = {
    "26": status,
    "27": create,
    "28": update,
    "29": update_status,
    "30": inquiry,
    "31": delete,
    "35": report,
}
