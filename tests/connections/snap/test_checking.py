"""`gerbang connections check` of a bank over the standard: what is wrong is said in a sentence that can be acted on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gerbang.clock import MovableClock
from gerbang.connections import Link, Said
from gerbang.connections.snap import PROVIDER, times
from gerbang.domain.connections import Account, Connection, Secret
from tests.support.services import START
from tests.support.snap_banks import Received, Reply, json_reply, link_to, snap_bank

ACCOUNTS = (
    Account(number="0123456789", purposes=frozenset({"payouts"})),
    Account(number="9999999999", purposes=frozenset({"payments"})),
)


async def found(link: Link) -> dict[str, tuple[bool, str]]:
    return {each.what: (each.ok, each.sentence) for each in await PROVIDER.check(link)}


def rich(call: Received) -> Reply:
    assert call.body["accountNo"] == "0123456789"
    amount = {"value": "12345678.50", "currency": "IDR"}
    return json_reply(200, "2001100", accountInfos={"balanceType": "Cash", "availableBalance": amount})


async def test_a_partner_that_works_gives_a_token_and_a_balance() -> None:
    async with snap_bank(rich) as bank, link_to(bank, accounts=ACCOUNTS) as link:
        assert await found(link) == {
            "token": (True, "The partner knows our-client-id and our key; a token lasts 900 seconds."),
            "account 0123456789": (True, "Rp 12.345.678,50 are available."),
        }


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("Unauthorized. [Signature]", "send it the public half of the one from the file ours.pem"),
        ("Unauthorized stringToSign", "send it the public half"),
        ("Unauthorized. [Unknown client]", "It does not know us as our-client-id"),
        ("Invalid Field Format [X-TIMESTAMP]", "look at this machine's clock"),
        ("Something else", "Compare client_id, private_key and base_url"),
    ],
)
async def test_a_refused_token_says_where_to_look(message: str, part: str) -> None:
    refused = json_reply(401, responseCode="4017300", responseMessage=message)
    async with snap_bank(rich, tokens=lambda _: refused) as bank, link_to(bank, accounts=ACCOUNTS) as link:
        ok, sentence = (await found(link))["token"]
        assert not ok
        assert part in sentence
        assert message in sentence


async def test_a_refused_call_is_the_fault_of_the_secret_and_not_of_the_key() -> None:
    turned_away = json_reply(401, "4011100")
    async with snap_bank(lambda _: turned_away) as bank, link_to(bank, accounts=ACCOUNTS) as link:
        looked_at = await found(link)
        assert looked_at["token"][0]
        ok, sentence = looked_at["account 0123456789"]
        assert (ok, "Compare client_secret" in sentence) == (False, True)


async def test_an_account_that_is_not_in_the_contract_is_shown() -> None:
    async with snap_bank(lambda _: json_reply(404, "4041111")) as bank, link_to(bank, accounts=ACCOUNTS) as link:
        ok, sentence = (await found(link))["account 0123456789"]
        assert (ok, "Is the account in the contract?" in sentence) == (False, True)


@pytest.mark.parametrize("ahead", [timedelta(minutes=-3), timedelta(minutes=3), timedelta(0)])
async def test_the_partners_own_time_is_compared(ahead: timedelta) -> None:
    clock = MovableClock(START, ticking=False)
    headers = {"X-TIMESTAMP": times.written(START + ahead)}
    with_time = replace(json_reply(200, accessToken="abc"), headers=headers)
    async with snap_bank(rich, tokens=lambda _: with_time) as bank, link_to(bank, clock) as link:
        ok, sentence = (await found(link))["timestamps"]
        assert ok == (not ahead)
        assert ("180 seconds apart" in sentence) == bool(ahead)


async def test_a_partner_that_gives_no_tokens_is_asked_about_a_code_that_there_is_not() -> None:
    unknown = json_reply(404, "4045101")
    async with (
        snap_bank(lambda _: unknown, by_key=True) as bank,
        link_to(bank, profile="dana", client_secret=None) as link,
    ):
        assert await found(link) == {"signature": (True, "The partner knows our-client-id and our key.")}
        (asked,) = bank.received
        assert (asked.path, asked.body["serviceCode"]) == ("/v1.0/qr/qr-mpm-query.htm", "47")
        assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("reply", "part"),
    [
        (json_reply(401, "4015100"), "Does it have the public half of the key from the file ours.pem"),
        (json_reply(500, "5005100"), "The partner was asked, and"),
        (json_reply(400, "4005102"), "Compare client_id and partner_id"),
    ],
)
async def test_a_partner_that_does_not_believe_our_signature_is_a_fault(reply: Reply, part: str) -> None:
    async with snap_bank(lambda _: reply, by_key=True) as bank, link_to(bank, profile="dana") as link:
        ((what, (ok, sentence)),) = (await found(link)).items()
        assert (what, ok, part in sentence) == ("signature", False, True)


async def test_a_contract_that_is_only_called_has_nothing_to_look_at() -> None:
    async with snap_bank(rich) as bank, link_to(bank, base_url=None) as link:
        assert await PROVIDER.check(link) == []


def faults(**members: object) -> list[Said]:
    usual: dict[str, object] = {"name": "bank", "provider": "snap", "serves": frozenset({"payouts"})}
    return PROVIDER.faults(Connection(**{**usual, **members}))  # pyright: ignore[reportArgumentType]  members of any type


def test_what_a_connection_that_calls_cannot_do_without_is_a_fault() -> None:
    url, key = "https://bank.example", Secret("x", "a test")
    assert [member for member, _ in faults()] == ["base_url"]
    missing = ["client_id", "private_key", "client_secret", "accounts"]
    assert [member for member, _ in faults(base_url=url)] == missing
    whole = {"base_url": url, "client_id": "x", "private_key": key, "client_secret": key}
    assert faults(**whole, accounts=ACCOUNTS) == []
    assert [member for member, _ in faults(**whole, accounts=ACCOUNTS[1:])] == ["accounts"]
