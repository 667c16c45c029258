"""Where the services of partners are: the standard's own methods and paths, which profiles and connections replace one by one.

A place is written `/openapi/v1.0/balance-inquiry`, with the method before it where it is not the standard's: `PUT /...`. A bank has
a version for each operation, so this is a table and no prefix. (`shared/reference`: sections A1, A3, F1 to F5.)
"""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from gerbang.connections.snap import codes

Group = Literal["virtual_accounts", "transfers", "qris", "debit"]
"""Kinds of services that a bank may give different ids for. `transfers` has balances and statements in it, too."""

STANDARD = {
    codes.ACCESS: "/v1.0/access-token/b2b",
    codes.BALANCE: "/v1.0/balance-inquiry",
    codes.STATEMENT: "/v1.0/bank-statement",
    codes.ACCOUNT_HERE: "/v1.0/account-inquiry-internal",
    codes.ACCOUNT_ELSEWHERE: "/v1.0/account-inquiry-external",
    codes.TRANSFER_HERE: "/v1.0/transfer-intrabank",
    codes.TRANSFER_ELSEWHERE: "/v1.0/transfer-interbank",
    codes.TRANSFER_RTGS: "/v1.0/transfer-rtgs",
    codes.TRANSFER_SKN: "/v1.0/transfer-skn",
    codes.TRANSFER_STATUS: "/v1.0/transfer/status",
    codes.VA_STATUS: "/v1.0/transfer-va/status",
    codes.VA_CREATE: "/v1.0/transfer-va/create-va",
    codes.VA_UPDATE: "PUT /v1.0/transfer-va/update-va",
    codes.VA_UPDATE_STATUS: "PUT /v1.0/transfer-va/update-status",
    codes.VA_READ: "/v1.0/transfer-va/inquiry-va",
    codes.VA_DELETE: "DELETE /v1.0/transfer-va/delete-va",
    codes.VA_REPORT: "/v1.0/transfer-va/report",
    codes.QR_MAKE: "/v1.0/qr/qr-mpm-generate",
    codes.QR_STATUS: "/v1.0/qr/qr-mpm-query",
    codes.QR_CANCEL: "/v1.0/qr/qr-mpm-cancel",
    codes.QR_REFUND: "/v1.0/qr/qr-mpm-refund",
    codes.DEBIT: "/v1.0/debit/payment-host-to-host",
    codes.DEBIT_STATUS: "/v1.0/debit/status",
    codes.DEBIT_CANCEL: "/v1.0/debit/cancel",
    codes.DEBIT_REFUND: "/v1.0/debit/refund",
}
_PLACE = re.compile(r"(?:(GET|POST|PUT|DELETE) )?(/[!-~]*)")


class Operation(msgspec.Struct, frozen=True):
    """How one service is called."""

    method: str
    path: str
    """Behind the connection's `base_url`, as it is sent and signed."""


def operation(service: str, *tables: Mapping[str, str]) -> Operation | None:
    """The place of a service: the first table's that has it. The standard's counts where the last table is empty."""
    for table in (*tables, *(() if tables and tables[-1] else (STANDARD,))):
        if found := _PLACE.fullmatch(table.get(service, "")):
            usual = _PLACE.fullmatch(STANDARD.get(service, ""))
            return Operation(found[1] or (usual and usual[1]) or "POST", found[2])
    return None


def wrong(table: Mapping[str, str]) -> str:
    """The first entry of a table that is no place of a service; "" where all are."""
    for service, place in table.items():
        if not re.fullmatch("[0-9]{2}", service, re.ASCII) or not _PLACE.fullmatch(place):
            return f'{service} = "{place}", which must be such as 17 = "/openapi/v1.0/transfer-intrabank"'
    return ""


def group(service: str) -> Group:
    """The kind of a service."""
    number = int(service)
    if 24 <= number <= 35:
        return "virtual_accounts"
    if 47 <= number <= 53 or number in (77, 78):
        return "qris"
    return "debit" if 54 <= number <= 58 else "transfers"
