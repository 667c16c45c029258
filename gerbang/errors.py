"""Everything that can be refused. A refusal knows its name and its facts; each dialect decides how it is told.

Refused
├── Invalid                     a field is not what it must be
│   ├── AmountMissing  AmountNotAllowed  AmountBelowLimit  AmountAboveLimit
│   ├── ExpiryPassed  ExpiryTooFar
│   ├── MethodMissing  BankMissing  BankUnknown  ChannelNotEnabled
│   ├── StandingNeedsApiMode  StandingNotOffered
│   └── NumberOutsideRange  NumberTaken  RangeUsedUp  StandingQrQuotaUsedUp
├── Unknown
│   ├── PaymentUnknown  CustomerUnknown  DeliveryUnknown  MerchantUnknown  ProductUnknown
├── Conflict
│   ├── ReferenceTaken  KeyReused
├── WrongState
├── CredentialsWrong
├── NotInLiveMode
├── ClockBackwards
└── Unavailable
"""


class Refused(Exception):
    """Base of all refusals. `field` is the path of the value at fault in the caller's own words, "" when there is none.

    The class docstring is the message; `{names}` in it are filled from the facts given.
    """

    def __init__(self, field: str = "", **facts: object) -> None:
        self.field = field
        self.facts = facts
        super().__init__(self.message)

    @property
    def message(self) -> str:
        sentence = " ".join((type(self).__doc__ or type(self).__name__).split())
        return sentence.format(**self.facts)


class Invalid(Refused):
    """{why}"""


class AmountMissing(Invalid):
    """An amount is needed for this kind of payment."""


class AmountNotAllowed(Invalid):
    """A standing QR is open to any amount: QR with MULTIPLE must not carry an amount."""


class AmountBelowLimit(Invalid):
    """The amount is below the minimum of {title}, which is {minimum}."""


class AmountAboveLimit(Invalid):
    """The amount is above the maximum of {title}, which is {maximum}."""


class ExpiryPassed(Invalid):
    """The expiry time has passed already."""


class ExpiryTooFar(Invalid):
    """The expiry time is too far away: {title} allows {maximum} at most."""


class MethodMissing(Invalid):
    """A way to pay must be chosen first."""


class BankMissing(Invalid):
    """{title} needs a bank: choose one of {offered}."""


class BankUnknown(Invalid):
    """{bank} is not offered for {title}: choose one of {offered}."""


class ChannelNotEnabled(Invalid):
    """{title} is not enabled for this merchant."""


class StandingNeedsApiMode(Invalid):
    """MULTIPLE is offered in API mode only."""


class StandingNotOffered(Invalid):
    """{title} cannot be used with MULTIPLE."""


class NumberOutsideRange(Invalid):
    """The number asked for is not {digits} digits within this merchant's static range {ranges}."""


class NumberTaken(Invalid):
    """The number asked for is already assigned: choose another."""


class RangeUsedUp(Invalid):
    """Every number of the range configured for {bank} is in use."""


class StandingQrQuotaUsedUp(Invalid):
    """The allowed number of static QRIS, {quota}, is reached."""


class Unknown(Refused):
    """There is no such thing here."""


class PaymentUnknown(Unknown):
    """There is no payment with this id."""


class CustomerUnknown(Unknown):
    """There is no customer with this id."""


class DeliveryUnknown(Unknown):
    """There is no delivery with this id."""


class MerchantUnknown(Unknown):
    """There is no merchant with this id."""


class ProductUnknown(Unknown):
    """There is no callback product of this name: choose one of {offered}."""


class Conflict(Refused):
    """This was done before, and differently."""


class ReferenceTaken(Conflict):
    """A payment with this reference exists already."""


class KeyReused(Conflict):
    """This idempotency key was used before with another request."""


class WrongState(Refused):
    """The payment is {state}, so it cannot be {verb}."""


class CredentialsWrong(Refused):
    """The credentials are missing, wrong or expired."""


class NotInLiveMode(Refused):
    """This exists in the sandbox only."""


class ClockBackwards(Refused):
    """The clock can only move forward: it is {now} already."""


class Unavailable(Refused):
    """The database cannot be reached right now. Send the same request again in a moment."""
