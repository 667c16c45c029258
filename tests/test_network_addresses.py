"""The URLs that may not be called: addresses that are not public, in every spelling, and malformed ones."""

import asyncio
import ipaddress
import socket
import ssl
import threading
import time

import pytest
import uvloop

from gerbang.addresses import is_public
from gerbang.network import Network, NetworkFailed
from gerbang.network_targets import split_credentials
from gerbang.resolver import Found
from tests.support.shop_servers import OK, answering, failure, shop, way_out

TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def check_url(url: str, allow_private: bool, ports: frozenset[str] | None = None) -> str | None:
    """Why a URL can't be called; None if it can."""
    try:
        Network(allow_private, ports=ports, tls=TRUST).check(url)
    except NetworkFailed as refusal:
        return refusal.reason
    return None


NOT_PUBLIC = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "0.0.0.0", "169.254.169.254", "100.100.100.200",
    "168.63.129.16", "192.0.0.192", "198.18.0.1", "192.0.2.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::",
    "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1", "5f00::1", "100::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]


def test_no_special_address_counts_as_public() -> None:
    assert [text for text in NOT_PUBLIC if is_public(ipaddress.ip_address(text))] == []
    assert [text for text in PUBLIC if not is_public(ipaddress.ip_address(text))] == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "shop.localhost", "2130706433", "0x7f.1", "0177.0.0.1",
        "127.1", "0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "169.254.169.254",
    ],
)  # fmt: skip
def test_live_mode_never_calls_a_private_address(host: str) -> None:
    async def story() -> None:
        calls: list[int] = []
        async with shop(answering(OK, calls=calls)) as port, way_out(allow_private=False) as way:
            assert check_url(f"http://{host}:{port}/", allow_private=False) is not None
            assert "not allowed" in await failure(way.post(f"http://{host}:{port}/", b"x", {}))
        assert calls == []

    asyncio.run(story())


