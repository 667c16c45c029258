"""Faults: each alone, as the other side sees it, and the same seed gives the same transcript."""

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gerbang.bank_simulator.chance import FAULTS, Chance
from gerbang.clock import MovableClock
from tests.support.http_shop import soon
from tests.support.simulated_banks import Simulated, copied, simulated
from tests.support.tiny_gateway import TOKEN, Received, tiny_gateway
from tests.support.tiny_partner import TinyPartner, partner_of

NUMBER = "140200001234"
START = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)


async def put(bank: Simulated, faults: dict[str, Any], **members: Any) -> dict[str, Any]:
    answer = await bank.put_faults(faults, **members)
    return json.loads(answer.body) | {"status": answer.status}


def mac(request: Received, secret: str, *, path: str = "", body: bytes = b"", letters: str = "base64") -> str:
    digest = hashlib.sha256(body or request.body).hexdigest()
    text = f"POST:{path or request.path}:{TOKEN}:{digest}:{request.headers['X-TIMESTAMP']}"
    raw = hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest()
    return raw.hex() if letters == "hex" else base64.b64encode(raw).decode()


async def paid_with(folder: Path, faults: dict[str, Any], **members: Any) -> tuple[dict[str, Any], list[Received], str]:
    """The outcome of one payment with these faults, what the gateway got, and the secret of the signatures."""
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills |= {NUMBER: 75_000, "140200009999": 75_000, "140700001234": 75_000}
        await put(bank, faults)
        outcome = await bank.pay(NUMBER, **members)
        return outcome, gateway.received, bank.bank.wiring.ids.inbound_client_secret


async def test_a_bad_signature_is_of_something_else(folder: Path) -> None:
    _, received, secret = await paid_with(folder, {"bad_signature": {"times": 1}})
    _, inquiry, payment = received
    assert inquiry.headers["X-SIGNATURE"] != mac(inquiry, secret)
    assert payment.headers["X-SIGNATURE"] == mac(payment, secret)


async def test_a_signature_comes_in_the_other_letters(folder: Path) -> None:
    _, received, secret = await paid_with(folder, {"hex_signature": 1})
    assert received[1].headers["X-SIGNATURE"] == mac(received[1], secret, letters="hex")


@pytest.mark.parametrize(("fault", "hours"), [("clock_behind", -6), ("clock_ahead", 6)])
async def test_a_clock_is_hours_off(folder: Path, fault: str, hours: int) -> None:
    _, received, secret = await paid_with(folder, {fault: 1})
    stamp = datetime.fromisoformat(received[1].headers["X-TIMESTAMP"])
    assert abs(stamp - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=1)
    assert received[1].headers["X-SIGNATURE"] == mac(received[1], secret)


async def test_a_body_is_written_anew_after_it_was_signed(folder: Path) -> None:
    _, received, secret = await paid_with(folder, {"body_reencoded": 1})
    compact = json.dumps(received[1].document, separators=(",", ":")).encode()
    assert received[1].body != compact
    assert received[1].headers["X-SIGNATURE"] == mac(received[1], secret, body=compact)


async def test_another_path_is_signed(folder: Path) -> None:
    _, received, secret = await paid_with(folder, {"path_prefix_changed": 1})
    assert received[1].headers["X-SIGNATURE"] == mac(received[1], secret, path=f"/gateway{received[1].path}")


async def test_the_next_key_signs_and_its_public_key_is_beside_the_other(folder: Path) -> None:
    await paid_with(folder, {"rotated_keys": 1})
    assert (folder / "keys/bca-next.pub").read_text() != (folder / "keys/bca.pub").read_text()


@pytest.mark.parametrize(("fault", "same"), [("duplicate_same_id", True), ("duplicate_new_id", False)])
async def test_a_call_is_made_twice(folder: Path, fault: str, same: bool) -> None:
    outcome, received, _ = await paid_with(folder, {fault: 1})
    payments = [each for each in received if each.path.endswith("/payment")]
    assert len(payments) == 2
    assert payments[0].body == payments[1].body
    assert (payments[0].headers["X-EXTERNAL-ID"] == payments[1].headers["X-EXTERNAL-ID"]) is same
    assert outcome["money"] == "paid"


