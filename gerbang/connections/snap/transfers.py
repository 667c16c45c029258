"""Money out over the standard: to the same bank (17), by BI-FAST or the switcher (18), by SKN (23) and RTGS (22); names (15, 16) and
what became of it (36). (`shared/reference`: sections A8, F1, F2, F5.)

A transfer is sent once. Its partnerReferenceNo is our reference, and its X-EXTERNAL-ID follows from it and from when the right to send it
was taken, so it can always be asked for.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from gerbang.connections import (
    Declined,
    Later,
    Link,
    NeverSays,
    NotNow,
    NotSent,
    Plan,
    Sent,
    Silence,
    TransferOrder,
    remark_of,
)
from gerbang.connections.snap import access, amounts, client, codes, times
from gerbang.connections.snap.answers import AskedBefore, InProgress, Refusal
from gerbang.connections.snap.settings import operation, profile_of, settings_of
from gerbang.domain.bank_directory import BANKS
from gerbang.domain.calendars import BankCalendar
from gerbang.domain.connections import Connection
from gerbang.domain.money import readable
from gerbang.domain.transfer_ways import DEFAULTS, WAYS, Limits, Way, choose

SERVICES: dict[Way, str] = {
    "same_bank": codes.TRANSFER_HERE,
    "bi_fast": codes.TRANSFER_ELSEWHERE,
    "switcher": codes.TRANSFER_ELSEWHERE,
    "skn": codes.TRANSFER_SKN,
    "rtgs": codes.TRANSFER_RTGS,
}
BATCHED: frozenset[Way] = frozenset({"skn", "rtgs"})
"""Success means that the bank has taken the order, and not that the money is there."""
ASK_FIRST = {"skn": timedelta(minutes=30), "rtgs": timedelta(minutes=30)}
ASK_FIRST_OTHERWISE = timedelta(minutes=1)
ASK_LATEST = timedelta(hours=1)
NO_ACCOUNT = frozenset({"01", "11", "12"})
"""Cases of 404 in which there is no such account."""
NOT_COVERED = "14"
NOT_NOW = (403, "06")
"""The bank's hours are over: the order may be given later."""
NOT_FOUND_COUNTS_AFTER = timedelta(days=1)
"""Of a batched transfer: until then a bank that does not know it may only not have come to it."""
DONE, PENDING, FAILED, NOT_FOUND = "00", ("01", "02", "03"), {"04": "Refunded", "05": "Cancelled", "06": "Failed"}, "07"
"""`latestTransactionStatus`."""
REMARK_LENGTH = 36
ASKED_FIRST_SHARE = 0.6
"""Of the deadline: how long the token and the holder's name may take together. The rest is for the transfer."""
_NAME_LENGTH = 100
log = structlog.get_logger()


# -- which way ---------------------------------------------------------------------------------------------------------


def plan(connection: Connection, order: TransferOrder, now: datetime, calendar: BankCalendar) -> Plan | Later:
    """How a transfer can go now. Raises Declined where no way ever takes it."""
    bank = order.destination.bank_code
    if bank not in BANKS:
        raise Declined("This bank is not known")
    found = choose(
        order.amount,
        now,
        {way: each for way, each in ways(connection).items() if _reaches(connection, way, bank)},
        calendar,
    )
    if found is None:
        raise Declined(f"No transfer of {readable(order.amount)} to this bank is possible")
    way, at = found
    return Plan(way, source_account(connection)) if at <= now else Later(at)


def ways(connection: Connection) -> dict[Way, Limits]:
    """The ways of a contract: those whose services the bank has, as the contract's settings change them."""
    changes = settings_of(connection).ways
    found: dict[Way, Limits] = {}
    for way in WAYS:
        change = changes.get(way)
        offered = None if change is None else change.offered
        if offered is None:
            offered = _has(connection, way)
        if offered and operation(connection, SERVICES[way]) is not None:
            found[way] = change.of(DEFAULTS[way]) if change else DEFAULTS[way]
    return found


def _has(connection: Connection, way: Way) -> bool:
    if way in BATCHED:  # what it becomes of could not be found out otherwise
        return operation(connection, codes.TRANSFER_STATUS) is not None
    return way == "same_bank" or way in profile_of(connection).interbank


def _reaches(connection: Connection, way: Way, bank: str) -> bool:
    here = _own_bank(connection) == bank
    return here if way == "same_bank" else not here and bool(_bank_code(connection, way, bank))


def _own_bank(connection: Connection) -> str:
    return settings_of(connection).bank or profile_of(connection).bank


def _bank_code(connection: Connection, way: Way, bank: str) -> str:
    """What a bank is called in a request; "" where no published list is sure."""
    settings = settings_of(connection)
    swift = profile_of(connection).swift_codes if settings.swift_codes is None else settings.swift_codes
    known = BANKS[bank]
    return settings.bank_codes.get(bank) or (known.swift if way in swift else known.clearing) or ""


def source_account(connection: Connection) -> str:
    """The account of ours that money goes from: the first that payouts are a purpose of."""
    return next((each.number for each in connection.accounts if not each.purposes or "payouts" in each.purposes), "")


