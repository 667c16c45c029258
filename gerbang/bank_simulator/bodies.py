"""The bodies of the bank's calls: what a bank really writes in an inquiry, a payment and a notification, habit by habit."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from gerbang.bank_simulator.chance import Chance
from gerbang.bank_simulator.ledger import Record, written
from gerbang.bank_simulator.profiles import Profile
from gerbang.bank_simulator.signing import stamp_of
from gerbang.clock import wib

Body = dict[str, Any]
BANK_CODES = {"bca": "014", "bri": "002", "mandiri": "008", "bni": "009", "bsi": "451", "bnc": "490"}
ID_WIDTH, BRI_NUMBER_WIDTH = 8, 28


class Visit(msgspec.Struct, kw_only=True):
    """A customer of the bank in front of a number: what is the same in the inquiry, the payment and its repetitions."""

    company: str
    """The company code, without padding."""
    customer: str
    """The rest of the number."""
    at: datetime
    request_id: str
    """inquiryRequestId and paymentRequestId are the same."""
    reference: str
    """The bank's reference: 11 digits."""
    given: int | None = None
    """The amount that the payer has typed, in hundredths."""
    name: str = ""
    """Whose bill it is, by the inquiry's answer."""
    total: int = 0
    """What is to be paid, by the inquiry's answer."""
    paid: int = 0
    trx_id: str = ""
    """The partner's id of a registered number."""
    bills: list[Body] = []
    external_id: str = ""
    """X-EXTERNAL-ID of the payment and its repetitions."""

    @property
    def number(self) -> str:
        return self.company + self.customer


def visit(profile: Profile, company: str, customer: str, at: datetime, chance: Chance) -> Visit:
    """A new visit, with ids as this bank makes them."""
    if profile.bodies == "bca":
        request_id = wib(at).strftime("%Y%m%d%H%M%S") + chance.digits("request id", 16)
    else:
        request_id = str(uuid.UUID(hex=chance.letters("request id", 32)))
    reference = chance.digits("reference", 11)
    return Visit(company=company, customer=customer, at=at, request_id=request_id, reference=reference)


def idr(amount: int, *, one_decimal: bool = False) -> Body:
    """An amount as the standard has it; BRI's caller writes one decimal."""
    value = written(amount)
    return {"value": value[:-1] if one_decimal and value.endswith("0") else value, "currency": "IDR"}


def identity(profile: Profile, of: Visit) -> Body:
    """The three names of a number, padded as the bank pads them."""
    padded = of.company.rjust(ID_WIDTH, "0" if profile.zero_padded else " ")
    if profile.bodies == "mandiri":
        return {"partnerServiceId": of.company, "customerNo": of.number, "virtualAccountNo": of.number}
    if profile.bodies == "bsi":
        return {"partnerServiceId": of.company.rjust(ID_WIDTH), "customerNo": of.customer}
    names = {"partnerServiceId": of.company.rjust(ID_WIDTH), "customerNo": of.customer}
    if profile.bodies == "bri":
        return names | {"virtualAccountNo": of.number.rjust(BRI_NUMBER_WIDTH)}
    return names | {"virtualAccountNo": padded + of.customer}


def inquiry(profile: Profile, of: Visit) -> Body:
    """Service 24."""
    at = stamp_of(of.at, "local")
    names = identity(profile, of)
    match profile.bodies:
        case "bca":
            return names | {
                "trxDateInit": at,
                "channelCode": 6017,
                "language": "",
                "amount": None,
                "hashedSourceAccountNo": "",
                "sourceBankCode": BANK_CODES["bca"],
                "additionalInfo": {},
                "passApp": "",
                "inquiryRequestId": of.request_id,
            }
        case "bri":
            return names | {
                "trxDateInit": at,
                "channelCode": 1,
                "language": "id",
                **({} if of.given is None else {"amount": idr(of.given, one_decimal=True)}),
                "hashedSourceAccountNo": "",
                "sourceBankCode": BANK_CODES["bri"],
                "passApp": "simulator",
                "inquiryRequestId": of.request_id,
                "additionalInfo": {"idApp": "SIMULATE"},
            }
        case "bsi":
            return names | {"trxDateInit": at, "channelCode": "6010", "additionalInfo": []}
        case _:
            return names | {
                "trxDateInit": at,
                "channelCode": 6011,
                "language": "ID",
                **({} if of.given is None else {"amount": idr(of.given)}),
                "sourceBankCode": BANK_CODES.get(profile.name, "013"),
                "inquiryRequestId": of.request_id,
                "additionalInfo": {},
            }


