"""QR codes that a merchant shows: make (47), state (51), cancel (77) and refund (78)."""

from datetime import timedelta
from typing import Any

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.call import Call, Done, Refusal, local, money
from gerbang.bank_simulator.ledger import PAYERS, Kind, Record, stored, written
from gerbang.bank_simulator.records import expired

VALID = timedelta(hours=1)
STATES = {
    "00": "Success",
    "01": "Initiated",
    "03": "Pending",
    "04": "Refunded",
    "05": "Canceled",
    "06": "Failed",
}


def generate(bank: Bank, call: Call) -> Done:
    """Service 47."""
    reference, amount = call.text("partnerReferenceNo"), call.amount()
    merchant = call.text("merchantId")
    before = bank.ledger.find("qr", key=reference)
    if before is None:
        ours = bank.chance.digits("reference", 16)
        until = call.instant("validityPeriod") or call.now + VALID
        if until <= call.now:
            raise Refusal(400, "01", "validityPeriod")
        document = {"merchantId": merchant, "merchantName": "TOKO CONTOH", "expires": stored(until)}
        document |= {"content": content(bank, ours, amount), "terminalId": call.optional("terminalId", 16)}
        bank.ledger.keep("qr", reference, ours, "03", amount, call.now, **document)
    made = repeated(bank, call, "qr", reference, amount, before)
    return Done(
        {
            "referenceNo": made.other_key,
            "partnerReferenceNo": reference,
            "qrContent": made.document["content"],
            "merchantName": made.document["merchantName"],
            "terminalId": made.document["terminalId"],
            "additionalInfo": {"validityPeriod": local(str(made.document["expires"]))},
        }
    )


def repeated(bank: Bank, call: Call, kind: Kind, reference: str, amount: int, before: Record | None) -> Record:
    """What was made for a reference. Raises Refusal where it was made before and this bank takes no repetition."""
    if before is not None and before.amount != amount:
        raise Refusal(404, "18")
    if before is not None and not bank.profile.repeats_are_the_same:
        raise Refusal(409, "01")
    found = bank.ledger.find(kind, key=reference)
    assert found is not None, "it was just made"
    return found


def content(bank: Bank, reference: str, amount: int) -> str:
    """What the code says, by EMVCo's standard for codes of merchants: its parts and their checksum."""
    account = _part("00", "ID.CO.QRIS.WWW") + _part("02", "ID1020000000001") + _part("03", "UME")
    whole = written(amount).removesuffix(".00")
    text = _part("00", "01") + _part("01", "12") + _part("51", account) + _part("52", "5499") + _part("53", "360")
    text += _part("54", whole) + _part("58", "ID") + _part("59", "TOKO CONTOH") + _part("60", "JAKARTA")
    text += _part("62", _part("05", reference)) + "6304"
    return f"{text}{_checksum(text):04X}"


def _part(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"


def _checksum(text: str) -> int:
    """CRC-16 with the polynomial 1021 and FFFF at the start."""
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def asked_for(bank: Bank, call: Call, kind: Kind) -> Record:
    """The code or bill that a call names by either side's reference. Raises Refusal."""
    reference, ours = call.optional("originalPartnerReferenceNo"), call.optional("originalReferenceNo")
    if not reference and not ours:
        raise Refusal(400, "02", "originalPartnerReferenceNo")
    found = bank.ledger.find(kind, key=reference, other_key=ours)
    if found is None:
        raise Refusal(404, "01")
    return found


def state_of(found: Record, call: Call) -> str:
    """The latestTransactionStatus; what was not paid in time has failed."""
    return "06" if found.state == "03" and expired(found, call.now) else found.state


def query(bank: Bank, call: Call) -> Done:
    """Service 51."""
    if call.text("serviceCode", 2) != "47":
        raise Refusal(400, "01", "serviceCode")
    found = asked_for(bank, call, "qr")
    state = state_of(found, call)
    paid = found.document.get("paidAt")
    return Done(
        {
            "originalReferenceNo": found.other_key,
            "originalPartnerReferenceNo": found.key,
            "serviceCode": "47",
            "latestTransactionStatus": state,
            "transactionStatusDesc": STATES[state],
            **({"paidTime": local(str(paid))} if paid else {}),
            "amount": money(int(found.document.get("paid", found.amount))),
            "terminalId": found.document["terminalId"],
            "additionalInfo": {name: found.document[name] for name in ("rrn", "issuerName") if name in found.document},
        }
    )


def cancel(bank: Bank, call: Call) -> Done:
    """Services 77 and 57: nobody can pay it any more."""
    kind: Kind = "qr" if call.service == "77" else "wallet"
    found = asked_for(bank, call, kind)
    if found.state == "05":
        return _cancelled(found, call)
    if found.state != "03":
        raise Refusal(404, "00", "[already paid]")
    return _cancelled(bank.ledger.change(found, "05"), call)


def _cancelled(found: Record, call: Call) -> Done:
    return Done(
        {
            "originalReferenceNo": found.other_key,
            "originalPartnerReferenceNo": found.key,
            "cancelTime": local(call.now),
            "transactionDate": local(found.at),
        }
    )


def refund(bank: Bank, call: Call) -> Done:
    """Services 78 and 58: in parts until all is back. The same partnerRefundNo is answered as the first time."""
    kind: Kind = "qr" if call.service == "78" else "wallet"
    found, reference, amount = asked_for(bank, call, kind), call.text("partnerRefundNo"), call.amount("refundAmount")
    before = bank.ledger.find("refund", key=reference)
    if before is not None:
        if before.amount != amount or before.document["of"] != found.id:
            raise Refusal(404, "18")
        return _refunded(found, before)
    if found.state not in {"00", "04"} or "paid" not in found.document:
        raise Refusal(404, "00", "[not paid]")
    back: list[dict[str, Any]] = found.document.get("refunds", [])
    if sum(int(each["amount"]) for each in back) + amount > int(found.document["paid"]):
        raise Refusal(404, "13")
    ours = bank.chance.digits("reference", 16)
    with bank.ledger.together():
        account = bank.wiring.ids.account
        bank.ledger.move(account, PAYERS, amount, call.now, ours, f"REFUND {found.key}"[:36])
        bank.ledger.keep("refund", reference, ours, "00", amount, call.now, of=found.id)
        one = {"refundNo": ours, "partnerRefundNo": reference, "amount": amount, "at": stored(call.now)}
        bank.ledger.change(found, "04", refunds=[*back, one])
    made = bank.ledger.find("refund", key=reference)
    assert made is not None, "it was just made"
    return _refunded(found, made)


def _refunded(found: Record, made: Record) -> Done:
    return Done(
        {
            "originalReferenceNo": found.other_key,
            "originalPartnerReferenceNo": found.key,
            "refundNo": made.other_key,
            "partnerRefundNo": made.key,
            "refundAmount": money(made.amount),
            "refundTime": local(made.at),
        }
    )


SERVICES = {"47": generate, "51": query, "77": cancel, "78": refund}
