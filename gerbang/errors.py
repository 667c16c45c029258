"""All refusals: expected errors with a name and the values of their message.

Each dialect has its own code and form for them.

Refused
├── Invalid                     a field is not what it must be
│   ├── AmountMissing  AmountNotAllowed  AmountBelowLimit  AmountAboveLimit
│   ├── ExpiryPassed  ExpiryTooSoon  ExpiryTooFar
│   ├── MethodMissing  ChannelNotEnabled  ChannelNotBuilt  AgreementUnusable  ReturnUrlMissing
│   ├── OptionMissing  OptionUnknown  BankMissing  BankUnknown
│   ├── OutletMissing  OutletUnknown  WalletMissing  WalletUnknown  WalletAccountMissing
│   ├── PayoutBelowLimit  PayoutAboveLimit  DestinationUnknown
│   ├── StaticNeedsApiMode  StaticNotOffered  PageTooLong
│   ├── NumberOutsideRange  NumberTooLong  NumberNotOffered  NumberTaken  RangeUsedUp  StaticQrQuotaUsedUp
│   ├── CardMissing  CardWrong  CardUnreadable  CardNotStored  CustomerMissing  BillingAddressMissing  CaptureTooMuch
│   ├── NumberForStaticOnly  TooMuchKept
│   └── RefundTooLarge  ChargeNotNamed
├── Unknown
│   ├── PaymentUnknown  CustomerUnknown  DeliveryUnknown  MerchantUnknown  ProductUnknown  SettlementUnknown
│   ├── PayoutUnknown  AccountUnknown  ChargeUnknown  RefundUnknown  InquiryUnknown
├── Conflict
│   ├── ReferenceTaken  PayoutReferenceTaken  KeyReused
├── WrongState  NotRefundable
├── InsufficientFunds  DailyPayoutsAboveLimit  WithdrawalAccountMissing
├── BankSilent  BankNotConnected  NotOpenYet  PartnerDeclined
├── CredentialsWrong
├── NotInLiveMode
├── ClockBackwards
└── Unavailable
"""

from datetime import UTC, datetime


class Refused(Exception):
    """Base class of all refusals. `field` is the path of the wrong value in the caller's request, "" if there is none.

    The class docstring is the message; `{names}` in it are filled from the keyword arguments.
    """

    def __init__(self, field: str = "", **spec: object) -> None:
        self.field = field
        self.spec = spec
        super().__init__(self.message)

    @property
    def message(self) -> str:
        sentence = " ".join((type(self).__doc__ or type(self).__name__).split())
        return sentence.format(**{name: _written(value) for name, value in self.spec.items()})


def _written(value: object) -> object:
    """A value as a message shows it: instants in UTC, to the second."""
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Invalid(Refused):
    """{why}"""


class AmountMissing(Invalid):
    """An amount is needed for this kind of payment."""


class AmountNotAllowed(Invalid):
    """A static QR is open to any amount: QR with MULTIPLE must not carry an amount."""


class AmountBelowLimit(Invalid):
    """The amount is below the minimum of {title}, which is {minimum}."""


class PayoutBelowLimit(Invalid):
    """A transfer to a bank account must be at least {minimum}."""


class PayoutAboveLimit(Invalid):
    """A transfer to a bank account may be at most {maximum}."""


class DestinationUnknown(Invalid):
    """{code} is no bank and no wallet that money can be sent to."""


class AmountAboveLimit(Invalid):
    """The amount is above the maximum of {title}, which is {maximum}."""


class ExpiryPassed(Invalid):
    """The expiry time has passed already: it is {now} here."""


class ExpiryTooSoon(Invalid):
    """The expiry time is too near: {title} needs {minimum} at least."""


class ExpiryTooFar(Invalid):
    """The expiry time is too far away: {title} allows {maximum} at most."""


class MethodMissing(Invalid):
    """A way to pay must be chosen first."""


class BankMissing(Invalid):
    """{title} needs a bank: choose one of {offered}."""


class BankUnknown(Invalid):
    """{bank} is not offered for {title}: choose one of {offered}."""


class OptionMissing(Invalid):
    """{title} needs to know by what: choose one of {offered}."""


class OptionUnknown(Invalid):
    """{option} is not offered for {title}: choose one of {offered}."""


class OutletMissing(Invalid):
    """A retail outlet must be named: choose one of {offered}."""


class OutletUnknown(Invalid):
    """{outlet} is not a retail outlet that is offered: choose one of {offered}."""


class WalletMissing(Invalid):
    """A wallet must be named: choose one of {offered}."""


class WalletUnknown(Invalid):
    """{wallet} is not a wallet that is offered: choose one of {offered}."""


class WalletAccountMissing(Invalid):
    """{wallet} notifies its buyer in its app, so it needs the phone number of their account."""


class ReturnUrlMissing(Invalid):
    """A wallet needs an address to send its buyer back to."""


class ChannelNotEnabled(Invalid):
    """{title} is not enabled for this merchant."""


class ChannelNotBuilt(Invalid):
    """{title} does not exist in this gateway yet, so it cannot be enabled for anybody."""


