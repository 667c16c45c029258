"""The HTTP client: what it sends and receives, its limits, and that it refuses calls while rows are locked."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gerbang import network
from gerbang.network import NetworkFailed
from tests.support.ports import held_ports
from tests.support.shop_servers import OK, Peer, Run, answering, failure, read_request, shop, way_out

# Requests and answers


def test_a_post_sends_its_body_unchanged_and_returns_the_answer(run: Run) -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        answer = (
            b"HTTP/1.1 202 Accepted\r\nX-One: a\r\nX-One: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n"
        )
        async with shop(answering(answer, received)) as port, way_out() as way:
            got = await way.post(f"http://127.0.0.1:{port}/hook?a=1", b'{"a": 1}', {"X-Shop": "7", "Host": "evil"})
        assert (got.status, got.headers["x-one"], got.body) == (202, "a, b", b"yes")
        assert 0 <= got.seconds < 5  # uvloop counts whole milliseconds, and this takes less
        (head, body), *others = received
        assert not others
        assert (head[0], body) == ("POST /hook?a=1 HTTP/1.1", b'{"a": 1}')
        assert {"x-shop: 7", f"host: 127.0.0.1:{port}", "content-length: 8"} <= {line.lower() for line in head}
        assert any(line.lower().startswith("user-agent: gerbang/") for line in head)
        assert sum(line.lower().startswith("host:") for line in head) == 1

    run(story())


def test_a_get_has_no_body(run: Run) -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        async with shop(answering(OK, received)) as port, way_out() as way:
            assert (await way.get(f"http://127.0.0.1:{port}", {})).body == b"ok"
        assert received[0][0][0] == "GET / HTTP/1.1"

    run(story())


def test_a_redirect_is_returned_and_not_followed(run: Run) -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        async with shop(answering(OK, received)) as elsewhere, way_out() as way:
            moved = (
                f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
            )
            async with shop(answering(moved)) as port:
                assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).status == 302
        assert received == []

    run(story())


def test_a_cookie_is_not_kept(run: Run) -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        async with shop(answering(answer, received)) as port, way_out() as way:
            for _ in range(2):
                await way.post(f"http://127.0.0.1:{port}/", b"x", {})
        assert not any(line.lower().startswith("cookie") for head, _ in received for line in head)

    run(story())


def test_a_malformed_header_is_not_sent(run: Run) -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        async with shop(answering(OK, received)) as port, way_out() as way:
            for header in ({"x-a": "1\r\nx-b: 2"}, {"x-a: 1\r\nx-b": "2"}, {"content-length ": "5"}, {"": "1"}):
                assert "can't be sent" in await failure(way.post(f"http://127.0.0.1:{port}/", b"x", header))
        assert received == []

    run(story())


# Limits on what a peer can cost


def test_a_peer_that_sends_single_bytes_before_its_status_times_out(run: Run) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 100_000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async def story() -> None:
        async with shop(drip) as port, way_out() as way:
            with pytest.raises(NetworkFailed, match=r"^timed out after 0\.3 s$") as caught:
                await way.post(f"http://127.0.0.1:{port}/", b"x", {}, timeout_seconds=0.3)
            assert 0.25 < caught.value.seconds < 30, "it would have dripped for half an hour"

    run(story())


def test_calls_still_work_after_many_timeouts(run: Run) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def story() -> None:
        async with shop(silent) as dead, shop(answering(OK)) as alive, way_out(connections_max=3) as way:
            calls = [way.post(f"http://127.0.0.1:{dead}/", b"x", {}, timeout_seconds=0.05) for _ in range(12)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert [str(answer) for answer in answers] == ["timed out after 0.05 s"] * 12
            assert (await way.post(f"http://127.0.0.1:{alive}/", b"x", {})).status == 200

    run(story())


def test_an_answer_that_ends_with_the_connection_is_complete(run: Run) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nold but fine")
        await writer.drain()

    async def story() -> None:
        async with shop(old) as port, way_out() as way:
            assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).body == b"old but fine"

    run(story())


def test_a_closed_port_and_an_unknown_name_have_plain_reasons(run: Run) -> None:
    async def story() -> None:
        async with way_out() as way:
            with held_ports() as (port,):
                assert await failure(way.post(f"http://127.0.0.1:{port}/", b"x", {})) == f"refused by 127.0.0.1:{port}"
            reason = await failure(way.post("http://nobody.invalid/", b"x", {}))
            assert reason == "name not found: nobody.invalid"

    run(story())


# Connections


def test_a_second_call_reuses_the_connection(run: Run) -> None:
    async def story() -> None:
        calls: list[int] = []
        async with shop(answering(OK, calls=calls)) as port, way_out() as way:
            for _ in range(3):
                await way.post(f"http://127.0.0.1:{port}/", b"x", {})
            assert len(set(calls)) == 1
            await asyncio.gather(*[way.post(f"http://127.0.0.1:{port}/", b"x", {}) for _ in range(5)])
        assert len(calls) == 8
        assert len(set(calls)) == 5

    run(story())


def test_two_names_of_one_address_do_not_share_a_connection(run: Run) -> None:
    async def story() -> None:
        calls: list[int] = []
        async with shop(answering(OK, calls=calls)) as port, way_out() as way:
            await way.post(f"http://127.0.0.1:{port}/", b"x", {})
            await way.post(f"http://localhost:{port}/", b"x", {})
        assert len(set(calls)) == 2

    run(story())


def test_bytes_between_two_calls_are_not_read_as_the_next_answer(run: Run) -> None:
    async def story() -> None:
        poisoned = OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        async with shop(answering(poisoned)) as port, way_out() as way:
            for _ in range(3):
                assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).body == b"ok"

    run(story())


def test_a_connection_that_the_peer_closed_is_not_reused(run: Run) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()

    async def story() -> None:
        async with shop(once) as port, way_out() as way:
            for _ in range(3):
                assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).status == 200
                await asyncio.sleep(0.05)

    run(story())


def test_a_second_answer_to_one_request_is_not_read_as_the_next_answer(run: Run) -> None:
    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(OK)
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
            await writer.drain()

    async def story() -> None:
        async with shop(talkative) as port, way_out() as way:
            for _ in range(3):
                assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).body == b"ok"
                await asyncio.sleep(0.06)

    run(story())


def closes_at_second_request(received: list[bytes]) -> Peer:
    """Answers the first request of a connection, and closes it at the second."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append((await read_request(reader))[1])
        writer.write(OK)
        await writer.drain()
        received.append((await read_request(reader))[1])

    return peer


