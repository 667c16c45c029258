"""The standard's services and the codes of its answers: three digits of the HTTP status, two of the service, two of the case."""

import msgspec

ACCESS = "73"
VA_INQUIRY, VA_PAYMENT, VA_STATUS = "24", "25", "26"
VA_CREATE, VA_UPDATE, VA_UPDATE_STATUS, VA_READ, VA_DELETE = "27", "28", "29", "30", "31"
VA_INTRABANK_INQUIRY, VA_INTRABANK_PAYMENT, VA_INTRABANK_NOTIFY, VA_REPORT = "32", "33", "34", "35"
BALANCE, STATEMENT = "11", "14"
ACCOUNT_HERE, ACCOUNT_ELSEWHERE = "15", "16"
TRANSFER_HERE, TRANSFER_ELSEWHERE, TRANSFER_RTGS, TRANSFER_SKN, TRANSFER_STATUS = "17", "18", "22", "23", "36"
SKN_NOTIFY, RTGS_NOTIFY = "75", "76"
QR_MAKE, QR_STATUS, QR_NOTIFY, QR_CANCEL, QR_REFUND = "47", "51", "52", "77", "78"
DEBIT, DEBIT_STATUS, DEBIT_NOTIFY, DEBIT_CANCEL, DEBIT_REFUND = "54", "55", "56", "57", "58"

NAMES = {
    ACCESS: "access token",
    BALANCE: "balance",
    STATEMENT: "statement",
    ACCOUNT_HERE: "name of an account at the same bank",
    ACCOUNT_ELSEWHERE: "name of an account at another bank",
    TRANSFER_HERE: "transfer within the bank",
    TRANSFER_ELSEWHERE: "transfer to another bank (BI-FAST, switcher)",
    TRANSFER_RTGS: "transfer by RTGS",
    TRANSFER_SKN: "transfer by SKN",
    TRANSFER_STATUS: "state of a transfer",
    SKN_NOTIFY: "a transfer by SKN was rejected",
    RTGS_NOTIFY: "a transfer by RTGS was rejected",
    VA_INQUIRY: "virtual account: may it be paid?",
    VA_PAYMENT: "virtual account: a payment",
    VA_STATUS: "virtual account: state of a payment",
    VA_CREATE: "virtual account: register",
    VA_UPDATE: "virtual account: change",
    VA_UPDATE_STATUS: "virtual account: mark as paid",
    VA_READ: "virtual account: read",
    VA_DELETE: "virtual account: delete",
    VA_REPORT: "virtual account: payments of a day",
    VA_INTRABANK_INQUIRY: "virtual account of another partner: may it be paid?",
    VA_INTRABANK_PAYMENT: "virtual account of another partner: pay",
    VA_INTRABANK_NOTIFY: "virtual account: a payment has happened",
    QR_MAKE: "QRIS: make a code",
    QR_STATUS: "QRIS: state of a code",
    QR_NOTIFY: "QRIS: a code was paid",
    QR_CANCEL: "QRIS: cancel a code",
    QR_REFUND: "QRIS: refund",
    DEBIT: "wallet: ask for a payment",
    DEBIT_STATUS: "wallet: state of a payment",
    DEBIT_NOTIFY: "wallet: a payment has ended",
    DEBIT_CANCEL: "wallet: cancel",
    DEBIT_REFUND: "wallet: refund",
}
"""What each service is, for people: docs/banks.md is printed with it."""

PATHS = {
    ACCESS: "access-token/b2b",
    VA_INQUIRY: "transfer-va/inquiry",
    VA_PAYMENT: "transfer-va/payment",
    VA_INTRABANK_NOTIFY: "transfer-va/notify-payment-intrabank",
    QR_NOTIFY: "qr-mpm-notify",
    DEBIT_NOTIFY: "debit/notify",
    SKN_NOTIFY: "transfer-skn/notify",
    RTGS_NOTIFY: "transfer-rtgs/notify",
}
"""How the path of a service that partners call at us ends, behind whatever prefix and version they put before it."""


class Case(msgspec.Struct, frozen=True):
    """One case of an answer: the HTTP status, two digits, and the standard's text for it."""

    status: int
    digits: str
    text: str

    def code(self, service: str) -> str:
        """The response code of this case for a service."""
        return f"{self.status}{service}{self.digits}"


SUCCESSFUL = Case(200, "00", "Successful")
BAD_REQUEST = Case(400, "00", "Bad Request")
WRONG_FORMAT = Case(400, "01", "Invalid Field Format")
FIELD_MISSING = Case(400, "02", "Invalid Mandatory Field")
UNAUTHORIZED = Case(401, "00", "Unauthorized.")
WRONG_TOKEN = Case(401, "01", "Invalid Token (B2B)")
NOT_FOUND = Case(404, "01", "Transaction Not Found")
UNKNOWN_BILL = Case(404, "12", "Invalid Bill/Virtual Account")
WRONG_AMOUNT = Case(404, "13", "Invalid Amount")
PAID_BILL = Case(404, "14", "Paid Bill")
INCONSISTENT = Case(404, "18", "Inconsistent Request")
EXPIRED_BILL = Case(404, "19", "Invalid Bill/Virtual Account")
NOT_SUPPORTED = Case(405, "00", "Requested Function Is Not Supported")
CONFLICT = Case(409, "00", "Conflict")
TOO_MANY = Case(429, "00", "Too Many Requests")
GENERAL_ERROR = Case(500, "00", "General Error")
TIMEOUT = Case(504, "00", "Timeout")
