"""The account numbers of the payment-session reference, 9.5, end at once at the simulated bank."""

from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from gerbang.clock import MovableClock
from gerbang.connections import AccountRefused, Link, Sent, Silence, TransferOrder
from gerbang.connections.simulator import ACCOUNT_NAME, NETWORK_FAILED, PROVIDER, reference_of
from gerbang.domain.connections import SIMULATOR, of_the_sandbox
from gerbang.domain.money import rupiah
from gerbang.domain.payouts import Destination
from gerbang.network import Network
from tests.support.services import START


def link() -> Link:
    return Link(of_the_sandbox().by_name[SIMULATOR], Network(allow_private=True), MovableClock(START, ticking=False))


def order(number: str) -> TransferOrder:
    return TransferOrder(uuid4(), rupiah(10_000), Destination("bank_transfer", "BCA", number, "Budi"), "", START)


@pytest.mark.parametrize(
    ("number", "state", "reason"),
    [
        ("999966660001", "completed", ""),
        ("999966660002", "failed", "Inactive account"),
        ("999966660003", "failed", "Invalid account"),
        ("999966660006", "failed", "Dormant account"),
        ("999966660007", "completed", ""),
    ],
)
async def test_a_transfer_to_a_documented_account_ends_at_once(number: str, state: str, reason: str) -> None:
    given = order(number)
    said = await PROVIDER.send(link(), given, START)
    assert (said.state, said.reference, said.reason) == (state, reference_of(given.reference), reason)


async def test_a_transfer_that_times_out_is_found_to_have_failed_after_half_a_minute() -> None:
    given = order("999966660008")
    with pytest.raises(Silence):
        await PROVIDER.send(link(), given, START)
    with pytest.raises(Silence):
        await PROVIDER.ask(link(), replace(given, sending_at=START), START + timedelta(seconds=29))
    said = await PROVIDER.ask(link(), replace(given, sending_at=START), START + timedelta(seconds=30))
    assert said == Sent("failed", reference_of(given.reference), reason=NETWORK_FAILED)


async def test_the_holders_name_is_refused_for_accounts_that_take_no_money() -> None:
    for number in ("999966660001", "999966660007"):
        assert await PROVIDER.account_name(link(), "BCA", number) == ACCOUNT_NAME
    assert await PROVIDER.account_name(link(), "BCA", "999966660003") is None
    for number, why in (("999966660002", "Inactive account"), ("999966660006", "Dormant account")):
        with pytest.raises(AccountRefused, match=why):
            await PROVIDER.account_name(link(), "BCA", number)
    with pytest.raises(Silence):
        await PROVIDER.account_name(link(), "BCA", "999966660008")
