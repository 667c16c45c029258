"""The built-in receiver: it takes whatever comes, keeps it for the merchant that it came for, and shows it to nobody else."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from tests.api.sandbox.explorers import Explorer
from tests.support.gateways import Gateway
from tests.support.peers import until_hung_up


def post(explorer: Explorer, body: bytes, **headers: str) -> httpx.Response:
    """What anybody sends to the merchant's inbox."""
    return explorer.as_anybody("POST", f"inbox/{explorer.merchant_id}", body, headers)


def test_a_callback_arrives_with_its_headers_and_its_very_bytes(explorer: Explorer) -> None:
    body = b'{ "event":"PAYMENT.TEST",\n "data": {"b":1,"a":[1.50,"\xf0\x9f\x92\xb0"]} }'
    answered = post(explorer, body, **{"Content-Type": "application/json", "X-API-Key": "k"})
    assert (answered.status_code, answered.text) == (200, "OK")
    (item,) = explorer.done("GET", "inbox")["items"]
    assert item["path"] == f"/sandbox/inbox/{explorer.merchant_id}"
    assert item["headers"]["x-api-key"] == "k"
    assert item["headers"]["content-length"] == str(len(body))
    assert item["raw"].encode() == body
    assert item["body"] == json.loads(body)
    assert datetime.fromisoformat(item["receivedAt"]).year == 2025


def test_the_callbacks_of_a_new_merchant_come_to_its_inbox(traveller: Explorer) -> None:
    traveller.simulate(traveller.create()["id"])
    (item,) = traveller.inbox()
    assert item["body"]["event"] == "PAYMENT.PAID"
    assert item["headers"]["x-api-key"] == traveller.gateway.sandbox.v2.callback_api_key


def test_the_newest_come_first_and_no_more_than_asked_for(explorer: Explorer) -> None:
    for number in range(60):
        post(explorer, b"%d" % number)
    assert [item["body"] for item in explorer.done("GET", "inbox?limit=3")["items"]] == [59, 58, 57]
    assert len(explorer.done("GET", "inbox")["items"]) == 50
    assert len(explorer.done("GET", "inbox?limit=500")["items"]) == 60


def test_one_answer_shows_about_4_mb_of_large_bodies(explorer: Explorer) -> None:
    body = b'"' + b"x" * 900_000 + b'"'
    for _ in range(7):
        assert post(explorer, body).status_code == 200
    assert len(explorer.done("GET", "inbox?limit=500")["items"]) == 5
    assert len(explorer.done("GET", "inbox?limit=2")["items"]) == 2


@pytest.mark.parametrize("body", [b"[" + b"[]," * 332_000 + b"1]", b"\x01" * 990_000, b"\xff" * 990_000])
def test_a_full_inbox_is_shown_without_keeping_others_waiting_for_longer_than_20_ms(
    traveller: Explorer, body: bytes
) -> None:
    for _ in range(6):
        post(traveller, body)
    least = 1.0
    for _ in range(5):
        least = min(least, longest_turn(traveller.gateway, lambda: traveller.done("GET", "inbox?limit=500")))
    assert least < 0.020, f"{least * 1000:.1f} ms"


def test_whoever_has_said_all_it_has_to_say_still_gets_the_whole_inbox(traveller: Explorer) -> None:
    for _ in range(42):
        post(traveller, b"x" * 90_000)
    host, port = traveller.gateway.client.base_url.host, traveller.gateway.client.base_url.port or 0
    asked = f"GET /sandbox/inbox?limit=500 HTTP/1.0\r\nAuthorization: Bearer {traveller.token}\r\n\r\n"
    for pause in (0.0, 0.005, 0.02, 0.05):
        with socket.create_connection((host, port), 10) as line:
            line.sendall(asked.encode())
            time.sleep(pause)
            line.shutdown(socket.SHUT_WR)
            head, _, body = until_hung_up(line).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(body)["items"]) >= 42


@pytest.mark.parametrize("value", ["sekret", "Basic\tc2VrcmV0", "Basic c2VrcmV0", "a.b c"])
def test_what_signs_in_is_not_shown_in_the_inbox(traveller: Explorer, value: str) -> None:
    post(traveller, b"{}", Authorization=value)
    shown = traveller.done("GET", "inbox?limit=1")["items"][0]["headers"]["authorization"]
    assert shown == ("Basic (not shown)" if value == "Basic c2VrcmV0" else "(not shown)")


def longest_turn(gateway: Gateway, do: Callable[[], object]) -> float:
    """The most processor time, in seconds, that the gateway's loop took for others before it came back to one who asked."""
    done = threading.Event()

    async def watch() -> float:
        longest = 0.0
        while not done.is_set():
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)
        return longest

    watching = asyncio.run_coroutine_threadsafe(watch(), gateway.loop)
    do()
    done.set()
    return watching.result(30)


def test_an_inbox_does_not_grow_without_end(explorer: Explorer) -> None:
    for _ in range(75):
        post(explorer, b"x" * 990_000)
    held = explorer.gateway.rows(
        "SELECT sum(octet_length(body))::bigint AS bytes FROM inbox WHERE merchant_id = $1", explorer.merchant_id
    )
    assert 62_000_000 < held[0]["bytes"] <= 64_000_000