# -- names -------------------------------------------------------------------------------------------------------------


async def account_name(link: Link, bank: str, number: str) -> str | None:
    """The name of an account's holder; None if there is no such account. Raises Declined or Silence: NeverSays without a service for it."""
    if bank not in BANKS:
        return None
    way: Way = "same_bank" if _own_bank(link.connection) == bank else "switcher"
    if operation(link.connection, _named_by(way)) is None:
        raise NeverSays("this bank has no service that says whose an account is")
    found = await _holder(link, way, bank, number, client.fresh_external_id(link, codes.ACCOUNT_HERE), {})
    if found == "":
        raise Silence("its answer has no name of the account's holder")
    return found


def _named_by(way: Way) -> str:
    """The service that says whose an account is."""
    return codes.ACCOUNT_HERE if way == "same_bank" else codes.ACCOUNT_ELSEWHERE


async def _holder(
    link: Link, way: Way, bank: str, number: str, reference: str, more: dict[str, Any], *, share: float = 1.0
) -> str | None:
    """The name of an account's holder; "" where the bank does not say it."""
    body: dict[str, Any] = {"partnerReferenceNo": reference, "beneficiaryAccountNo": number}
    service = _named_by(way)
    if way != "same_bank":
        inquiry_service = profile_of(link.connection).transfer_types.get(way)
        info = {"inquiryService": inquiry_service} if inquiry_service else {}
        body |= {"beneficiaryBankCode": _bank_code(link.connection, way, bank), "additionalInfo": info | more}
    if operation(link.connection, service) is None:
        return ""
    try:
        fields = await client.call(link, service, body, share=share)
    except Refusal as refusal:
        if refusal.is_(404, *NO_ACCOUNT):
            return None
        raise
    return amounts.text(fields, "beneficiaryAccountName", _NAME_LENGTH)


# -- sending -----------------------------------------------------------------------------------------------------------


async def send(link: Link, order: TransferOrder, now: datetime) -> Sent:
    """Sends a transfer. Raises Declined, NotSent, NotNow, or Silence if the bank may have it."""
    way, connection = _way(order), link.connection
    try:
        # The deadline of the whole call must not come first: what happened would not be known then.
        async with asyncio.timeout(connection.deadline_seconds * ASKED_FIRST_SHARE):
            name = await _holder_first(link, way, order)
    except TimeoutError as late:
        raise NotSent("the account's holder was not known in time") from late
    service = SERVICES[way]
    try:
        fields = await client.call(
            link,
            service,
            _body(connection, way, order, name, now),
            external_id=client.external_id(connection, order.reference, service, order.sending_at),
            once=True,
        )
    except InProgress as progress:
        return _under_way(link, order, way, amounts.text(progress.fields, "referenceNo", 64), name, now)
    except Refusal as refusal:
        if refusal.is_(*NOT_NOW):
            raise NotNow(str(refusal)) from refusal
        if refusal.is_(403, NOT_COVERED):
            _alarm_not_covered(connection, order)
        raise
    reference = amounts.text(fields, "referenceNo", 64)
    if amounts.text(fields, "partnerReferenceNo", 64) not in ("", reference_of(order.reference)):
        raise Silence("its answer is about another transfer")
    if _status(fields) not in ("", DONE):
        return _under_way(link, order, way, reference, name, now)
    if way in BATCHED or (profile_of(connection).accepts_first and operation(connection, codes.TRANSFER_STATUS)):
        return _under_way(link, order, way, reference, name, now)
    return Sent("completed", reference, name)


def _alarm_not_covered(connection: Connection, order: TransferOrder) -> None:
    log.error("our account does not cover a payout", connection=connection.name, account=order.account)


async def _holder_first(link: Link, way: Way, order: TransferOrder) -> str:
    """The holder's name, as the bank that is asked first wants it. Raises Declined where there is no such account.

    Nothing was sent where this fails. One bank wants the reference of this inquiry in the transfer.
    """
    more: dict[str, Any] = {}
    if way == "bi_fast":
        more = {
            "sourceAccountNo": order.account,
            "amount": amounts.written(order.amount),
            "purposeCode": settings_of(link.connection).purpose_code,
        }
    destination = order.destination
    try:
        found = await _holder(
            link,
            way,
            destination.bank_code,
            destination.account_number,
            reference_of(order.reference),
            more,
            share=access.BEFORE_SHARE,
        )
    except Refusal as refusal:
        if refusal.is_(*NOT_NOW):
            raise NotNow(str(refusal)) from refusal
        raise
    except AskedBefore:
        found = ""  # it was asked when the transfer could not be sent
    except Silence as silence:
        raise NotSent(str(silence)) from silence
    if found is None:
        raise Declined("Account not found")
    return found