async def test_an_answer_that_is_lost_is_silence(folder: Path) -> None:
    outcome, received, _ = await paid_with(folder, {"lost_answer": {"times": 1}})
    assert (outcome["money"], len(received)) == ("not taken", 2)


async def test_a_lost_answer_to_a_payment_is_asked_for_again(folder: Path) -> None:
    outcome, received, _ = await paid_with(folder, {"lost_answer": {"services": ["25"], "times": 1}})
    assert [each.path.rsplit("/", 1)[-1] for each in received] == ["b2b", "inquiry", "payment", "payment"]
    assert (outcome["money"], outcome["exchanges"][2]["failure"]) == ("paid", "the answer was lost on its way")


async def test_a_payment_comes_before_its_inquiry(folder: Path) -> None:
    outcome, received, _ = await paid_with(folder, {"out_of_order": 1}, amount="75000.00")
    assert [each.path.rsplit("/", 1)[-1] for each in received] == ["b2b", "payment", "inquiry"]
    assert outcome["money"] == "paid"


@pytest.mark.parametrize(
    ("fault", "number", "paid"),
    [
        ("wrong_amount", NUMBER, "75001.00"),
        ("unknown_number", "140200009999", "75000.00"),
        ("foreign_number", "140700001234", "75000.00"),
    ],
)
async def test_something_else_is_paid(folder: Path, fault: str, number: str, paid: str) -> None:
    outcome, received, _ = await paid_with(folder, {fault: 1})
    assert received[-1].document["virtualAccountNo"].strip() == number
    assert received[-1].document["paidAmount"]["value"] == paid
    assert outcome["faults"] == [fault]


async def test_accepted_money_goes_back(folder: Path) -> None:
    async with tiny_gateway() as gateway, simulated(folder, "bca", gateway.url) as bank:
        gateway.bills[NUMBER] = 75_000
        await put(bank, {"reversal": 1})
        outcome = await bank.pay(NUMBER)
        accounts = {each["number"]: each for each in await bank.control("accounts")}
        lines = accounts[bank.bank.wiring.ids.account]["movements"]
    assert (outcome["money"], outcome["taken"]) == ("reversed", True)
    assert [each["amount"] for each in lines] == ["-75000.00", "75000.00"]


# Towards the bank


async def state_of(partner: TinyPartner, external_id: str) -> str:
    await put(partner.bank, {})
    await partner.get_token()
    found = await partner.call("36", {"serviceCode": "17", "originalExternalId": external_id})
    return found.get("latestTransactionStatus", found["responseCode"])


@pytest.mark.parametrize(
    ("fault", "answer", "state"),
    [
        ("unauthorized", "4011700", "4043601"),
        ("conflict", "4091700", "4043601"),
        ("too_many", "4291700", "4043601"),
        ("revoked_token", "4011701", "4043601"),
        ("wrong_service_code", "2000000", "00"),
    ],
)
async def test_an_answer_of_a_bad_day(folder: Path, fault: str, answer: str, state: str) -> None:
    async with partner_of(folder) as partner:
        await partner.get_token()
        await put(partner.bank, {fault: 1})
        answered = await partner.call("17", partner.transfer(), **{"X-EXTERNAL-ID": "55"})
        assert answered["responseCode"] == answer
        assert await state_of(partner, "55") == state


@pytest.mark.parametrize(
    ("fault", "state"), [("dropped_before_acting", "4043601"), ("dropped_after_acting", "00"), ("cut_answer", "00")]
)
async def test_no_answer_may_mean_that_it_was_done(folder: Path, fault: str, state: str) -> None:
    async with partner_of(folder) as partner:
        await partner.get_token()
        await put(partner.bank, {fault: 1})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await partner.call("17", partner.transfer(), **{"X-EXTERNAL-ID": "55"})
        assert await state_of(partner, "55") == state


@pytest.mark.parametrize("fault", ["late_after_acting", "slow_drip"])
async def test_an_answer_that_takes_too_long_is_of_something_that_was_done(folder: Path, fault: str) -> None:
    async with partner_of(folder) as partner:
        await partner.get_token()
        await put(partner.bank, {fault: 1})
        ledger, account = partner.bank.bank.ledger, partner.ids.account
        call = asyncio.create_task(partner.call("17", partner.transfer(), **{"X-EXTERNAL-ID": "55"}))
        await soon(lambda: bool(ledger.movements(account)))
        assert not call.done()
        call.cancel()
        assert await state_of(partner, "55") == "00"