class AgreementUnusable(Invalid):
    """{title} cannot be used as it was agreed for this merchant: ask the operator of this gateway to correct it."""


class StaticNeedsApiMode(Invalid):
    """MULTIPLE is offered in API mode only."""


class StaticNotOffered(Invalid):
    """{title} cannot be used with MULTIPLE."""


class NumberOutsideRange(Invalid):
    """The number asked for is not {digits} digits within this merchant's static range {ranges}."""


class NumberTooLong(Invalid):
    """The number asked for is longer than the {digits} digits that may be chosen."""


class NumberNotOffered(Invalid):
    """The digits of numbers at {bank} cannot be chosen: leave them out."""


class NumberTaken(Invalid):
    """The number asked for is already assigned: choose another."""


class RangeUsedUp(Invalid):
    """Every number of the range configured for {bank} is in use."""


class NumberForStaticOnly(Invalid):
    """The number of a payment that is paid once cannot be chosen: leave it out, or ask for MULTIPLE."""


class TooMuchKept(Invalid):
    """Metadata and order information have {size} bytes together, of which {most} can be kept."""


class CardMissing(Invalid):
    """A card is needed: encrypted, as a number, or as the token of a stored one."""


class CardWrong(Invalid):
    """The value {why}."""


class CardUnreadable(Invalid):
    """The card cannot be decrypted: encrypt it with the encryptionKey of this payment, as the documentation shows."""


class CardNotStored(Invalid):
    """There is no stored card of this customer with this token."""


class CustomerMissing(Invalid):
    """A customer is needed in order to keep a card, or to pay by one that was kept."""


class BillingAddressMissing(Invalid):
    """A card that was issued in another country needs the buyer's billing address."""


class CaptureTooMuch(Invalid):
    """No more than {left} is still held for this payment."""


class StaticQrQuotaUsedUp(Invalid):
    """The allowed number of static QRIS, {quota}, is reached."""


class RefundTooLarge(Invalid):
    """{left} of this payment can still be refunded."""


class ChargeNotNamed(Invalid):
    """This payment may be paid any number of times: name the charge that is refunded."""


class PageTooLong(Invalid):
    """This page would be longer than {megabytes} MB: ask for fewer payments on a page."""


class Unknown(Refused):
    """There is no such thing here."""


class PaymentUnknown(Unknown):
    """There is no payment with this id."""


class CustomerUnknown(Unknown):
    """There is no customer with this id."""


class DeliveryUnknown(Unknown):
    """There is no delivery with this id."""


class SettlementUnknown(Unknown):
    """There is no settlement with this id."""


class MerchantUnknown(Unknown):
    """There is no merchant with this id."""


class ProductUnknown(Unknown):
    """There is no callback product of this name: choose one of {offered}."""


class PayoutUnknown(Unknown):
    """There is no payout with this id."""


class InquiryUnknown(Unknown):
    """There is no inquiry with this id."""


class AccountUnknown(Unknown):
    """There is no such account at this bank."""


class ChargeUnknown(Unknown):
    """There is no charge with this id."""


class RefundUnknown(Unknown):
    """There is no refund with this id."""


class Conflict(Refused):
    """This was done before, and differently."""


class ReferenceTaken(Conflict):
    """A {thing} with this reference exists already."""

    def __init__(self, field: str = "", **spec: object) -> None:
        super().__init__(field, **{"thing": "payment", **spec})


class PayoutReferenceTaken(Conflict):
    """A payout or withdrawal with this reference exists already."""


class KeyReused(Conflict):
    """This idempotency key was used before with another request."""


class WrongState(Refused):
    """The {thing} is {state}, so it cannot be {verb}."""

    def __init__(self, field: str = "", **spec: object) -> None:
        super().__init__(field, **{"thing": "payment", **spec})


class NotRefundable(Refused):
    """This payment cannot be refunded: {why}."""


class InsufficientFunds(Refused):
    """The available balance is {available}, which does not cover {needed}."""


class DailyPayoutsAboveLimit(Refused):
    """Payouts of this day would come to {sum}, and {limit} a day is agreed."""


class WithdrawalAccountMissing(Refused):
    """No bank account is agreed with this merchant to which its money could be withdrawn."""


class BankSilent(Refused):
    """The bank gives no answer right now. Send the same request again in a moment."""


class NotOpenYet(Refused):
    """The partner that makes the code has not answered yet. Send the same request again in a moment: nothing is made twice."""


class PartnerDeclined(Refused):
    """{title} cannot be opened: {why}."""


class CredentialsWrong(Refused):
    """The credentials are not accepted: {why}."""

    def __init__(self, field: str = "", **spec: object) -> None:
        super().__init__(field, **{"why": "they are missing, wrong or expired", **spec})


class NotInLiveMode(Refused):
    """This exists in the sandbox only."""


class BankNotConnected(Refused):
    """No bank is connected here by which money could be sent to {bank}."""


class ClockBackwards(Refused):
    """The clock can only move forward: it is {now} already."""


class Unavailable(Refused):
    """The database {what} right now. Send the same request again in a moment."""

    def __init__(self, field: str = "", **spec: object) -> None:
        super().__init__(field, **{"what": "cannot be reached", **spec})
