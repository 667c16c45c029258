"""Error responses: {"errors": [{code, title, detail}]}, with the codes of the one-time-payment reference, 1.8."""

import re
from dataclasses import dataclass, replace

import msgspec
from starlette.responses import Response

from gerbang import errors
from gerbang.api.v4_documents.shapes import BANK_NAMES, STATUS
from gerbang.errors import Refused


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    title: str


_INVALID = Answer(400, "005", "Invalid parameter")
_MISSING = Answer(404, "004", "Record not found")
_AMOUNT = Answer(400, "TXN0002", "Invalid transaction amount")
_NUMBER = Answer(400, "TXN0005", "Failed to create virtual account number")
_DENIED = Answer(401, "002", "Access denied")
_UNSUPPORTED = Answer(403, "003", "Feature not supported")

ANSWERS: dict[type[Refused], Answer] = {
    errors.Invalid: _INVALID,
    errors.AmountMissing: _INVALID,
    errors.AmountNotAllowed: _INVALID,
    errors.AmountBelowLimit: _AMOUNT,
    errors.AmountAboveLimit: _AMOUNT,
    errors.PayoutBelowLimit: _AMOUNT,
    errors.PayoutAboveLimit: _AMOUNT,
    errors.DestinationUnknown: _INVALID,
    errors.ExpiryPassed: _INVALID,
    errors.ExpiryTooSoon: _INVALID,
    errors.ExpiryTooFar: _INVALID,
    errors.MethodMissing: _INVALID,
    errors.BankMissing: _INVALID,
    errors.BankUnknown: _INVALID,
    errors.OptionMissing: _INVALID,
    errors.OptionUnknown: _INVALID,
    errors.OutletMissing: _INVALID,
    errors.OutletUnknown: _INVALID,
    errors.WalletMissing: _INVALID,
    errors.WalletUnknown: _INVALID,
    errors.ReturnUrlMissing: _INVALID,
    errors.WalletAccountMissing: _INVALID,
    errors.ChannelNotEnabled: _UNSUPPORTED,
    errors.AgreementUnusable: _UNSUPPORTED,
    errors.ChannelNotBuilt: _UNSUPPORTED,
    errors.StaticNeedsApiMode: _INVALID,
    errors.StaticNotOffered: _UNSUPPORTED,
    errors.NumberOutsideRange: _NUMBER,
    errors.NumberTooLong: Answer(400, "TXN0007", "suffixNo exceeds the maximum number"),
    errors.NumberForStaticOnly: _INVALID,
    errors.TooMuchKept: _INVALID,
    errors.CardMissing: _INVALID,
    errors.CardWrong: _INVALID,
    errors.CardUnreadable: _INVALID,
    errors.CardNotStored: _INVALID,
    errors.CustomerMissing: _INVALID,
    errors.BillingAddressMissing: _INVALID,
    errors.CaptureTooMuch: _INVALID,
    errors.NumberNotOffered: Answer(400, "TXN0006", "suffixNo is not supported for this bank"),
    errors.NumberTaken: _NUMBER,
    errors.RangeUsedUp: _NUMBER,
    errors.StaticQrQuotaUsedUp: Answer(400, "TXN0003", "Transaction exceeds account transaction limit"),
    errors.PageTooLong: _INVALID,
    errors.PaymentUnknown: _MISSING,
    errors.CustomerUnknown: _MISSING,
    errors.DeliveryUnknown: _MISSING,
    errors.SettlementUnknown: _MISSING,
    errors.MerchantUnknown: _MISSING,
    errors.ProductUnknown: _MISSING,
    errors.PayoutUnknown: _MISSING,
    errors.AccountUnknown: _MISSING,
    errors.InquiryUnknown: _MISSING,
    errors.InsufficientFunds: Answer(400, "TXN0001", "Account has insufficient funds"),
    errors.DailyPayoutsAboveLimit: Answer(400, "TXN0003", "Transaction exceeds account transaction limit"),
    errors.WithdrawalAccountMissing: _UNSUPPORTED,
    errors.BankSilent: Answer(503, "010", "Service Temporarily Unavailable"),
    errors.NotOpenYet: Answer(503, "010", "Service Temporarily Unavailable"),
    errors.PartnerDeclined: Answer(400, "TXN0005", "Failed to create virtual account number"),
    errors.ReferenceTaken: _INVALID,
    errors.PayoutReferenceTaken: _INVALID,
    errors.KeyReused: _INVALID,
    errors.WrongState: _INVALID,
    errors.CredentialsWrong: _DENIED,
    errors.NotInLiveMode: _UNSUPPORTED,
    errors.BankNotConnected: _UNSUPPORTED,
    errors.ClockBackwards: _INVALID,
    errors.RefundTooLarge: _INVALID,
    errors.ChargeNotNamed: _INVALID,
    errors.ChargeUnknown: _MISSING,
    errors.RefundUnknown: _MISSING,
    errors.NotRefundable: _INVALID,
    errors.Unavailable: Answer(503, "010", "Service Temporarily Unavailable"),
}