def test_a_post_on_a_kept_connection_that_broke_is_not_repeated(run: Run) -> None:
    async def story() -> None:
        received: list[bytes] = []

        async with shop(closes_at_second_request(received)) as port, way_out() as way:
            await way.post(f"http://127.0.0.1:{port}/", b"1", {})
            reason = await failure(way.post(f"http://127.0.0.1:{port}/", b"2", {}))
        assert reason == "the connection was closed without an answer"
        assert received == [b"1", b"2"]

    run(story())


def test_an_idempotent_post_is_repeated_if_its_peer_was_closing_the_connection(run: Run) -> None:
    async def story() -> None:
        received: list[bytes] = []

        async with shop(closes_at_second_request(received)) as port, way_out() as way:
            for body in (b"1", b"2"):
                assert (await way.post(f"http://127.0.0.1:{port}/", body, {}, again=True)).status == 200
        assert received == [b"1", b"2", b"2"]

    run(story())


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.sleep(0.2)
    writer.write(OK)
    await writer.drain()


def test_the_wait_for_a_free_connection_is_not_part_of_the_timeout(run: Run) -> None:
    async def story() -> None:
        async with shop(slow) as port, way_out(connections_max=1) as way:
            # One call takes a fifth of its timeout, and all of them together longer than that.
            calls = [way.post(f"http://127.0.0.1:{port}/", b"x", {}, timeout_seconds=1) for _ in range(6)]
            assert [answer.status for answer in await asyncio.gather(*calls)] == [200] * 6

    run(story())


def test_closing_waits_for_calls_under_way_and_refuses_later_ones(run: Run) -> None:
    async def story() -> None:
        async with shop(slow) as port, way_out() as way:
            call = asyncio.create_task(way.post(f"http://127.0.0.1:{port}/", b"x", {}))
            await asyncio.sleep(0.02)
            await way.aclose()
            assert call.done()
            assert call.result().status == 200
            with pytest.raises(RuntimeError, match="closed"):
                await way.post(f"http://127.0.0.1:{port}/", b"x", {})

    run(story())


# TLS


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS context with a self-signed certificate for one name, which is written to folder/shop.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "shop.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "shop.key").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "shop.pem", folder / "shop.key")
    return context


def test_a_certificate_counts_only_for_the_name_in_the_url(run: Run, tmp_path: Path) -> None:
    server = certificate(tmp_path, "localhost")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "shop.pem"))

    async def story() -> None:
        async with shop(answering(OK), tls=server) as port, way_out(tls=trusting) as way:
            for _ in range(2):
                assert (await way.post(f"https://localhost:{port}/", b"x", {})).body == b"ok"
            assert (await failure(way.post(f"https://127.0.0.1:{port}/", b"x", {}))).startswith(
                "TLS: IP address mismatch"
            )

    run(story())


def test_a_certificate_of_an_unknown_authority_is_refused(run: Run, tmp_path: Path) -> None:
    server = certificate(tmp_path, "localhost")

    async def story() -> None:
        async with shop(answering(OK), tls=server) as port, way_out() as way:
            assert await failure(way.post(f"https://localhost:{port}/", b"x", {})) == "TLS: self-signed certificate"

    run(story())


# No call while rows are locked


def test_nothing_is_sent_while_rows_are_locked_nor_by_a_task_started_meanwhile(run: Run) -> None:
    async def story() -> None:
        calls: list[int] = []
        async with shop(answering(OK, calls=calls)) as port, way_out() as way:
            url = f"http://127.0.0.1:{port}/"
            with network.forbidden("inside a database transaction"):
                with pytest.raises(RuntimeError, match="while rows are held"):
                    await way.post(url, b"x", {})
                with pytest.raises(RuntimeError, match="inside a database transaction"):
                    await asyncio.create_task(way.get(url, {}))
                with network.forbidden("inside another"):
                    pass
                with pytest.raises(RuntimeError):
                    await way.post(url, b"x", {})
            assert calls == []
            assert (await way.post(url, b"x", {})).status == 200

    run(story())


def test_a_task_that_outlives_the_transaction_may_call(run: Run) -> None:
    async def story() -> None:
        async with shop(answering(OK)) as port, way_out() as way:
            done = asyncio.Event()

            async def later() -> int:
                await done.wait()
                return (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).status

            with network.forbidden("outside"), network.forbidden("inside"):
                task = asyncio.create_task(later())
            done.set()
            assert await task == 200

    run(story())


def test_a_task_may_call_during_the_transaction_of_another_task(run: Run) -> None:
    async def story() -> None:
        async with shop(answering(OK)) as port, way_out() as way:
            begun, end = asyncio.Event(), asyncio.Event()

            async def holding_rows() -> None:
                with network.forbidden("inside a database transaction"):
                    begun.set()
                    await end.wait()

            task = asyncio.create_task(holding_rows())
            await begun.wait()
            assert (await way.post(f"http://127.0.0.1:{port}/", b"x", {})).status == 200
            end.set()
            await task

    run(story())
