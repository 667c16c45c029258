"""Our calls to a bank over the standard: one token for all of them, signed as sent, and read as what they say."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from gerbang import ids
from gerbang.clock import MovableClock
from gerbang.connections import Declined, NotSent, Silence
from gerbang.connections.snap import access, client, codes
from gerbang.connections.snap.answers import InProgress, Refusal, TooMany
from gerbang.domain.connections import Connection, Secret
from tests.support.services import START, several
from tests.support.snap_banks import SILENT, Received, Reply, json_reply, link_to, snap_bank

FINE = json_reply(200, "2001100", accountInfos=[])
HTML = Reply(502, b"<html><body>Bad Gateway</body></html>", {"Content-Type": "text/html"})


def fine(_: Received) -> Reply:
    return FINE


async def asked(link: Any, **more: Any) -> dict[str, Any]:
    return await client.call(link, codes.BALANCE, {"accountNo": "0123456789"}, **more)


# The access token


async def test_a_hundred_calls_at_once_fetch_one_token() -> None:
    async with snap_bank(fine, token_seconds=0.05) as bank, link_to(bank) as link:
        found = await several(*(asked(link) for _ in range(100)))
        assert [each for each in found if isinstance(each, BaseException)] == []
        assert len(bank.token_requests) == 1
        assert len(bank.of("/balance-inquiry")) == 100


async def test_two_gateways_in_one_process_do_not_share_a_token() -> None:
    async with snap_bank(fine) as bank, link_to(bank) as one, link_to(bank) as two:
        await asked(one)
        await asked(two)
        assert len(bank.token_requests) == 2


async def test_a_token_is_renewed_before_its_end() -> None:
    clock = MovableClock(START, ticking=False)
    async with snap_bank(fine) as bank, link_to(bank, clock) as link:
        await asked(link)
        clock.advance(timedelta(seconds=869))
        await asked(link)
        assert len(bank.token_requests) == 1
        clock.advance(timedelta(seconds=2))
        await asked(link)
        assert len(bank.token_requests) == 2
        assert bank.of("/balance-inquiry")[-1].headers["authorization"] == "Bearer token-2"


async def test_a_token_that_cannot_be_renewed_is_used_to_its_end() -> None:
    clock = MovableClock(START, ticking=False)
    async with snap_bank(fine) as bank, link_to(bank, clock) as link:
        await asked(link)
        bank.tokens = lambda _: HTML
        clock.advance(timedelta(seconds=880))
        await asked(link)
        clock.advance(timedelta(seconds=20))
        with pytest.raises(NotSent):
            await asked(link)
        assert len(bank.of("/balance-inquiry")) == 2


async def test_a_call_that_is_turned_away_is_repeated_once_with_a_new_token() -> None:
    async with snap_bank(fine) as bank, link_to(bank) as link:
        await asked(link)
        bank.good.clear()  # the bank has forgotten it
        found = await several(*(asked(link) for _ in range(20)))
        assert [each for each in found if isinstance(each, BaseException)] == []
        assert len(bank.token_requests) == 2


async def test_a_second_refusal_is_an_error_and_no_loop_and_an_alarm_once_a_minute() -> None:
    clock = MovableClock(START, ticking=False)
    turned_away = json_reply(401, "4011100")
    async with snap_bank(lambda _: turned_away) as bank, link_to(bank, clock) as link:
        with capture_logs() as logged:
            for _ in range(5):
                with pytest.raises(NotSent):
                    await asked(link)
            clock.advance(timedelta(minutes=1, seconds=1))
            with pytest.raises(NotSent):
                await asked(link)
        # The first call has its token renewed once; the following ones know that it is our fault.
        assert len(bank.token_requests) == 3
        assert [each["log_level"] for each in logged].count("error") == 2
        everything = str(logged)
        for secret in ("token-1", "token-2", "hush-hush", "BEGIN", bank.received[-1].headers["x-signature"]):
            assert secret not in everything


async def test_a_refused_token_request_is_remembered_for_a_moment() -> None:
    clock = MovableClock(START, ticking=False)
    refused = json_reply(401, "4017300")
    async with snap_bank(fine, tokens=lambda _: refused) as bank, link_to(bank, clock) as link:
        for _ in range(10):
            with pytest.raises(NotSent):
                await asked(link)
        assert len(bank.token_requests) == 1
        clock.advance(timedelta(seconds=11))
        bank.tokens = None
        await asked(link)
        assert len(bank.token_requests) == 2


async def test_one_that_gives_up_waiting_takes_the_token_from_nobody() -> None:
    async with snap_bank(fine, token_seconds=0.2) as bank, link_to(bank) as link:
        first = asyncio.create_task(asked(link))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(asked(link))
        await asyncio.sleep(0.05)
        first.cancel()
        assert await second == {"responseCode": "2001100", "responseMessage": "as a test says", "accountInfos": []}
        assert len(bank.token_requests) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"accessToken": "abc", "tokenType": "BearerToken", "expiresIn": "600"}, 600),
        ({"responseCode": "2000000", "accessToken": "abc", "tokenType": "bearer", "expiresIn": 600}, 600),
        ({"responseCode": "", "accessToken": "abc", "expiresIn": "600.0"}, 600),
        ({"accessToken": "abc"}, 900),
        ({"accessToken": "abc", "expiresIn": None}, 900),
        ({"accessToken": "abc", "expiresIn": "soon"}, 900),
        ({"accessToken": "abc", "expiresIn": -1}, 900),
        ({"accessToken": "abc", "expiresIn": "1E999999999"}, 86_400),
        ({"accessToken": "abc", "expiresIn": "NaN"}, 900),
        ({"accessToken": "abc", "expiresIn": "-Infinity"}, 900),
        ({"accessToken": "abc", "expiresIn": True}, 900),
        ({"accessToken": "abc", "expiresIn": 10**30}, 86_400),
        ({"responseCode": "2007300", "accessToken": "abc", "tokenType": None, "additionalInfo": ""}, 900),
    ],
)
async def test_every_published_form_of_a_token_answer_is_read(said: dict[str, Any], seconds: int) -> None:
    clock = MovableClock(START, ticking=False)
    async with (
        snap_bank(fine, tokens=lambda _: json_reply(200, **said), good=("abc",)) as bank,
        link_to(bank, clock) as link,
    ):
        await asked(link)
        assert access.of(link).ends_at - START == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "reply",
    [
        json_reply(200, "2007300"),
        json_reply(200, "2007300", accessToken=""),
        json_reply(200, "2007300", accessToken="two words\r\nX-Evil: 1"),
        json_reply(200, "2007300", accessToken={"a": 1}),
        Reply(200, b""),
        Reply(200, b"[]"),
        HTML,
        SILENT,
        Reply(200, b'{"accessToken":"abc"}', cut=True),
        json_reply(504, "5047300"),
        json_reply(400, "4007300"),
        json_reply(403),
    ],
)
async def test_without_a_token_nothing_is_sent(reply: Reply) -> None:
    async with snap_bank(fine, tokens=lambda _: reply) as bank, link_to(bank) as link:
        with pytest.raises(NotSent):
            await asked(link)
        assert bank.of("/balance-inquiry") == []


async def test_a_token_request_carries_what_the_contract_asks_for() -> None:
    settings = {"token_info": {"authId": Secret("id-1", "a test"), "authSecret": Secret("hush", "a test")}}
    async with snap_bank(fine) as bank, link_to(bank, profile="permata", settings=settings) as link:
        await access.token(link)
        (request,) = bank.token_requests
        assert request.path == "/openapi/v1.0/access-token/b2b"
        assert request.body == {
            "grantType": "client_credentials",
            "additionalInfo": {"authId": "id-1", "authSecret": "hush"},
        }
        assert request.headers["x-client-key"] == "our-client-id"
        assert request.headers["content-type"] == "application/json"


# What is sent


async def test_what_is_signed_is_what_is_sent() -> None:
    settings = {
        "calls": {"27": "/snap/v1.0/transfer-va/create-va?a=1", "31": "DELETE /x/delete-va", "28": "PUT /x/update-va"},
        "channel_ids": {"virtual_accounts": "95231"},
        "additional_info": {"deviceId": "7"},
        "ip_address": "203.0.113.7",
        "external_id_length": 9,
    }
    async with snap_bank(lambda _: json_reply(200, "2002700")) as bank, link_to(bank, settings=settings) as link:
        name = {"virtualAccountName": "Kopi susu & roti / café", "partnerServiceId": "   98765"}
        for service in ("27", "31", "28"):
            await client.call(link, service, name)  # the bank checks the signatures
        await asked(link, method="PUT")
        made, deleted, updated, last = [each for each in bank.received if each not in bank.token_requests]
        assert (made.method, made.path) == ("POST", "/snap/v1.0/transfer-va/create-va?a=1")
        assert (deleted.method, updated.method, last.method) == ("DELETE", "PUT", "PUT")
        assert deleted.body == {**name, "additionalInfo": {"deviceId": "7"}}
        assert made.headers["channel-id"] == "95231"
        assert last.headers["channel-id"] == "95051"
        assert made.headers["x-partner-id"] == "PARTNER"
        assert made.headers["x-ip-address"] == "203.0.113.7"
        ids = [each.headers["x-external-id"] for each in (made, deleted, updated, last)]
        assert len(set(ids)) == 4
        assert all(len(each) == 9 and each.isdigit() for each in ids)


async def test_a_bank_that_takes_hex_and_signs_no_query_gets_it_so() -> None:
    def fine_hex(call: Received) -> Reply:
        assert len(call.headers["x-signature"]) == 128
        return FINE

    async with snap_bank(fine_hex, encoding="hex") as bank, link_to(bank, profile="bri") as link:
        await asked(link)
        await client.call(link, codes.VA_READ, {"virtualAccountNo": "1"})
        call, other = bank.of("/balance-inquiry") + bank.of("/inquiry-va")
        assert (len(call.headers["x-external-id"]), len(other.headers["x-external-id"])) == (32, 9)


@pytest.mark.parametrize(
    ("profile", "service", "place", "digits"),
    [
        ("btn", codes.VA_UPDATE, "POST /v1.0/transfer-va/update-va", 16),
        ("btn", codes.VA_DELETE, "POST /v1.0/transfer-va/delete-va", 16),
        ("btn", codes.VA_STATUS, "POST /v1.0/transfer-va/status", 16),
        ("ocbc", codes.QR_MAKE, "POST /v2.0/qr/qr-mpm-generate", 32),
        ("ocbc", codes.QR_STATUS, "POST /v3.0/qr/qr-mpm-query", 32),
        ("ocbc", codes.BALANCE, "POST /v1.0/balance-inquiry", 32),
        ("bri-ws", codes.VA_CREATE, "POST /snap/v1.0/transfer-va/create-va", 9),
        ("bri-ws", codes.TRANSFER_STATUS, "POST /snap/v1.0/transfer/status", 32),
    ],
)
async def test_a_bank_is_called_where_and_as_it_wants(profile: str, service: str, place: str, digits: int) -> None:
    encoding = "hex" if profile == "bri-ws" else "base64"
    done = json_reply(200, f"200{service}00")
    async with snap_bank(lambda _: done, encoding=encoding) as bank, link_to(bank, profile=profile) as link:
        await client.call(link, service, {})
    token, call = bank.received
    assert token.path == {"ocbc": "/qr/v2.0/access-token/b2b"}.get(profile, token.path)
    assert (f"{call.method} {call.path}", len(call.headers["x-external-id"])) == (place, digits)


# What is answered


@pytest.mark.parametrize(
    "reply",
    [
        json_reply(200, "2001100", a=1),
        json_reply(200, 2001100, a=1),
        json_reply(200, "200000", a=1),
        json_reply(200, "2000000", a=1),
        json_reply(201, "2001100", a=1),
        Reply(200, b'\xef\xbb\xbf{"responseCode": "2001100", "responseMessage": null, "a": 1}'),
    ],
)
async def test_what_says_that_it_is_done_is_done(reply: Reply) -> None:
    async with snap_bank(lambda _: reply) as bank, link_to(bank) as link:
        assert (await asked(link))["a"] == 1


@pytest.mark.parametrize(
    ("reply", "status", "case"),
    [
        (json_reply(404, "4041711"), 404, "11"),
        (json_reply(403, "4031714"), 403, "14"),
        (json_reply(200, "4031714"), 403, "14"),
        (json_reply(400, "4040012"), 404, "12"),
        (json_reply(404, 4041801), 404, "01"),
        (json_reply(400, "400000"), 400, "00"),
        (json_reply(405, "4051700"), 405, "00"),
    ],
)
async def test_a_definite_refusal_is_one_with_its_case(reply: Reply, status: int, case: str) -> None:
    async with snap_bank(lambda _: reply) as bank, link_to(bank) as link:
        with pytest.raises(Refusal) as refusal:
            await asked(link)
        assert isinstance(refusal.value, Declined)
        assert refusal.value.is_(status, case)
        assert str(refusal.value) == "as a test says"


@pytest.mark.parametrize(
    "reply",
    [
        SILENT,
        HTML,
        Reply(403, b"<html>Blocked by the firewall</html>"),
        Reply(404, b""),
        Reply(200, b""),
        Reply(200, b"[]"),
        Reply(200, b'{"responseCode": "2001100", "responseCode": "4041101"}'),
        Reply(200, b'{"responseCode": "2001100"}', cut=True),
        Reply(404, b'{"responseCode": "4041101"}', cut=True),
        json_reply(200),
        json_reply(200, ""),
        json_reply(200, "OK"),
        json_reply(200, "0000000"),
        json_reply(404),
        json_reply(302, "3021100"),
        json_reply(500, "5001701"),
        json_reply(500, "500000"),
        json_reply(200, "5001801"),
        json_reply(504, "5041700"),
        json_reply(500, "4041701"),
        json_reply(404, "2001700"),
        json_reply(404, "4041718"),
        json_reply(409, "4091700"),
        json_reply(409, "4091701"),
        json_reply(408, "4081700"),
        json_reply(401, "4091700"),
        json_reply(401, "4081700"),
        json_reply(401, "4251700"),
        json_reply(401, "4041718"),
        json_reply(409, "4011700"),
        json_reply(404, "4011718"),
        json_reply(429, "4011700"),
        Reply(200, b'{"responseCode":"2001700","fee":1e99999999999999999999}'),
        json_reply(200, "2021700"),
        json_reply(202, "2001700"),
        json_reply(429, "4291400"),
        json_reply(429),
    ],
)
async def test_whatever_could_be_read_in_two_ways_is_not_known(reply: Reply) -> None:
    async with snap_bank(lambda _: reply) as bank, link_to(bank) as link:
        with pytest.raises(Silence) as silence:
            await asked(link)
        assert not isinstance(silence.value, NotSent)
        assert len(bank.of("/balance-inquiry")) == 1, "and it is not sent again"
        too_many = reply.status == 429
        assert isinstance(silence.value, TooMany) == too_many
        assert isinstance(silence.value, InProgress) == (b'"202' in reply.body or reply.status == 202)


async def test_a_token_answer_with_a_number_beyond_all_numbers_gives_no_token() -> None:
    said = b'{"responseCode":"2007300","accessToken":"abc","expiresIn":9e99999999999999999999}'
    async with snap_bank(fine, tokens=lambda _: Reply(200, said)) as bank, link_to(bank) as link:
        with pytest.raises(NotSent):
            await asked(link)
        assert bank.of("/balance-inquiry") == []


async def test_a_bank_that_never_answers_is_not_waited_for() -> None:
    async with snap_bank(lambda _: None) as bank, link_to(bank, deadline_seconds=1) as link:
        with pytest.raises(Silence) as silence:
            await asked(link)
        assert not isinstance(silence.value, NotSent)


async def test_a_bank_that_cannot_be_reached_has_nothing() -> None:
    async with snap_bank(fine) as bank, link_to(bank) as link:
        await access.token(link)
        port = bank.port
    async with link_to(bank) as other:
        assert port == bank.port
        access.of(other).token, access.of(other).renewed_at = "abc", START.replace(year=2100)
        with pytest.raises(NotSent):
            await asked(other, once=True)


async def test_an_answer_of_several_megabytes_is_read_where_it_is_wanted() -> None:
    large = json_reply(200, "2001400", detailData=[{"remark": "x" * 1000}] * 3000)
    async with snap_bank(lambda _: large) as bank, link_to(bank) as link:
        found = await client.call(link, codes.STATEMENT, {}, bytes_max=8_000_000)
        assert len(found["detailData"]) == 3000
        with pytest.raises(Silence):
            await client.call(link, codes.STATEMENT, {})


async def test_no_two_calls_of_a_day_have_the_same_external_id_however_short() -> None:
    clock = MovableClock(START, ticking=False)
    async with snap_bank(fine) as bank, link_to(bank, clock, profile="bri") as link:
        made = [client.fresh_external_id(link, codes.VA_READ) for _ in range(1000)]
        clock.advance(timedelta(milliseconds=1))
        made += [client.fresh_external_id(link, codes.VA_READ) for _ in range(1000)]
        assert len(set(made)) == 2000
        assert {len(each) for each in made} == {9}


def test_an_external_id_is_always_the_same_for_one_thing_and_service() -> None:
    connection = Connection(name="bank", provider="snap", profile="bri", serves=frozenset())
    references = [ids.uuid7(START) for _ in range(1000)]
    made = [client.external_id(connection, each, "17") for each in references]
    assert made == [client.external_id(connection, each, "17") for each in references]
    made += [client.external_id(connection, each, "18") for each in references]
    assert len(set(made)) == 2000
    assert {(len(each), each.isdigit()) for each in made} == {(32, True)}
