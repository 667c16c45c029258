"""Request bodies of the payment-session API, field by field (payment-session reference, sections 3 and 4).

Fields that are not listed are accepted and ignored; null and empty text count as absent. Instants and amounts are only
typed as text or numbers here; they are parsed by the readers that all dialects share.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct, defstruct

from gerbang.api._texts import DIGITS, EMAIL, TEXT, URL
from gerbang.api.v2_sessions.methods import OTHERS, REQUESTED, block_of

Text255 = Annotated[str, Meta(max_length=255, pattern=TEXT)]
Text100 = Annotated[str, Meta(max_length=100, pattern=TEXT)]
Text50 = Annotated[str, Meta(max_length=50, pattern=TEXT)]
Text20 = Annotated[str, Meta(max_length=20, pattern=TEXT)]
Some255 = Annotated[str, Meta(min_length=1, max_length=255, pattern=TEXT)]
Some100 = Annotated[str, Meta(min_length=1, max_length=100, pattern=TEXT)]
Url = Annotated[str, Meta(max_length=255, pattern=URL)]
Email = Annotated[str, Meta(max_length=255, pattern=EMAIL)]
Instant = Annotated[str, Meta(min_length=1)]
Country = Annotated[str, Meta(pattern=r"\A[A-Za-z]{2}\Z")]


class Amount(Struct):
    value: int | float | str
    currency: Literal["IDR"]


class Price(Struct):
    """An amount that is only shown on the checkout page; fractions are allowed."""

    value: int | float | str
    currency: Literal["IDR"]


class Phone(Struct):
    countryCode: Annotated[str, Meta(min_length=1, max_length=4, pattern=TEXT)]
    number: Annotated[str, Meta(min_length=1, max_length=15, pattern=TEXT)]


class ChannelInformation(Struct):
    accountNumber: Annotated[str, Meta(min_length=1, max_length=30, pattern=TEXT)]
    accountName: Annotated[str, Meta(min_length=1, max_length=50, pattern=TEXT)]


class TransferDestination(Struct):
    channelCode: Annotated[str, Meta(min_length=1, max_length=20, pattern=TEXT)]
    channelInformation: ChannelInformation


class RefundPreference(Struct):
    method: Literal["AUTO", "TRANSFER_ONLY"] | None = None
    transferDestination: TransferDestination | None = None


class Customer(Struct):
    givenName: Some255 | None = None
    surname: Text255 | None = None
    sureName: Text255 | None = None
    email: Email | None = None
    phoneNumber: Phone | None = None
    refundPreference: RefundPreference | None = None


class ProductDetail(Struct):
    type: Literal["PHYSICAL", "DIGITAL", "SERVICE"]
    quantity: int | float | str
    price: Price
    category: Some255 | None = None
    subCategory: Some255 | None = None
    name: Some255 | None = None
    description: Some255 | None = None


class Billing(Struct):
    givenName: Some255
    email: Email
    surname: Text255 | None = None
    sureName: Text255 | None = None
    phoneNumber: Phone | None = None
    addressLine1: Text255 | None = None
    addressLine2: Text255 | None = None
    city: Text255 | None = None
    provinceState: Text255 | None = None
    country: Country | None = None
    postalCode: Text20 | None = None


class Shipping(Struct):
    givenName: Some255
    email: Email
    addressLine1: Some255
    city: Some255
    provinceState: Some255
    country: Country
    postalCode: Annotated[str, Meta(min_length=1, max_length=20, pattern=TEXT)]
    method: Literal["REGULAR", "NEXTDAY", "SAMEDAY", "INSTANT"]
    surname: Text255 | None = None
    sureName: Text255 | None = None
    phoneNumber: Phone | None = None
    addressLine2: Text255 | None = None
    shippingFee: Price | None = None


class OrderInformation(Struct):
    productDetails: list[ProductDetail] | None = None
    billingInfo: Billing | None = None
    shippingInfo: Shipping | None = None


class RedirectUrl(Struct, omit_defaults=True):
    successReturnUrl: Url | None = None
    failureReturnUrl: Url | None = None
    expirationReturnUrl: Url | None = None


class VirtualAccountOptions(Struct):
    channel: Text100 | None = None
    virtualAccountName: Text100 | None = None
    virtualAccountNumber: Annotated[str, Meta(max_length=100, pattern=DIGITS)] | Annotated[int, Meta(ge=0)] | None = (
        None
    )
    expiryAt: Instant | None = None


class QrOptions(Struct):
    expiryAt: Instant | None = None


class EwalletOptions(Struct):
    channel: Literal["DANA", "SHOPEEPAY", "OVO"] | None = None
    expiryAt: Instant | None = None


class ProcessingConfig(Struct):
    bankMerchantId: Text50 | None = None
    merchantIdTag: Text50 | None = None


class ThreeDsResult(Struct):
    transactionId: str | None = None
    threeDsVersion: str | None = None
    eci: str | None = None
    transactionStatus: str | None = None
    authenticationScheme: str | None = None
    acsTransactionId: str | None = None
    acsReference: str | None = None
    authenticationTime: str | None = None
    mcc: str | None = None


class CardOnFile(Struct):
    initiator: str | None = None
    type: str | None = None
    previousNetworkTransactionId: str | None = None


class CardOptions(Struct):
    captureMethod: Annotated[str, Meta(pattern=r"\A(?i:automatic|manual)\Z")] | None = None
    threeDsMethod: Literal["AUTOMATIC", "CHALLENGE", "NEVER", "EXTERNAL"] | None = None
    processingConfig: ProcessingConfig | None = None
    threeDsInfo: ThreeDsResult | None = None
    cardOnFile: CardOnFile | None = None
    installment: dict[str, Any] | None = None


class OtherOptions(Struct):
    """Of a channel that the vendor has no words for."""

    channel: Text100 | None = None
    name: Text100 | None = None
    expiryAt: Instant | None = None


class MethodOptions(Struct):
    id: Text255 | None = None
    virtualAccount: VirtualAccountOptions | None = None
    qr: QrOptions | None = None
    ewallet: EwalletOptions | None = None
    card: CardOptions | None = None


if TYPE_CHECKING:
    MethodType = str
else:
    # One member more for each channel that the vendor has no words for.
    MethodType = Literal[tuple(REQUESTED)]
    _MEMBERS = [(block_of(name), OtherOptions | None, None) for name in OTHERS]
    MethodOptions = defstruct("MethodOptions", _MEMBERS, bases=(MethodOptions,))


class Card(Struct):
    encryptedCard: str | None = None
    token: Text100 | None = None
    # The vault takes these two out of the request before it is looked at, unless they are no texts.
    number: str | None = None
    cvc: str | None = None
    expMonth: Annotated[str, Meta(max_length=4, pattern=TEXT)] | None = None
    expYear: Annotated[str, Meta(max_length=4, pattern=TEXT)] | None = None
    cardHolderFirstName: Text255 | None = None
    cardHolderLastName: Text255 | None = None
    cardHolderEmail: Text255 | None = None
    cardHolderPhone: Text20 | None = None


class EwalletAccount(Struct):
    accountIdentifier: Some255 | None = None


class PaymentMethod(Struct):
    type: MethodType
    card: Card | None = None
    ewallet: EwalletAccount | None = None
    paymentMethodOptions: MethodOptions | None = None


class SplitRouting(Struct):
    merchantId: Some100
    type: Literal["FIXED", "PERCENTAGE"]
    currency: Literal["IDR"] | None = None
    percentageAmount: float | str | None = None
    fixedAmount: float | str | None = None
    remarks: Text255 | None = None


class CreatePayment(Struct):
    clientReferenceId: Some100
    amount: Amount | None = None
    paymentType: Literal["SINGLE", "MULTIPLE"] | None = None
    paymentMethod: PaymentMethod | None = None
    paymentMethodOptions: MethodOptions | None = None
    saveForFutureUse: bool | None = None
    saveForFuture: bool | None = None
    showSavedPayment: bool | None = None
    mode: Literal["REDIRECT", "API"] | None = None
    bypassStatusPage: bool | None = None
    redirectUrl: RedirectUrl | None = None
    customerId: Text255 | None = None
    customer: Customer | None = None
    orderInformation: OrderInformation | None = None
    autoConfirm: bool | None = None
    statementDescriptor: Text20 | None = None
    expirationMode: Literal["LOOSE", "STRICT"] | None = None
    expiryAt: Instant | None = None
    metadata: dict[str, Any] | None = None
    splitRoutingConfigurations: list[SplitRouting] | None = None


class ConfirmPayment(Struct):
    paymentMethod: PaymentMethod | None = None
    paymentMethodOptions: MethodOptions | None = None


class CapturePayment(Struct):
    releaseRemainingAmount: bool
    amount: Amount | None = None


class CancelPayment(Struct):
    cancellationReason: Literal["REQUESTED_BY_CUSTOMER", "DUPLICATED", "VOID_SESSION"] | None = None


class Simulation(Struct):
    paymentSessionId: Text100
    chargeStatus: Literal["SUCCESS", "EXPIRED"]
    amount: Amount | None = None
    bankReference: Some100 | None = None


class AccessToken(Struct):
    grantType: Literal["client_credentials"]


StatementText = Annotated[str, Meta(max_length=20, pattern=r"\A[A-Za-z0-9 ]*\Z")]


class RefundDestination(Struct):
    channelCode: Annotated[str, Meta(min_length=1, max_length=20, pattern=TEXT)]
    channelInformation: ChannelInformation
    description: StatementText | None = None


class CreateRefund(Struct):
    clientReferenceId: Some100
    reason: Literal["SUSPECT_FRAUDULENT", "DUPLICATE", "REQUESTED_BY_CUSTOMER", "CANCELLATION", "OTHERS"]
    paymentSessionId: Text100 | None = None
    chargeId: Text100 | None = None
    isFullAmount: bool | None = None
    amount: Amount | None = None
    description: Text50 | None = None
    method: Literal["AUTO", "TRANSFER_ONLY"] | None = None
    transferDestination: RefundDestination | None = None
    metadata: dict[str, Any] | None = None