def payment(profile: Profile, of: Visit, *, advice: bool = False) -> Body:
    """Service 25; `advice` for a repetition of one that was not answered."""
    names = identity(profile, of) | {"virtualAccountName": of.name}
    match profile.bodies:
        case "bca":
            return names | _bca_payment(of, advice=advice)
        case "bri":
            return names | {
                "paymentRequestId": of.request_id,
                "channelCode": 1,
                "hashedSourceAccountNo": "",
                "sourceBankCode": BANK_CODES["bri"],
                "paidAmount": idr(of.paid, one_decimal=True),
                "trxDateInit": stamp_of(of.at, "local"),
                "additionalInfo": {"idApp": "SIMULATE", "passApp": "simulator"},
            }
        case "bsi":
            at = stamp_of(of.at, "local")
            return names | {"paidAmount": idr(of.paid), "trxDateTime": at, "channelCode": "6010", "additionalInfo": []}
        case "mandiri":
            return names | {
                "trxId": of.trx_id,
                "paymentRequestId": of.request_id,
                "channelCode": "6017",
                "paidAmount": idr(of.paid),
                "totalAmount": idr(of.total),
                "trxDateTime": wib(of.at).strftime("%Y%m%dT%H%M%S+0700"),
                "referenceNo": of.reference,
                "additionalInfo": {},
            }
        case _:
            return names | {
                "trxId": of.trx_id,
                "paymentRequestId": of.request_id,
                "channelCode": 6011,
                "sourceBankCode": BANK_CODES.get(profile.name, "013"),
                "paidAmount": idr(of.paid),
                "totalAmount": idr(of.total),
                "trxDateTime": stamp_of(of.at, "local"),
                "referenceNo": of.reference,
                "flagAdvise": "Y" if advice else "N",
                "additionalInfo": {},
            }


def _bca_payment(of: Visit, *, advice: bool) -> Body:
    return {
        "virtualAccountEmail": "",
        "virtualAccountPhone": "",
        "trxId": "",
        "paymentRequestId": of.request_id,
        "channelCode": 6017,
        "hashedSourceAccountNo": "",
        "sourceBankCode": BANK_CODES["bca"],
        "paidAmount": idr(of.paid),
        "cumulativePaymentAmount": None,
        "paidBills": "",
        "totalAmount": idr(of.total),
        "trxDateTime": stamp_of(of.at, "local"),
        "referenceNo": of.reference,
        "journalNum": "",
        "paymentType": "",
        "flagAdvise": "Y" if advice else "N",
        "subCompany": "00000",
        "billDetails": [bill | {"billReferenceNo": of.reference} for bill in of.bills],
        "freeTexts": [],
        "additionalInfo": {},
    }


def va_notification(profile: Profile, of: Visit) -> Body:
    """Service 34: money for a registered number has arrived."""
    return identity(profile, of) | {
        "inquiryRequestId": of.request_id,
        "paymentRequestId": of.request_id,
        "partnerReferenceNo": of.trx_id,
        "trxDateTime": stamp_of(of.at, "local"),
        "paymentStatus": "Success",
        "paymentFlagReason": {"english": "Success", "indonesia": "Sukses"},
        "additionalInfo": {
            "idApp": "SIMULATE",
            "passApp": "simulator",
            "paymentAmount": written(of.paid),
            "terminalId": "1",
            "bankId": BANK_CODES.get(profile.name, "002"),
        },
    }


def code_notification(code: Record, paid: int, at: datetime, state: str, reference: str) -> Body:
    """Service 52: a QR code was paid (`00`), or it was refunded or has ended."""
    return {
        "originalReferenceNo": code.other_key,
        "originalPartnerReferenceNo": code.key,
        "latestTransactionStatus": state,
        "transactionStatusDesc": {"00": "Success", "04": "Refunded", "05": "Canceled"}.get(state, "Failed"),
        "customerNumber": "6281200000000",
        "accountType": "SAVINGS",
        "destinationNumber": "9360001430000000000",
        "destinationAccountName": str(code.document.get("merchantName", "")),
        "amount": idr(paid),
        "bankCode": "014",
        "additionalInfo": {
            "referenceNumber": reference,
            "approvalCode": reference[:6],
            "payerName": "PEMBELI CONTOH",
            "issuerName": "BANK CONTOH",
            "paidTime": stamp_of(at, "local"),
        },
    }


def wallet_notification(bill: Record, paid: int, at: datetime, state: str) -> Body:
    """Service 56: an e-wallet payment is done (`00`) or has ended (`05`)."""
    return {
        "originalPartnerReferenceNo": bill.key,
        "originalReferenceNo": bill.other_key,
        "merchantId": str(bill.document.get("merchantId", "")),
        "amount": idr(paid),
        "latestTransactionStatus": state,
        "transactionStatusDesc": "Success" if state == "00" else "Closed",
        "createdTime": stamp_of(at - timedelta(seconds=30), "local"),
        "finishedTime": stamp_of(at, "local"),
        "additionalInfo": {},
    }


def transfer_returned(transfer: Record, at: datetime) -> Body:
    """Services 75 and 76: a transfer that was completed has come back from the other bank."""
    return {
        "originalReferenceNo": transfer.other_key,
        "originalPartnerReferenceNo": transfer.key,
        "originalExternalId": str(transfer.document.get("externalId", "")),
        "latestTransactionStatus": "06",
        "transactionStatusDesc": "Rejected",
        "amount": idr(transfer.amount),
        "transactionDate": stamp_of(at, "local"),
        "beneficiaryAccountNo": str(transfer.document.get("beneficiaryAccountNo", "")),
        "sourceAccountNo": str(transfer.document.get("sourceAccountNo", "")),
        "additionalInfo": {
            "rejectStatusID": "Rekening tujuan ditutup",
            "rejectStatusEN": "Beneficiary account is closed",
            "traceNo": transfer.other_key[-12:],
        },
    }


NUMBERED: dict[str, Callable[[Profile, Visit], Body]] = {"25": payment, "34": va_notification}
"""How a payment to a registered number is reported, by service."""
