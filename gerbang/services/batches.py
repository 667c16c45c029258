"""The hot commands of one process, each behind a batch: what arrives together is committed together."""

import asyncio
from contextlib import suppress
from functools import partial
from uuid import UUID

from gerbang.db.batches import Batch
from gerbang.domain.deliveries import State
from gerbang.domain.inquiries import BankQuestion, Reply
from gerbang.domain.partner_requests import PartnerRequest
from gerbang.domain.reports import Booked, Report
from gerbang.errors import PartnerDeclined, Unavailable
from gerbang.services import checkout, deliveries, inquiries, reports
from gerbang.services.cards import asking
from gerbang.services.cards.asking import CardAnswer
from gerbang.services.cards.given import CardGiven
from gerbang.services.checkout import Visit
from gerbang.services.credentials import SignIns
from gerbang.services.deliveries import Result
from gerbang.services.payments import confirm, create, opening, read, search
from gerbang.services.payments.confirm import Confirmation, Confirmed
from gerbang.services.payments.decide import NewPayment
from gerbang.services.payments.numbers import Crowded
from gerbang.services.payments.opening import Noted, NowOpen, PartnerAnswer
from gerbang.services.payments.read import Found, Question
from gerbang.services.payments.search import Paid, PaymentLookup
from gerbang.world import World

ANSWER_SECONDS_MAX = 8.0
"""Banks give up after 10 seconds or more; one that gets no answer keeps the money until it knows."""


class Batches:
    """Call one with a single item; it answers for that item alone, or raises its refusal."""

    def __init__(self, world: World, *, size_max: int, lanes: int, answer_seconds: float = ANSWER_SECONDS_MAX) -> None:
        self._world = world
        self._answer_seconds = answer_seconds
        self._create: Batch[NewPayment, bytes | Noted] = Batch(
            partial(create.create_all, world, hurried=True), size_max=size_max, lanes=lanes
        )
        self._confirm: Batch[Confirmation, Confirmed | Noted] = Batch(
            partial(confirm.confirm_all, world, hurried=True), size_max=size_max, lanes=lanes
        )
        # Who needs a number of a range that is nearly used up has a lane of its own, where looking for one delays nobody.
        self._create_patiently: Batch[NewPayment, bytes | Noted] = Batch(
            partial(create.create_all, world), size_max=size_max, lanes=1
        )
        self._confirm_patiently: Batch[Confirmation, Confirmed | Noted] = Batch(
            partial(confirm.confirm_all, world), size_max=size_max, lanes=1
        )
        self._opened: Batch[PartnerAnswer, NowOpen] = Batch(
            partial(opening.write_all, world), size_max=size_max, lanes=lanes
        )
        self.card_answered: Batch[CardAnswer, NowOpen] = Batch(
            partial(asking.write_all, world), size_max=size_max, lanes=lanes
        )
        self.report: Batch[Report, Booked] = Batch(partial(reports.book_all, world), size_max=size_max, lanes=lanes)
        self._answer: Batch[BankQuestion, Reply] = Batch(
            partial(inquiries.answer_all, world), size_max=size_max, lanes=lanes
        )
        self.sign_in = SignIns(world, size_max=size_max, lanes=lanes)
        self.find: Batch[PaymentLookup, Paid] = Batch(partial(search.find_all, world), size_max=size_max, lanes=lanes)
        self.read: Batch[Question, Found] = Batch(partial(read.read_all, world), size_max=size_max, lanes=lanes)
        self.visit: Batch[UUID, Visit] = Batch(partial(checkout.visits, world), size_max=size_max, lanes=lanes)
        self.record: Batch[Result, State] = Batch(partial(deliveries.record_all, world), size_max=size_max, lanes=1)

    async def create(self, order: NewPayment) -> bytes:
        """The answer to a create; where a partner makes the code, after it was asked. Raises what a create raises."""
        try:
            made = await self._create(order)
        except Crowded:
            made = await self._create_patiently(order)
        if not isinstance(made, Noted):
            return made
        return opening.rendered(self._world, await self._open(made.request, order.card))

    async def confirm(self, confirmation: Confirmation) -> Confirmed:
        """The confirmed payment; where a partner makes the code, after it was asked. Raises what a confirmation raises."""
        try:
            made = await self._confirm(confirmation)
        except Crowded:
            made = await self._confirm_patiently(confirmation)
        if not isinstance(made, Noted):
            return made
        opened = await self._open(made.request, confirmation.card)
        return opened.payment, opened.charge

    async def _open(self, request: PartnerRequest, card: CardGiven | None) -> NowOpen:
        if card is not None and request.operation == "authorize":
            return await self.card_answered(await asking.ask(self._world, request, card))
        return await self._opened(await opening.ask(self._world, request))

    async def ask_again_about_card(self, request: PartnerRequest) -> None:
        """Asks an acquirer what became of a card, and writes its answer down if there is one."""
        said = await asking.ask_again(self._world, request)
        if said is not None:
            await self.card_answered(said)

    async def open_again(self, request: PartnerRequest) -> None:
        """Asks a partner again for a code, and writes its answer down if there is one."""
        said = await opening.ask_again(self._world, request)
        if said is not None:
            with suppress(PartnerDeclined):
                await self._opened(said)

    async def answer(self, question: BankQuestion, seconds: float | None = None) -> Reply:
        """Answers a bank that waits so long. Raises KeyReused, and Unavailable where the answer cannot be known in time.

        What is decided after that is kept all the same: a repeat of the question gets it.
        """
        try:
            async with asyncio.timeout(self._answer_seconds if seconds is None else seconds):
                return await self._answer(question)
        except TimeoutError as late:
            raise Unavailable(what="cannot answer in time") from late
