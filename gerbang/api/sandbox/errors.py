"""Error responses of the sandbox API: {"error": {"code", "message", "field"}}."""

from dataclasses import dataclass

import msgspec
from starlette.responses import Response

from gerbang import errors
from gerbang.errors import Refused


@dataclass(frozen=True)
class Answer:
    status: int
    code: str


_INVALID = Answer(400, "invalid")
_NOT_FOUND = Answer(404, "not_found")
_CONFLICT = Answer(409, "conflict")

ANSWERS: dict[type[Refused], Answer] = {
    errors.Invalid: _INVALID,
    errors.AmountMissing: _INVALID,
    errors.AmountNotAllowed: _INVALID,
    errors.AmountBelowLimit: _INVALID,
    errors.AmountAboveLimit: _INVALID,
    errors.PayoutBelowLimit: _INVALID,
    errors.PayoutAboveLimit: _INVALID,
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
    errors.ChannelNotEnabled: _INVALID,
    errors.AgreementUnusable: _INVALID,
    errors.ChannelNotBuilt: _INVALID,
    errors.StaticNeedsApiMode: _INVALID,
    errors.StaticNotOffered: _INVALID,
    errors.NumberOutsideRange: _INVALID,
    errors.NumberTooLong: _INVALID,
    errors.NumberNotOffered: _INVALID,
    errors.NumberForStaticOnly: _INVALID,
    errors.TooMuchKept: _INVALID,
    errors.CardMissing: _INVALID,
    errors.CardWrong: _INVALID,
    errors.CardUnreadable: _INVALID,
    errors.CardNotStored: _INVALID,
    errors.CustomerMissing: _INVALID,
    errors.BillingAddressMissing: _INVALID,
    errors.CaptureTooMuch: _INVALID,
    errors.NumberTaken: _INVALID,
    errors.RangeUsedUp: _INVALID,
    errors.StaticQrQuotaUsedUp: _INVALID,
    errors.PageTooLong: _INVALID,
    errors.PaymentUnknown: _NOT_FOUND,
    errors.CustomerUnknown: _NOT_FOUND,
    errors.DeliveryUnknown: _NOT_FOUND,
    errors.SettlementUnknown: _NOT_FOUND,
    errors.MerchantUnknown: _NOT_FOUND,
    errors.ProductUnknown: _NOT_FOUND,
    errors.PayoutUnknown: _NOT_FOUND,
    errors.AccountUnknown: _NOT_FOUND,
    errors.InquiryUnknown: _NOT_FOUND,
    errors.ReferenceTaken: _CONFLICT,
    errors.PayoutReferenceTaken: _CONFLICT,
    errors.KeyReused: _CONFLICT,
    errors.WrongState: Answer(422, "wrong_state"),
    errors.InsufficientFunds: Answer(422, "insufficient_funds"),
    errors.DailyPayoutsAboveLimit: Answer(422, "limit_exceeded"),
    errors.WithdrawalAccountMissing: Answer(403, "not_connected"),
    errors.BankSilent: Answer(503, "unavailable"),
    errors.NotOpenYet: Answer(503, "unavailable"),
    errors.PartnerDeclined: Answer(502, "declined"),
    errors.CredentialsWrong: Answer(401, "unauthorized"),
    errors.NotInLiveMode: Answer(403, "sandbox_only"),
    errors.BankNotConnected: Answer(403, "not_connected"),
    errors.ClockBackwards: _INVALID,
    errors.RefundTooLarge: _INVALID,
    errors.ChargeNotNamed: _INVALID,
    errors.ChargeUnknown: _NOT_FOUND,
    errors.RefundUnknown: _NOT_FOUND,
    errors.NotRefundable: Answer(422, "wrong_state"),
    errors.Unavailable: Answer(503, "unavailable"),
}
FIELDS = {"to": "to", "url": "url", "product": "product", "amount": "amount", "bankReference": "bankReference"}

HEADERS = {401: {"www-authenticate": 'Basic realm="Gerbang sandbox"'}, 503: {"retry-after": "1"}}


def error_response(status: int, code: str, message: str, field: str = "") -> Response:
    body = {"error": {"code": code, "message": message, "field": field or None}}
    return Response(msgspec.json.encode(body), status, HEADERS.get(status), media_type="application/json")


def unread(status: int, why: str) -> Response:
    """The response to a request that is not valid HTTP; 404 if its path cannot be ours."""
    return error_response(status, (_NOT_FOUND if status == _NOT_FOUND.status else _INVALID).code, why)


def refused(refusal: Refused) -> Response:
    answer = ANSWERS[type(refusal)]
    return error_response(answer.status, answer.code, refusal.message, FIELDS.get(refusal.field, ""))