NOT_FOUND = _MISSING
METHOD_NOT_ALLOWED = Answer(405, "003", "Feature not supported")
TOO_LARGE = Answer(413, "005", "Invalid parameter")
PACKED = Answer(415, "005", "Invalid parameter")
MALFORMED = _INVALID
INTERNAL = Answer(500, "001", "Internal server error")

FIELDS = {
    "amount": "amount",
    "reference": "referenceId",
    "expires_at": "expiredAt",
    "method": "paymentMethodType",
    "number": "suffixNo",
    "return_url": "afterSettlementReturnUrl",
    "account_number": "accountNo",
}
"""The name in this API of each field that a refusal names."""
OPTION_FIELDS: dict[type[Refused], str] = {
    errors.BankMissing: "bankShortCode",
    errors.BankUnknown: "bankShortCode",
    errors.OptionMissing: "providerCode",
    errors.OptionUnknown: "providerCode",
    errors.OutletMissing: "retailOutletName",
    errors.OutletUnknown: "retailOutletName",
    errors.WalletMissing: "providerCode",
    errors.WalletUnknown: "providerCode",
}
OPTIONS = {*OPTION_FIELDS.values(), "suffixNo", "afterSettlementReturnUrl"}
"""The fields inside `paymentMethodOptions`; for static methods they are directly in `attributes`."""

HEADERS = {401: {"www-authenticate": 'Basic realm="Gerbang"'}, 503: {"retry-after": "1"}}


def error_response(answer: Answer, why: str, field: str = "", *, in_query: bool = False) -> Response:
    """An error response in this dialect's envelope. `source`, which names the wrong field, is an addition of ours."""
    error: dict[str, object] = {"code": answer.code, "title": answer.title, "detail": why}
    if field:
        error["source"] = {"parameter": field} if in_query else {"pointer": _pointer(field)}
    body = msgspec.json.encode({"errors": [error]})
    return Response(body, answer.status, HEADERS.get(answer.status), media_type="application/json")


def unread(status: int, why: str) -> Response:
    """The response to a request that is not valid HTTP; 404 if its path cannot be ours."""
    return error_response(NOT_FOUND if status == NOT_FOUND.status else replace(MALFORMED, status=status), why)


def _pointer(field: str) -> str:
    """A path such as data.list[1].name as a JSON pointer (RFC 6901)."""
    return "/" + re.sub(r"\[(\d+)\]", r".\1", field).lstrip(".").replace(".", "/")


STATIC = "/api/v4/payment_methods/"
NOUNS = {
    "/api/v4/payment_links/": "payment link",
    f"{STATIC}virtual_bank_accounts/": "static virtual account",
    f"{STATIC}qris/": "static QRIS code",
    "/api/v4/disbursements/": "disbursement",
}
"""The noun for the object under each path, if it is not a payment."""


def refused(refusal: Refused, path: str) -> Response:
    """The response to a refusal, in this dialect's terms; `path` decides what the object is called."""
    why = _translated(refusal).message
    if isinstance(refusal, errors.PaymentUnknown | errors.PayoutUnknown):
        noun = next((noun for start, noun in NOUNS.items() if path.startswith(start)), "payment")
        why = f"There is no {noun} with this id."
    return error_response(ANSWERS[type(refusal)], why, _field_of(refusal, static=path.startswith(STATIC)))


def _translated(refusal: Refused) -> Refused:
    """The refusal with states, banks and objects named as this dialect names them."""
    spec = refusal.spec
    if isinstance(refusal, errors.WrongState):
        state = str(spec["state"])
        thing = {"payout": "disbursement"}.get(str(spec["thing"]), "payment")
        spec = spec | {"state": STATUS.get(state, state), "thing": thing}
    for name in ("bank", "offered"):
        if name in spec:
            spec = spec | {name: ", ".join(BANK_NAMES.get(bank, bank) for bank in str(spec[name]).split(", "))}
    return type(refusal)(refusal.field, **spec)


def _field_of(refusal: Refused, *, static: bool) -> str:
    if refusal.field.startswith("data."):
        return refusal.field
    name = OPTION_FIELDS.get(type(refusal)) or FIELDS.get(refusal.field)
    if name is None or (static and name == FIELDS["method"]):
        return ""  # the path names the type of a static method
    inside = "paymentMethodOptions." if name in OPTIONS and not static else ""
    return f"data.attributes.{inside}{name}"
