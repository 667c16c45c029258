"""Transfers within the bank, to other banks, by RTGS and SKN (17, 18, 22, 23), and their state (36).

Last digits of the beneficiary's account say what happens: …0404 there is no such account; …0403 it is closed, so the transfer
fails after it was taken; …0303 it stays under way until `POST /control/settle`.
"""

from typing import Any

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.call import Call, Done, Refusal, local, money
from gerbang.bank_simulator.ledger import OTHER_BANKS, Record
from gerbang.bank_simulator.services.accounts import CLOSED_ACCOUNT, bank_name, holder, own

UNDER_WAY = "0303"
LIMITS = {"18": 250_000_000_00, "23": 1_000_000_000_00}
"""BI-FAST and SKN, in hundredths."""
RTGS_MIN = 100_000_000_00
STATES = {"00": "Successful", "03": "Pending", "06": "Failed"}
ECHOED = ("beneficiaryAccountNo", "beneficiaryAccountName", "beneficiaryBankCode", "sourceAccountNo", "transactionDate")


def transfer(bank: Bank, call: Call) -> Done:
    """Services 17, 18, 22 and 23: the money moves before the answer."""
    reference, amount = call.text("partnerReferenceNo"), call.amount()
    source, beneficiary = own(bank, call, "sourceAccountNo"), call.text("beneficiaryAccountNo", 34)
    if call.instant("transactionDate") is None:
        raise Refusal(400, "02", "transactionDate")
    if call.service != "17":
        call.text("beneficiaryAccountName", 100)
        bank_name(call.text("beneficiaryBankCode", 11))
    document = {name: call.document.get(name, "") for name in ECHOED}
    before = bank.ledger.find("transfer", key=reference)
    if before is not None:
        same = before.amount == amount and before.document["beneficiaryAccountNo"] == beneficiary
        raise Refusal(409, "01") if same and before.document["service"] == call.service else Refusal(404, "18")
    holder(beneficiary)
    if amount > LIMITS.get(call.service, amount) or (call.service == "22" and amount < RTGS_MIN):
        raise Refusal(403, "02")
    if amount > source.balance:
        raise Refusal(403, "14")
    state = {UNDER_WAY: "03", CLOSED_ACCOUNT: "06"}.get(beneficiary[-4:], "00")
    ours = bank.chance.digits("reference", 16)
    # What the partner says comes first, since the line is cut: by that it finds its transfer.
    said = call.optional("remark", 50) or reference
    remark = f"TRSF {said}"[:36].strip()
    with bank.ledger.together():
        bank.ledger.move(source.number, OTHER_BANKS, amount, call.now, ours, remark)
        if state == "06":
            bank.ledger.move(OTHER_BANKS, source.number, amount, call.now, ours, f"RETUR {remark}"[:36])
        bank.ledger.keep(
            *("transfer", reference, ours, state, amount, call.now),
            service=call.service,
            externalId=call.external_id,
            remark=said,
            **document,
        )
    if state == "06":
        raise Refusal(403, "15", "[beneficiary account is closed]")
    members: dict[str, Any] = {
        "referenceNo": ours,
        "partnerReferenceNo": reference,
        "amount": money(amount),
        **{name: value for name, value in document.items() if value},
        **({"traceNo": ours[-12:]} if call.service != "17" else {}),
        "additionalInfo": {"bifastId": ours[:18]} if call.service == "18" else {},
    }
    return Done(members, message="In progress", status=202) if state == "03" else Done(members)


def status(bank: Bank, call: Call) -> Done:
    """Service 36: by our external id, by our reference or by the bank's."""
    service = call.text("serviceCode", 2)
    if bank.profile.bodies == "bca":
        call.text("originalExternalId", 36)
    found = _found(bank, call, service)
    if found is None:
        raise Refusal(404, "01")
    return Done(
        {
            "originalReferenceNo": found.other_key,
            "originalPartnerReferenceNo": found.key,
            "originalExternalId": found.document["externalId"],
            "serviceCode": service,
            "transactionDate": local(found.at),
            "amount": money(found.amount),
            **{name: found.document[name] for name in ECHOED if found.document[name] and name != "transactionDate"},
            "referenceNumber": found.other_key[-12:],
            "previousResponseCode": f"200{service}00",
            "latestTransactionStatus": found.state,
            "transactionStatusDesc": STATES[found.state],
        }
    )


def _found(bank: Bank, call: Call, service: str) -> Record | None:
    external_id = call.optional("originalExternalId", 36)
    reference, ours = call.optional("originalPartnerReferenceNo"), call.optional("originalReferenceNo")
    if not external_id and not reference and not ours:
        raise Refusal(400, "02", "originalPartnerReferenceNo")
    for each in bank.ledger.found("transfer", key=reference, other_key=ours):
        if each.document["service"] == service and external_id in ("", each.document["externalId"]):
            return each
    return None


# What the control addresses do to transfers


def settle(bank: Bank, reference: str, state: str) -> Record | None:
    """Ends a transfer that is under way: `00`, or `06` with the money back."""
    found = bank.ledger.find("transfer", key=reference)
    if found is None or found.state != "03" or state not in {"00", "06"}:
        return None
    if state == "06":
        return give_back(bank, found)
    return bank.ledger.change(found, "00")


def give_back(bank: Bank, found: Record, **members: Any) -> Record:
    """A transfer comes back: its money is on the partner's account again."""
    with bank.ledger.together():
        account = str(found.document["sourceAccountNo"])
        remark = f"RETUR {found.document.get('remark') or found.key}"[:36].strip()
        bank.ledger.move(OTHER_BANKS, account, found.amount, bank.clock.now(), found.other_key, remark)
        return bank.ledger.change(found, "06", returned=True, **members)


SERVICES = dict.fromkeys(("17", "18", "22", "23"), transfer) | {"36": status}
