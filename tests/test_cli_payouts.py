"""`gerbang payouts`: how an operator finds payouts that nobody knows the end of, and ends them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from gerbang import app
from gerbang.clock import MovableClock, SystemClock
from gerbang.connections import remark_of
from gerbang.domain.connections import of_the_sandbox
from gerbang.partners import Partners
from gerbang.services import payouts
from gerbang.services.batches import Batches
from gerbang.settings import Settings
from tests.support.gateways import Databases
from tests.support.log import log_plainly
from tests.support.payouts import WHOLE, Forgetful, merchant_with, new_payout
from tests.support.services import KEY, Services, connected, run, world_of_tests
from tests.test_cli import typed


@dataclass
class Operator:
    """A command line on a database that has a payout which went to a bank two hours ago and was never answered."""

    payout: UUID
    merchant: UUID
    url: str
    capsys: pytest.CaptureFixture[str]

    def now(self, sql: str) -> None:
        """Changes what is in the database."""

        async def change() -> None:
            async with connected(self.url) as connection:
                await connection.execute(sql)

        run(change)

    def typed(self, line: str) -> tuple[int, str, str]:
        return typed(line.replace("ID", str(self.payout)), self.capsys)


@pytest.fixture
def operator(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Operator]:
    """In live mode, whose connections file no longer has the bank, so that the operator's word is all there is."""
    settings = Settings(
        mode="live", database_url=databases.fresh(), secret_key=KEY, public_url="https://pay.example.id"
    )
    for name in ("mode", "database_url", "secret_key", "public_url"):
        monkeypatch.setenv(f"GERBANG_{name.upper()}", getattr(settings, name))

    async def fill() -> tuple[UUID, UUID]:
        async with app.gateway(settings, base_url="https://pay.example.id") as built:
            clock = MovableClock(SystemClock().now() - timedelta(hours=2), ticking=False)
            bank = Forgetful()
            partners = Partners(of_the_sandbox(), {bank.name: bank}, built.world.network)
            world = replace(world_of_tests(built.world, clock), partners=partners)
            here = Services(world, Batches(world, size_max=64, lanes=2), built.workers, clock)
            merchant = await merchant_with(here, WHOLE)
            return (await payouts.create(here.world, new_payout(merchant))).id, merchant.id

    payout, merchant = run(fill)
    capsys.readouterr()  # what was logged meanwhile
    assert settings.database_url is not None
    yield Operator(payout, merchant, settings.database_url, capsys)
    log_plainly()


def test_an_operator_finds_what_is_unknown_and_ends_it(operator: Operator) -> None:
    code, printed, error = operator.typed("payouts list --unknown")
    assert (code, error) == (0, "")
    head, line = printed.splitlines()
    assert head.split()[:4] == ["id", "merchant", "id", "reference"]
    for part in (str(operator.payout), "salary-1", "Rp 10.000", "BRI", remark_of(operator.payout)):
        assert part in line
    (listed,) = json.loads(operator.typed("payouts list --unknown --json")[1])
    assert (listed["id"], listed["merchantId"]) == (str(operator.payout), str(operator.merchant))

    code, printed, _ = operator.typed("payouts resolve ID --not-sent")
    assert (code, remark_of(operator.payout) in printed, printed.endswith("Nothing was changed.\n")) == (1, True, True)
    code, printed, _ = operator.typed("payouts resolve ID --not-sent --statement-seen")
    assert (code, printed.endswith("its money is available again, and its merchant is notified.\n")) == (0, True)
    code, printed, _ = operator.typed("payouts resolve ID --sent --statement-seen")
    assert (code, printed) == (1, f"{operator.payout} has ended before: it is failed. Nothing was changed.\n")
    assert (
        operator.typed("payouts list --unknown")[1]
        == "None has been unknown for two minutes, or under way for a day.\n"
    )
    assert operator.typed("payouts list --waiting")[:2] == (
        0,
        "None has waited for five minutes to be given to a bank.\n",
    )


def test_an_operator_finds_what_cannot_be_sent_and_gives_it_up(operator: Operator) -> None:
    operator.now("UPDATE partner_requests SET state = 'pending', sending_at = NULL, reason = 'it turned the call away'")
    assert (
        operator.typed("payouts list --unknown")[1]
        == "None has been unknown for two minutes, or under way for a day.\n"
    )
    (listed,) = json.loads(operator.typed("payouts list --waiting --json")[1])
    assert (listed["id"], listed["why"]) == (str(operator.payout), "its connection is not in the connections file")
    head, line = operator.typed("payouts list --waiting")[1].splitlines()
    assert head.split()[-1] == "why"
    assert str(operator.payout) in line
    code, printed, _ = operator.typed("payouts resolve ID --sent")
    assert (code, "it cannot have been sent" in printed) == (1, True)
    code, printed, _ = operator.typed("payouts resolve ID --not-sent")
    assert (code, printed.endswith("its money is available again, and its merchant is notified.\n")) == (0, True)


def test_what_was_typed_wrong_is_said(operator: Operator) -> None:
    assert operator.typed("payouts list")[0] == 2
    assert operator.typed("payouts list --unknown --waiting")[0] == 2
    assert operator.typed("payouts resolve ID")[0] == 2
    code, _, error = operator.typed("payouts resolve salary-1 --sent")
    assert (code, "salary-1 is not a payout's id" in error) == (1, True)
    nobodys = uuid4()
    assert operator.typed(f"payouts resolve {nobodys} --sent")[:2] == (
        1,
        f"There is no payout {nobodys}. Nothing was changed.\n",
    )


def test_an_operator_cancels_a_bulk_payout_that_waits_for_its_balance(operator: Operator) -> None:
    bulk = uuid4()
    operator.now(
        f"""
        INSERT INTO bulk_payouts SELECT '{bulk}', id, 'payout', 'waiting', 1, 1, 100, now(), now(), now() FROM merchants;
        INSERT INTO payouts (id, merchant_id, product, reference, connection, amount, fee, vat, state, destination, created_at,
                             updated_at, bank_reference, bank_account_name, source, cause_id)
        SELECT '{uuid4()}', merchant_id, 'payout', 'a line', connection, amount, fee, vat, 'approved', destination, now(), now(), '',
               '', 'payouts', '{bulk}' FROM payouts
        """
    )
    typed_line = f"payouts cancel {bulk} --merchant {operator.merchant}"
    assert operator.typed(typed_line) == (
        0,
        f"{bulk} is cancelled: none of its lines is sent, and its merchant is notified.\n",
        "",
    )
    code, printed, _ = operator.typed(typed_line)
    assert (code, printed.endswith("or it has ended. Nothing was changed.\n")) == (1, True)
    code, printed, _ = operator.typed(f"payouts cancel {uuid4()} --merchant {operator.merchant}")
    assert (code, printed.startswith("This merchant has no bulk payout")) == (1, True)
    code, _, error = operator.typed("payouts cancel salary-1 --merchant me")
    assert (code, "must be the ids" in error) == (1, True)
