"""E-wallet payments (direct debit): make (54), state (55), cancel (57) and refund (58)."""

from typing import Any, cast

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.call import Call, Done, Refusal, local, money
from gerbang.bank_simulator.ledger import stored
from gerbang.bank_simulator.services.codes import STATES, VALID, asked_for, cancel, refund, repeated, state_of


def pay(bank: Bank, call: Call) -> Done:
    """Service 54: the payer is sent to a page of the wallet; here that is the simulator's own page."""
    reference, amount = call.text("partnerReferenceNo"), call.amount()
    before = bank.ledger.find("wallet", key=reference)
    if before is None:
        ours = bank.chance.digits("reference", 16)
        until = call.instant("validUpTo") or call.now + VALID
        if until <= call.now:
            raise Refusal(400, "01", "validUpTo")
        document = {"merchantId": call.optional("merchantId"), "expires": stored(until)}
        bank.ledger.keep("wallet", reference, ours, "03", amount, call.now, **document, urls=_urls(call))
    made = repeated(bank, call, "wallet", reference, amount, before)
    url = f"{bank.wiring.bank_url}/?code={made.other_key}"
    return Done(
        {
            "referenceNo": made.other_key,
            "partnerReferenceNo": reference,
            "webRedirectUrl": url,
            "appRedirectUrl": url,
            "additionalInfo": {},
        }
    )


def _urls(call: Call) -> list[Any]:
    urls = call.document.get("urlParams")
    if urls is not None and not isinstance(urls, list):
        raise Refusal(400, "01", "urlParams")
    return cast(list[Any], urls) if urls else []


def status(bank: Bank, call: Call) -> Done:
    """Service 55."""
    if call.text("serviceCode", 2) != "54":
        raise Refusal(400, "01", "serviceCode")
    found = asked_for(bank, call, "wallet")
    state = state_of(found, call)
    paid = found.document.get("paidAt")
    refunds: list[dict[str, Any]] = found.document.get("refunds", [])
    return Done(
        {
            "originalReferenceNo": found.other_key,
            "originalPartnerReferenceNo": found.key,
            "serviceCode": "54",
            "latestTransactionStatus": state,
            "transactionStatusDesc": STATES[state],
            "originalResponseCode": "2005400",
            "originalResponseMessage": "Successful",
            "transAmount": money(int(found.document.get("paid", found.amount))),
            **({"paidTime": local(str(paid))} if paid else {}),
            "refundHistory": [
                {
                    "refundNo": each["refundNo"],
                    "partnerRefundNo": each["partnerRefundNo"],
                    "refundAmount": money(int(each["amount"])),
                    "refundStatus": "00",
                    "refundDate": local(str(each["at"])),
                    "reason": "",
                }
                for each in refunds
            ],
            "additionalInfo": {},
        }
    )


SERVICES = {"54": pay, "55": status, "57": cancel, "58": refund}
