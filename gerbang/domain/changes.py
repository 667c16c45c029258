"""What a decision comes to: everything that one commit writes. `gerbang.db.changes.write` is the only thing that writes it."""

from datetime import datetime
from uuid import UUID

import msgspec

from gerbang.domain.account_inquiries import AccountInquiry
from gerbang.domain.bulk_payouts import BulkPayout
from gerbang.domain.cards import StoredCard
from gerbang.domain.charges import Charge
from gerbang.domain.customers import Customer
from gerbang.domain.events import Event
from gerbang.domain.inquiries import KnownCall, Reply
from gerbang.domain.ledger import Transfer
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.domain.paycodes import Paycode
from gerbang.domain.payments import Payment
from gerbang.domain.payouts import Payout
from gerbang.domain.refunds import Refund
from gerbang.domain.reports import Booked, Report
from gerbang.domain.reversals import Reversed
from gerbang.domain.withdrawals import Withdrawal


class KnownCustomer(msgspec.Struct, frozen=True):
    """A customer as a merchant knows them, under the id that the merchant or Gerbang gave."""

    merchant_id: UUID
    id: str
    customer: Customer


class KeptAnswer(msgspec.Struct, frozen=True):
    """The answer to a request that had an idempotency key, with a hash of that request; given again until `expires_at`."""

    merchant_id: UUID
    key: str
    fingerprint: bytes
    answer: bytes | None
    """None while a partner has not answered `request_id`."""
    expires_at: datetime
    request_id: UUID | None = None


class Answered(msgspec.Struct, frozen=True):
    """The answer to a request whose key was kept without one."""

    merchant_id: UUID
    key: str
    answer: bytes


class Freed(msgspec.Struct, frozen=True):
    """A number whose payment has ended; nobody else gets it before `free_at`."""

    connection: str
    channel: str
    number: str
    payment_id: UUID
    free_at: datetime


class Settled(msgspec.Struct, frozen=True):
    """A paid charge whose money became the merchant's to withdraw, as a part of a settlement."""

    merchant_id: UUID
    charge_id: UUID
    settlement_id: UUID
    settled_at: datetime


class BookedReport(msgspec.Struct, frozen=True):
    """A report of money with what became of it."""

    report: Report
    booked: Booked
    received_at: datetime
    occurrence: int = 1
    """The how many-th money it is under the name of the report."""


class Changes(msgspec.Struct):
    """New rows, changed rows, ledger transfers and events of one commit. Rows that change were locked before."""

    new_payments: list[Payment] = []
    new_charges: list[Charge] = []
    new_paycodes: list[Paycode] = []
    new_answers: list[KeptAnswer] = []
    customers: list[KnownCustomer] = []
    """New ones, and those of whom the merchant now says something else."""
    new_reports: list[BookedReport] = []
    new_replies: list[Reply] = []
    """Answers to banks' questions."""
    new_calls: list[KnownCall] = []
    """The requests that they came by."""
    new_reversals: list[Reversed] = []
    """New ones, and those whose money has come after them."""
    new_payouts: list[Payout] = []
    new_requests: list[PartnerRequest] = []
    stored_cards: list[StoredCard] = []
    """New ones, and those that may be paid by from now on, or no more."""
    new_refunds: list[Refund] = []
    new_bulk_payouts: list[BulkPayout] = []
    new_account_inquiries: list[AccountInquiry] = []
    new_withdrawals: list[Withdrawal] = []
    payments: dict[UUID, Payment] = {}
    charges: dict[UUID, Charge] = {}
    answered: list[Answered] = []
    settled: list[Settled] = []
    payouts: dict[UUID, Payout] = {}
    requests: dict[UUID, PartnerRequest] = {}
    refunds: dict[UUID, Refund] = {}
    bulk_payouts: dict[UUID, BulkPayout] = {}
    account_inquiries: dict[UUID, AccountInquiry] = {}
    freed: list[Freed] = []
    transfers: list[Transfer] = []
    events: list[Event] = []

    def put_charge(self, charge: Charge) -> None:
        """Writes a charge as it is now, whether or not it is new."""
        for i, new in enumerate(self.new_charges):
            if new.id == charge.id:
                self.new_charges[i] = charge
                return
        self.charges[charge.id] = charge
