"""Asking a bank whose an account is, before money is paid to it. What was asked and answered is kept."""

from uuid import UUID

from gerbang import ids
from gerbang.connections import AccountRefused, Declined, Silence
from gerbang.db import ledger
from gerbang.db.changes import write
from gerbang.db.money_out_tables import ACCOUNT_INQUIRIES
from gerbang.domain.account_inquiries import (
    FEE_DEFAULT,
    FEE_NAME,
    NOT_FOUND,
    AccountInquiry,
    answered,
    paid_for,
    refused,
)
from gerbang.domain.changes import Changes
from gerbang.domain.connections import SIMULATOR
from gerbang.domain.fees import Fee, fee_of
from gerbang.domain.ledger import inquiring, payouts
from gerbang.domain.money import readable
from gerbang.domain.payouts import Destination
from gerbang.errors import BankSilent, InquiryUnknown, InsufficientFunds
from gerbang.services.payouts import carrier_to, hold_balance, ordering
from gerbang.world import World


async def ask(world: World, merchant_id: UUID, destination: Destination) -> AccountInquiry:
    """Asks the bank of an account whose it is, for the fee that is agreed.

    Raises BankNotConnected, InsufficientFunds where the balance for payouts does not cover the fee, and BankSilent: then the
    inquiry stays pending, and costs nothing.
    """
    carrier, bank = carrier_to(world, merchant_id, destination.bank_code)
    inquiry, fee = await _note(world, merchant_id, destination)
    try:
        name = await carrier.call(
            "the name of an account",
            lambda link: bank.account_name(link, destination.bank_code, destination.account_number),
        )
    except AccountRefused as refusal:
        return await _write(world, refused(inquiry, str(refusal), world.clock.now()), fee)
    except (Silence, Declined) as refusal:
        raise BankSilent from refusal
    now = world.clock.now()
    if name is None:
        return await _write(world, refused(inquiry, NOT_FOUND, now), fee)
    names_nobody = carrier.connection.provider == SIMULATOR
    return await _write(world, answered(inquiry, name, names_nobody=names_nobody, now=now), fee)


async def _note(world: World, merchant_id: UUID, destination: Destination) -> tuple[AccountInquiry, Fee]:
    """Keeps what is asked, before the bank is called, and says what an answer costs."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        merchant = await ordering(tx, merchant_id)
        fee = fee_of(merchant.agreement.fees.get(FEE_NAME, FEE_DEFAULT), 0, now)
        if fee.total:
            owner = payouts(merchant_id)
            there = -(await ledger.balances(tx, [owner])).get(owner, 0)
            if there < fee.total:
                raise InsufficientFunds(available=readable(there), needed=readable(fee.total))
        inquiry = AccountInquiry(
            id=ids.uuid7(now),
            merchant_id=merchant_id,
            destination=destination,
            state="pending",
            bank_name="",
            reason="",
            fee=0,
            vat=0,
            created_at=now,
            updated_at=now,
        )
        await write(tx, Changes(new_account_inquiries=[inquiry]), now)
    return inquiry, fee


async def _write(world: World, inquiry: AccountInquiry, fee: Fee) -> AccountInquiry:
    """Writes the bank's answer, and takes the fee for it where the balance still covers it."""
    async with world.db.transaction() as tx:
        now = world.clock.now()
        owned = (inquiry.merchant_id, inquiry.id)
        if not await ACCOUNT_INQUIRIES.find(tx, [owned], locked=True):
            raise InquiryUnknown
        changes = Changes()
        if fee.total and await hold_balance(tx, inquiry.merchant_id, "payouts") >= fee.total:
            inquiry = paid_for(inquiry, fee)
            changes.transfers = inquiring(inquiry.merchant_id, fee, inquiry_id=inquiry.id)
        changes.account_inquiries = {inquiry.id: inquiry}
        await write(tx, changes, now)
    return inquiry


async def read(world: World, merchant_id: UUID, inquiry_id: UUID) -> AccountInquiry:
    """A merchant's inquiry. Raises InquiryUnknown."""
    async with world.db.reading() as tx:
        found = await ACCOUNT_INQUIRIES.find(tx, [(merchant_id, inquiry_id)])
    if inquiry_id not in found:
        raise InquiryUnknown
    return found[inquiry_id]