def test_headers_count_as_much_as_bodies(explorer: Explorer) -> None:
    explorer.gateway.rows(
        "INSERT INTO inbox (merchant_id, received_at, path, headers, body) "
        "SELECT $1, now(), '/', json_build_object('x', repeat('x', 70000)), 'old' FROM generate_series(1, 1000)",
        explorer.merchant_id,
    )
    post(explorer, b"new", **{"X-Long": "x" * 62_000, "X-Longer": "x" * 2_000})
    held = explorer.gateway.rows(
        "SELECT sum(octet_length(headers::text))::bigint AS bytes FROM inbox WHERE merchant_id = $1",
        explorer.merchant_id,
    )
    assert held[0]["bytes"] <= 64_000_000
    shown = explorer.try_out("GET", "inbox?limit=500")
    assert len(shown.content) < 4_200_000
    assert shown.json()["items"][0]["raw"] == "new"


def test_an_inbox_keeps_its_bounds_whoever_else_receives(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    explorer.gateway.rows(
        "INSERT INTO inbox (merchant_id, received_at, path, headers, body) "
        "SELECT $1, now(), '/', '{}', 'old' FROM generate_series(1, 1099)",
        explorer.merchant_id,
    )
    for _ in range(2):
        for one in (explorer, neighbour):  # between them they meet every other number
            post(one, b"{}")
    assert explorer.done("DELETE", "inbox")["deleted"] <= 1_100


@pytest.mark.parametrize("limit", ["", "0", "501", "-1", "1.0", "ten", "%D9%A1", "00000000000001", "1e2", "+1", "%00"])
def test_a_limit_that_is_none_is_refused(explorer: Explorer, limit: str) -> None:
    for path in ("inbox", "deliveries", "events"):
        assert explorer.refused("GET", f"{path}?limit={limit}") == (400, "invalid", "limit")


def test_an_inbox_is_emptied_for_its_owner_alone(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    for one in (explorer, explorer, neighbour):
        post(one, b"{}")
    assert explorer.done("DELETE", "inbox") == {"deleted": 2}
    assert explorer.done("DELETE", "inbox") == {"deleted": 0}
    assert explorer.done("GET", "inbox") == {"items": []}
    assert len(neighbour.done("GET", "inbox")["items"]) == 1


def test_nobody_sees_what_came_for_another(shared_gateway: Gateway, explorer: Explorer) -> None:
    neighbour = Explorer.of(shared_gateway.new_shop())
    explorer.simulate(explorer.create()["id"])
    assert explorer.news() == ["PAYMENT.PAID"]
    assert neighbour.done("GET", "inbox") == {"items": []}
    assert neighbour.deliveries() == []
    assert neighbour.done("GET", "events") == {"items": []}
    assert neighbour.done("GET", "ledger") == {"accounts": [], "sum": "0.00"}


@pytest.mark.parametrize(
    "key", ["0196f1a2-0000-7000-8000-00000000dead", "k3y", "%00", "%ff", "00000000-0000-0000-0000-000000000000"]
)
def test_an_inbox_that_is_nobodys_takes_nothing(explorer: Explorer, key: str) -> None:
    answered = explorer.as_anybody("POST", f"inbox/{key}", b"{}", {})
    assert answered.status_code == 404
    assert answered.json()["error"]["code"] == "not_found"
    assert (
        explorer.gateway.rows("SELECT 1 FROM inbox i WHERE NOT EXISTS (SELECT FROM merchants WHERE id = merchant_id)")
        == []
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\x00\xff\xfe",
        b'{"a":"\xc0\x80"}',
        b'{"\xed\xa0\x80":1}',
        b'{"a":"\\ud800"}',
        b"1e400",
        b"NaN",
        b"9" * 5000,
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    ],
)
def test_what_is_no_json_is_kept_too_and_shown_raw(explorer: Explorer, body: bytes) -> None:
    assert post(explorer, body).status_code == 200
    (item,) = explorer.done("GET", "inbox")["items"]
    assert item["body"] is None
    assert item["raw"] == body.decode("utf-8", "replace")


def test_headers_that_are_no_ascii_are_kept_too(explorer: Explorer) -> None:
    explorer.client.post(f"/sandbox/inbox/{explorer.merchant_id}", headers=[(b"X-Odd", b"caf\xe9\x80")], content=b"{}")
    (item,) = explorer.done("GET", "inbox")["items"]
    assert item["headers"]["x-odd"] == "caf\u00e9\x80"


@pytest.mark.parametrize("body", [b"0", b"null", b'"text"', b"[]", b"18446744073709551617", b' {"a" : 1.50} '])
def test_any_json_is_shown_as_it_came(explorer: Explorer, body: bytes) -> None:
    post(explorer, body)
    answered = explorer.try_out("GET", "inbox")
    assert b'"body":' + body + b"," in answered.content


def test_a_body_over_one_megabyte_is_refused(explorer: Explorer) -> None:
    assert post(explorer, b" " * 1_000_001).status_code == 413
    assert post(explorer, b" " * 1_000_000).status_code == 200


def test_the_inbox_keeps_the_newest_thousand(mover: Explorer) -> None:
    mover.gateway.rows(
        "INSERT INTO inbox (merchant_id, received_at, path, headers, body) "
        "SELECT $1, now(), '/', '{}', 'old' FROM generate_series(1, 1500)",
        mover.merchant_id,
    )
    for number in range(100):
        post(mover, b"%d" % number)
    items = mover.done("GET", "inbox?limit=500")["items"]
    assert [item["raw"] for item in items] == [*(str(number) for number in range(99, -1, -1)), *["old"] * 400]
    assert 1_000 <= mover.done("DELETE", "inbox")["deleted"] < 1_100