def _body(connection: Connection, way: Way, order: TransferOrder, name: str, now: datetime) -> dict[str, Any]:
    settings, profile, destination = settings_of(connection), profile_of(connection), order.destination
    body: dict[str, Any] = {
        "partnerReferenceNo": reference_of(order.reference),
        "amount": amounts.written(order.amount),
        "beneficiaryAccountNo": destination.account_number,
        "currency": "IDR",
        "feeType": settings.fee_type,
        "remark": _remark(order),
        "customerReference": remark_of(order.reference),
        "sourceAccountNo": order.account,
        "transactionDate": times.written(order.sending_at or now),
    }
    info: dict[str, Any] = {}
    if way != "same_bank":
        body["beneficiaryBankCode"] = _bank_code(connection, way, destination.bank_code)
        body["beneficiaryBankName"] = BANKS[destination.bank_code].name[:50]
        body["beneficiaryAccountName"] = (name or destination.account_name)[:_NAME_LENGTH]
        if kind := profile.transfer_types.get(way):
            info["transferType"] = kind
        if way == "bi_fast":
            info["purposeCode"] = settings.purpose_code
    if way in BATCHED:
        body |= {"beneficiaryCustomerResidence": "1", "beneficiaryCustomerType": "1"}
    return {**body, **settings.transfer_fields, "additionalInfo": info}


def _remark(order: TransferOrder) -> str:
    """Our code first, since the end may be cut, then what the merchant says."""
    plain = "".join(
        each if each.isascii() and (each.isalnum() or each in " .,-/") else " " for each in order.description
    )
    return f"{remark_of(order.reference)} {' '.join(plain.split())}".strip()[:REMARK_LENGTH].strip()


def reference_of(reference: UUID) -> str:
    """Our reference as a bank gets it, in partnerReferenceNo."""
    return reference.hex


def _way(order: TransferOrder) -> Way:
    known: dict[str, Way] = {way: way for way in WAYS}
    return known.get(order.way, "switcher")


def _under_way(link: Link, order: TransferOrder, way: Way, reference: str, name: str, now: datetime) -> Sent:
    """Asked for soon, and the more rarely the longer it takes."""
    first = ASK_FIRST.get(way, ASK_FIRST_OTHERWISE)
    first = max(first, timedelta(seconds=profile_of(link.connection).ask_after_seconds))
    since = now - (order.sent_at or now)
    return Sent("processing", reference, name, ask_at=now + min(max(first, since / 4), max(first, ASK_LATEST)))


# -- asking ------------------------------------------------------------------------------------------------------------


async def ask(link: Link, order: TransferOrder, now: datetime) -> Sent | None:
    """What became of a transfer; None if the bank does not know it. Raises Declined, which says nothing of it, or Silence."""
    way, connection = _way(order), link.connection
    service = SERVICES[way]
    if operation(connection, codes.TRANSFER_STATUS) is None:
        no_service = "this bank has no service that says what became of a transfer"
        raise Silence(no_service) if way in BATCHED and _is_young(order, now) else NeverSays(no_service)
    body: dict[str, Any] = {
        "originalPartnerReferenceNo": reference_of(order.reference),
        "originalExternalId": client.external_id(connection, order.reference, service, order.sending_at),
        "serviceCode": service,
        "transactionDate": times.written(order.sending_at or order.ordered_at),
        "amount": amounts.written(order.amount),
    }
    if order.bank_reference:
        body["originalReferenceNo"] = order.bank_reference
    try:
        fields = await client.call(link, codes.TRANSFER_STATUS, body)
    except InProgress:
        return _under_way(link, order, way, order.bank_reference, "", now)
    except Refusal as refusal:
        if not refusal.is_(404, "01"):
            raise
        said = None
    else:
        said = _state(link, order, way, fields, now)
    if said is None and way in BATCHED and _is_young(order, now):
        raise Silence("it does not know the transfer yet")
    return said


def _is_young(order: TransferOrder, now: datetime) -> bool:
    return now - (order.sending_at or now) < NOT_FOUND_COUNTS_AFTER


def _state(link: Link, order: TransferOrder, way: Way, fields: dict[str, Any], now: datetime) -> Sent | None:
    """What an answer says of this transfer. Raises Silence for one that is about another, or says nothing."""
    named = amounts.text(fields, "originalPartnerReferenceNo", 64)
    amount = amounts.read(fields, "amount")
    if (named and named != reference_of(order.reference)) or amount not in (None, 0, order.amount):
        raise Silence("its answer is about another transfer")
    status = _status(fields)
    reference = (
        amounts.text(fields, "originalReferenceNo", 64)
        or amounts.text(fields, "referenceNumber", 64)
        or order.bank_reference
    )
    name = amounts.text(fields, "beneficiaryAccountName", _NAME_LENGTH)
    if status == DONE:
        return Sent("completed", reference, name)
    if status in PENDING:
        return _under_way(link, order, way, reference, name, now)
    if status in FAILED:
        reason = amounts.text(fields, "transactionStatusDesc", 150) or FAILED[status]
        return Sent("failed", reference, name, reason=reason)
    if status == NOT_FOUND:
        return None
    raise Silence(f"its answer has the status {status or 'nothing'}, which says nothing")


def _status(fields: dict[str, Any]) -> str:
    """The status that an answer has, whole: no other one begins with it. "" where it has none."""
    given: Any = fields.get("latestTransactionStatus")
    return "" if given in (None, "") else amounts.text(fields, "latestTransactionStatus") or "that cannot be read"