class Names:
    """A lookup that resolves `shop.example` to the next of the given answers each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def __call__(self, host: str, port: int) -> list[Found]:
        assert host == "shop.example"
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self.answers.pop(0)
        ]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:10.0.0.1"]])
def test_live_mode_refuses_a_name_with_any_private_address(addresses: list[str]) -> None:
    async def story() -> None:
        async with way_out(allow_private=False, lookup=Names(addresses)) as way:
            assert check_url("http://shop.example/", allow_private=False) is None
            reason = await failure(way.post("http://shop.example/", b"x", {}))
        assert reason.startswith("address not allowed: shop.example leads to ")

    asyncio.run(story())


def test_the_address_that_was_checked_is_the_one_called() -> None:
    names = Names(["127.0.0.1"])  # a second lookup would find no answer

    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        async with shop(answering(OK, received)) as port, way_out(lookup=names) as way:
            assert (await way.post(f"http://shop.example:{port}/", b"x", {})).status == 200
        assert f"host: shop.example:{port}" in [line.lower() for line in received[0][0]]
        assert names.answers == []

    asyncio.run(story())


def test_after_a_dead_address_the_next_one_is_called() -> None:
    async def story() -> None:
        names = Names(["127.0.0.2", "127.0.0.1"])
        async with shop(answering(OK)) as port, way_out(lookup=names) as way:
            assert (await way.post(f"http://shop.example:{port}/", b"x", {})).status == 200

    asyncio.run(story())


def test_a_slow_lookup_does_not_delay_other_names() -> None:
    answered = threading.Event()
    asked: list[str] = []

    def ask(host: str, port: int) -> list[Found]:
        asked.append(host)
        if host.startswith("silent"):
            answered.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async def story() -> None:
        async with shop(answering(OK)) as port, way_out(lookup=ask) as way:

            async def reason_of(number: int) -> str:
                return await failure(way.post(f"http://silent{number}.example:{port}/", b"x", {}, timeout_seconds=0.3))

            silent = asyncio.gather(*(reason_of(number) for number in range(50)))
            await asyncio.sleep(0.05)
            assert (await way.post(f"http://shop.example:{port}/", b"x", {}, timeout_seconds=0.2)).status == 200
            assert await silent == ["timed out after 0.3 s"] * 50
            assert await reason_of(0) == "timed out after 0.3 s"
        assert sorted(asked) == sorted({*asked}), "a name that is being asked for is not asked for again"

    started = time.monotonic()
    uvloop.run(story())
    assert time.monotonic() - started < 5, "the end waits for no name"
    answered.set()


def test_a_name_is_resolved_anew_for_each_connection() -> None:
    async def story() -> None:
        async with shop(answering(OK.replace(b"OK", b"OK\r\nConnection: close"))) as port:
            names = Names([], ["127.0.0.1"], ["127.0.0.1"])
            async with way_out(lookup=names) as way:
                url = f"http://shop.example:{port}/"
                assert await failure(way.post(url, b"x", {})) == "name not found: shop.example"
                both = await asyncio.gather(*(way.post(url, b"x", {}) for _ in range(2)))
                assert [answer.status for answer in both] == [200, 200]
                assert (await way.post(url, b"x", {})).status == 200
                assert names.answers == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://shop.example/", "https://"),
        ("shop.example/hook", "https://"),
        ("", "https://"),
        ("https:///hook", "no host"),
        ("https://:443/", "no host"),
        ("https://a..b/", "no host"),
        ("https://user:secret@shop.example/", "user name"),
        ("https://shop.example\\@10.0.0.1/", "percent-encoded"),
        ("https://shop.example/a b", "percent-encoded"),
        ("https://shop.example/a\r\nx: y", "percent-encoded"),
        ("https://tokó.example/", "percent-encoded"),
        ("https://shop.example:99999/", "malformed"),
        ("https://shop.example:0/", "port"),
        ("https://[::1/", "malformed"),
        ("https://93%2e184.215.14/", "malformed"),
        ("https://[2606:4700::1111%25eth0]/", "malformed"),
        ("https://a]b/", "malformed"),
        ("https://shop.example/" + "a" * 2000, "2,000"),
    ],
)
def test_a_malformed_url_is_not_registered(url: str, reason: str) -> None:
    for allow_private in (True, False):
        assert reason in (check_url(url, allow_private) or "")


def test_valid_urls_are_registered_and_localhost_only_in_the_sandbox() -> None:
    for url in (
        "https://shop.example",
        "http://shop.example:8080/hook?a=1#b",
        "https://93.184.215.14/",
        "HTTPS://A.B/",
    ):
        assert check_url(url, allow_private=False) is None
    assert check_url("http://localhost:8000/hook", allow_private=True) is None


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]"])
def test_an_unusual_spelling_calls_the_address_that_was_checked(host: str) -> None:
    async def story() -> None:
        async with shop(answering(OK)) as port, way_out() as way:
            assert (await way.post(f"http://{host}:{port}/", b"x", {})).status == 200

    asyncio.run(story())


def test_path_and_query_are_sent_as_they_were_registered() -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        async with shop(answering(OK, received)) as port, way_out() as way:
            await way.post(f"http://127.0.0.1:{port}//a/../b%2f%7E|?x=%20+y&&;'#part", b"x", {})
        assert received[0][0][0] == "POST //a/../b%2f%7E|?x=%20+y&&;' HTTP/1.1"

    asyncio.run(story())


def test_only_ports_that_the_operator_allows_are_called() -> None:
    usual, more = frozenset({"https:443"}), frozenset({"https:443", "https:8443", "http:80"})
    for url, refused_usually, refused_with_more in (
        ("https://shop.example/", False, False),
        ("https://shop.example:443/", False, False),
        ("https://shop.example:8443/", True, False),
        ("http://shop.example/", True, False),
        ("http://shop.example:443/", True, True),
        ("https://shop.example:22/", True, True),
    ):
        assert (check_url(url, False, usual) is not None) == refused_usually, url
        assert (check_url(url, False, more) is not None) == refused_with_more, url
    assert check_url("http://shop.example:5432/", False, usual) == (
        "the URL leads to http:5432, and this gateway's operator allows https:443 only"
    )


def test_a_port_that_is_not_allowed_any_more_is_not_called() -> None:
    async def story() -> None:
        calls: list[int] = []
        async with shop(answering(OK, calls=calls)) as port, way_out(ports=frozenset({"https:443"})) as way:
            assert "allows https:443 only" in await failure(way.post(f"http://127.0.0.1:{port}/", b"x", {}))
        assert calls == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("url", "bare", "credentials"),
    [
        ("https://shop.example/a?b=c@d", "https://shop.example/a?b=c@d", None),
        ("https://budi:rahasia@shop.example:8443/a?b", "https://shop.example:8443/a?b", "budi:rahasia"),
        ("https://budi:r%40h:%2F%3A%20@shop.example", "https://shop.example", "budi:r@h:/: "),
        ("https://budi@shop.example/", "https://shop.example/", "budi:"),
        ("https://:k%C3%BCnci@shop.example/", "https://shop.example/", ":künci"),
        ("https://budi:a@b@shop.example/", "https://shop.example/", "budi:a@b"),
    ],
)
def test_a_user_name_and_password_are_removed_from_a_url(url: str, bare: str, credentials: str | None) -> None:
    assert split_credentials(url) == (bare, credentials)


@pytest.mark.parametrize(
    "url",
    [
        "https://budi:rahasia%0d%0aX@shop.example/",
        "https://budi%3Arahasia:rahasia@shop.example/",
        "https://budi:rahasia%ff@shop.example/",
        "https://budi:rahasia/x@shop.example/",
        "https://budi:1#rahasia@shop.example/",
        "https://budi:rahasia\\@shop.example/",
        "https://budi:rahasia @shop.example/",
        "https://budi:rahasia@[::1/",
        "https://budi:rahasia@127.0.0.1/",
        "https://budi:rahasia@shop.example:5432/",
        "ftp://budi:rahasia@shop.example/",
    ],
)
def test_the_refusal_of_a_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(NetworkFailed) as refusal:
        Network(False, ports=frozenset({"https:443"}), tls=TRUST).check(split_credentials(url)[0])
    assert "rahasia" not in str(refusal.value)
    assert "budi" not in str(refusal.value)
