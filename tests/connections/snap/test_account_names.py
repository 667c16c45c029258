"""What the holder of an account is called, as banks over the standard say it."""

import pytest

from gerbang.connections import NeverSays, Silence
from gerbang.connections.snap import PROVIDER
from tests.support.snap_banks import json_reply, link_to, snap_bank

from .test_transfers import ACCOUNTS, Bank


async def test_the_name_of_an_account_is_asked_for_in_its_bank_or_elsewhere() -> None:
    async with snap_bank(Bank()) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        assert await PROVIDER.account_name(link, "BCA", "5550001234") == "BUDI SANTOSO"
        assert await PROVIDER.account_name(link, "DKI", "5550001234") == "BUDI SANTOSO"
        assert len(bank.of("/account-inquiry-internal")) == 1
        assert bank.of("/account-inquiry-external")[0].body["beneficiaryBankCode"] == "111"
        assert bank.of("/account-inquiry-external")[0].body["additionalInfo"] == {"inquiryService": "1"}


async def test_a_bank_that_says_no_names_is_never_taken_to_have_said_one() -> None:
    nameless = json_reply(200, "2001500", beneficiaryAccountName=" ")
    async with snap_bank(Bank(inquiry=nameless)) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
        with pytest.raises(Silence):
            await PROVIDER.account_name(link, "BCA", "5550001234")
    async with snap_bank(Bank()) as bank, link_to(bank, profile="permata", accounts=ACCOUNTS) as link:
        with pytest.raises(NeverSays):
            await PROVIDER.account_name(link, "BCA", "5550001234")
        assert bank.received == []
        assert await PROVIDER.account_name(link, "PERMATA", "5550001234") == "BUDI SANTOSO"


async def test_an_account_that_there_is_not_has_no_name() -> None:
    for case in ("01", "11", "12"):
        bank_says = Bank(inquiry=json_reply(404, f"40415{case}"))
        async with snap_bank(bank_says) as bank, link_to(bank, profile="bca", accounts=ACCOUNTS) as link:
            assert await PROVIDER.account_name(link, "BCA", "5550001234") is None
            assert await PROVIDER.account_name(link, "NOWHERE", "5550001234") is None
