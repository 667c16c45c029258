"""Error responses: HTTP status, code, type and source of each refusal (payment-session reference, 1.7 to 1.10)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from starlette.responses import Response

from gerbang import errors, ids
from gerbang.api._bodies import Malformed
from gerbang.api.v2_sessions import refund_shapes, shapes
from gerbang.api.v2_sessions.methods import OTHERS, block_of
from gerbang.errors import Refused


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    type: str = "API_ERROR"
    source: str = "UPSTREAM"
    message: str = "The request was refused"
    names_field: bool = True
    """False where the vendor documents an empty `field` (1.10)."""


_INVALID = Answer(400, "api_validation_error", message="The request is not valid")
_UNNAMED = Answer(400, "api_validation_error", message="The request is not valid", names_field=False)
_MISSING = Answer(404, "resource_missing", "GATEWAY_ERROR", message="There is no such object")

ANSWERS: dict[type[Refused], Answer] = {
    errors.Invalid: _INVALID,
    errors.AmountMissing: _INVALID,
    errors.AmountNotAllowed: _UNNAMED,
    errors.AmountBelowLimit: _INVALID,
    errors.AmountAboveLimit: _INVALID,
    errors.PayoutBelowLimit: Answer(400, "amount_below_limit", message="The amount is too small"),
    errors.PayoutAboveLimit: Answer(400, "amount_above_limit", message="The amount is too large"),
    errors.DestinationUnknown: Answer(400, "unsupported_channel_code", message="The channel code is not supported"),
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
    errors.StaticNeedsApiMode: _UNNAMED,
    errors.StaticNotOffered: _UNNAMED,
    errors.NumberOutsideRange: _UNNAMED,
    errors.NumberTooLong: _UNNAMED,
    errors.NumberNotOffered: _UNNAMED,
    errors.NumberForStaticOnly: _INVALID,
    errors.TooMuchKept: _INVALID,
    errors.CardMissing: _INVALID,
    errors.CardWrong: _INVALID,
    errors.CardUnreadable: _INVALID,
    errors.CardNotStored: _INVALID,
    errors.CustomerMissing: _INVALID,
    errors.BillingAddressMissing: _INVALID,
    errors.CaptureTooMuch: _INVALID,
    errors.NumberTaken: _UNNAMED,
    errors.RangeUsedUp: _UNNAMED,
    errors.StaticQrQuotaUsedUp: _UNNAMED,
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
    errors.ReferenceTaken: Answer(409, "duplicate_error", "GATEWAY_ERROR", message="This exists already"),
    errors.PayoutReferenceTaken: Answer(409, "resource_already_exists", message="This exists already"),
    errors.KeyReused: Answer(409, "idempotency_error", message="This X-REQUEST-ID was used for another request"),
    errors.WrongState: Answer(422, "api_validation_error", message="The payment is not in a state that allows this"),
    errors.InsufficientFunds: Answer(400, "balance_insufficient", message="The balance does not cover this"),
    errors.DailyPayoutsAboveLimit: Answer(400, "daily_payout_limit_exceeded", message="The limit of a day is exceeded"),
    errors.WithdrawalAccountMissing: Answer(
        403, "resource_not_complete", message="Something is missing in the agreement"
    ),
    errors.BankSilent: Answer(
        503, "service_unavailable", "GATEWAY_ERROR", "DOWNSTREAM", message="The bank gives no answer right now"
    ),
    errors.NotOpenYet: Answer(
        503, "service_unavailable", "GATEWAY_ERROR", "DOWNSTREAM", "The partner has not answered yet"
    ),
    errors.PartnerDeclined: Answer(502, "bad_gateway", "GATEWAY_ERROR", "DOWNSTREAM", "The partner has declined this"),
    errors.CredentialsWrong: Answer(401, "credentials_invalid", message="The credentials are not valid"),
    errors.NotInLiveMode: Answer(403, "forbidden_access", message="This exists in the sandbox only"),
    errors.BankNotConnected: Answer(403, "forbidden_access", message="No bank is connected for this"),
    errors.ClockBackwards: _INVALID,
    errors.RefundTooLarge: _INVALID,
    errors.ChargeNotNamed: _INVALID,
    errors.ChargeUnknown: _MISSING,
    errors.RefundUnknown: _MISSING,
    errors.NotRefundable: Answer(422, "api_validation_error", message="The payment cannot be refunded"),
    errors.Unavailable: Answer(
        503, "service_unavailable", "GATEWAY_ERROR", "SYSTEM", "The gateway cannot do this right now"
    ),
}

FIELD_REQUIRED = Answer(400, "field_required", message="A field is missing")
FIELD_FORMAT = Answer(400, "field_format_invalid", message="A field is not what it must be")
NOT_FOUND = Answer(404, "not_found", "GATEWAY_ERROR", message="There is no such address")
METHOD_NOT_ALLOWED = Answer(405, "method_not_allowed", message="This address does not know that method")
TOO_LARGE = Answer(413, "api_validation_error", message="The body is over 1 MB")
PACKED = Answer(415, "api_validation_error", message="The body is compressed")
MALFORMED = _INVALID
FORBIDDEN = Answer(403, "forbidden_access", message="This account may not do that")
INTERNAL = Answer(500, "internal_error", "GATEWAY_ERROR", "SYSTEM", "Something went wrong on our side")

FIELDS = {
    "amount": "amount.value",
    "reference": "clientReferenceId",
    "withdrawal.reference": "referenceId",
    "expires_at": "expiryAt",
    "method": "paymentMethod.type",
    "option": "paymentMethodOptions.virtualAccount.channel",
    "number": "paymentMethodOptions.virtualAccount.virtualAccountNumber",
    "customer_id": "customerId",
    "page_size": "perPage",
    "mode": "mode",
    "card": "paymentMethod.card",
    "card.token": "paymentMethod.card.token",
    "card.number": "paymentMethod.card.number",
    "card.option": "paymentMethod.card.number",
    "customer": "customer",
    "billing": "orderInformation.billingInfo",
    "metadata": "metadata",
    "order": "orderInformation",
    "virtual_account.expires_at": "paymentMethodOptions.virtualAccount.expiryAt",
    "qris.expires_at": "paymentMethodOptions.qr.expiryAt",
    "ewallet.option": "paymentMethodOptions.ewallet.channel",
    "ewallet.expires_at": "paymentMethodOptions.ewallet.expiryAt",
    "account": "paymentMethod.ewallet.accountIdentifier",
    "return_url": "redirectUrl.successReturnUrl",
    "payment_id": "paymentSessionId",
    "charge_id": "chargeId",
    "destination": "transferDestination",
}
for _name in OTHERS:
    FIELDS[f"{_name}.option"] = f"paymentMethodOptions.{block_of(_name)}.channel"
    FIELDS[f"{_name}.expires_at"] = f"paymentMethodOptions.{block_of(_name)}.expiryAt"
"""The name in this API of each field that a refusal names."""
FIELDS_OF: dict[type[Refused], str] = {
    errors.WalletMissing: "paymentMethodOptions.ewallet.channel",
    errors.WalletUnknown: "paymentMethodOptions.ewallet.channel",
}
"""The same, where it depends on the refusal."""

LINE = re.compile(r"(.+\])\.(\w+)", re.ASCII)
LINE_FIELDS = {"amount": "amount.value", "reference": "referenceId", "inquiry_id": "inquiryId"}
"""The same of a field of a bulk payout's line."""