async def test_a_page_of_html_is_no_answer(folder: Path) -> None:
    async with partner_of(folder) as partner:
        await partner.get_token()
        await put(partner.bank, {"html_error": 1})
        answer = await partner.raw("17", partner.transfer(), **{"X-EXTERNAL-ID": "55"})
        assert (answer.status, answer.body[:6]) == (502, b"<html>")
        assert await state_of(partner, "55") == "4043601"


@pytest.mark.parametrize(
    ("fault", "lines"), [("statement_delayed", 0), ("statement_gap", 2), ("statement_extra", 4), ("too_many", None)]
)
async def test_a_statement_is_behind_or_has_too_little_or_too_much(folder: Path, fault: str, lines: int | None) -> None:
    async with partner_of(folder) as partner:
        for _ in range(3):
            await partner.call("17", partner.transfer())
        await put(partner.bank, {fault: 1})
        midnight = f"{partner.stamp[:10]}T00:00:00+07:00"
        asked = {"accountNo": partner.ids.account, "fromDateTime": midnight, "toDateTime": midnight}
        page = await partner.call("14", asked)
    assert (len(page["detailData"]) if lines is not None else page["responseCode"]) == (
        lines if lines is not None else "4291400"
    )


# By a seed


async def played(folder: Path, seed: int) -> list[dict[str, Any]]:
    """The transcript of ten payments and ten transfers with a mixture of faults."""
    clock = MovableClock(START, ticking=False)
    towards_us = ("wrong_amount", "bad_signature", "lost_answer", "duplicate_new_id", "reversal")
    towards_bank = ("html_error", "conflict", "wrong_service_code", "dropped_after_acting")
    rates = {**dict.fromkeys(towards_us, 0.3), **dict.fromkeys(towards_bank, 0.2)}
    async with tiny_gateway() as gateway, partner_of(folder, "bca", gateway.url, clock) as partner:
        bank = partner.bank
        gateway.bills[NUMBER] = 75_000
        await partner.get_token()
        await put(bank, rates, seed=seed)
        outcomes = [await bank.pay(NUMBER, unanswered="suspended") for _ in range(10)]
        for number in range(10):
            with suppress(httpx.HTTPError):
                await partner.raw("11", {"accountNo": partner.ids.account}, **{"X-EXTERNAL-ID": str(number)})
        transcript = await bank.control("transcript")
    decisions = [{name: each[name] for name in ("money", "request_id", "faults", "amount")} for each in outcomes]
    # The token of the partner's calls is by chance, since it was got before the seed.
    shown = [each | {"headers": sorted(each["headers"])} if each["by"] == "partner" else each for each in transcript]
    return [*decisions, *shown[1:]]


async def test_the_same_seed_gives_the_same_transcript(prepared: Path, tmp_path: Path) -> None:
    folders = [copied(prepared, tmp_path / f"bank{number}") for number in range(3)]
    first, second = await played(folders[0], 7), await played(folders[1], 7)
    assert first == second
    assert len({each["money"] for each in first[:10]}) > 1
    assert len([each for each in first if each.get("faults")]) > 5
    assert await played(folders[2], 8) != first


def test_a_rate_is_about_how_often_it_happens() -> None:
    chance = Chance()
    chance.plan({"conflict": 0.25, "too_many": 1}, 42)
    happened = [chance.happens("conflict", "too_many", "html_error", service="17") for _ in range(1_000)]
    assert 200 < sum("conflict" in each for each in happened) < 300
    assert all("too_many" in each and "html_error" not in each for each in happened)


async def test_faults_are_shown_and_wrong_ones_refused(folder: Path) -> None:
    async with simulated(folder, "bca", "http://127.0.0.1:1") as bank:
        shown = await put(bank, {"conflict": 0.5, "html_error": {"rate": 1, "times": 2}}, seed=7)
        assert shown["faults"]["conflict"] == {"rate": 0.5, "times": None, "services": []}
        assert (shown["seed"], set(shown["known"])) == (7, set(FAULTS))
        for wrong in ({"conflct": 1}, {"conflict": 2}, {"conflict": "often"}, {"conflict": {"rat": 1}}):
            assert (await put(bank, wrong))["status"] == 400
        assert "html_error" in (await bank.control("faults"))["faults"]