HEADERS = {401: {"www-authenticate": 'Bearer realm="Gerbang"'}, 503: {"retry-after": "1"}}


def error_response(
    answer: Answer, *, field: str = "", why: str = "", others: Sequence[Malformed] = (), trace_id: str = ""
) -> Response:
    """An error response in this dialect's envelope; `why` and `others` become its details."""
    details = [{"field": field if answer.names_field else "", "message": why}] if why else []
    details += [{"field": other.field, "message": other.why} for other in others]
    body = {
        "code": answer.code,
        "message": answer.message,
        "error": {
            "type": answer.type,
            "source": answer.source,
            "details": details,
            "traceId": trace_id or ids.trace_id(),
        },
    }
    return Response(msgspec.json.encode(body), answer.status, HEADERS.get(answer.status), media_type="application/json")


def unread(status: int, why: str) -> Response:
    """The response to a request that is not valid HTTP; 404 if its path cannot be ours."""
    if status == NOT_FOUND.status:
        return error_response(NOT_FOUND)
    return error_response(replace(MALFORMED, status=status), why=why)


def refused(refusal: Refused) -> Response:
    if isinstance(refusal, errors.WrongState):
        statuses = {"payment": shapes.STATUS, "charge": shapes.CHARGE_STATUS, "refund": refund_shapes.STATUS}
        known = statuses.get(str(refusal.spec.get("thing")), {})
        status = known.get(str(refusal.spec["state"]), refusal.spec["state"])
        refusal = errors.WrongState(refusal.field, **refusal.spec | {"state": status})
    field = FIELDS_OF.get(type(refusal)) or _field(refusal.field)
    return error_response(ANSWERS[type(refusal)], field=field, why=refusal.message)


def _field(name: str) -> str:
    line = LINE.fullmatch(name)
    return f"{line[1]}.{LINE_FIELDS.get(line[2], line[2])}" if line else FIELDS.get(name, name)
