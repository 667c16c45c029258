"""A partner's own line: the one private address that live mode calls, the certificate that is shown, and any method."""

import ssl
from pathlib import Path

import pytest

from gerbang.connections import of_connection
from gerbang.domain.connections import ClientCertificate, Connection, Pem, Secret
from gerbang.network import Manner, NetworkFailed
from gerbang.trust import trusted_showing
from tests.connections_file.pems import certificate, private, rsa_key
from tests.support.ports import held_ports
from tests.support.shop_servers import OK, Run, answering, failure, shop, way_out

PLAIN = Manner()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_any_method_sends_its_body_unchanged(run: Run, method: str) -> None:
    async def story() -> None:
        received: list[tuple[list[str], bytes]] = []
        async with shop(answering(OK, received)) as port, way_out() as way:
            await way.call(method, f"http://127.0.0.1:{port}/a?b=c", b'{"a":1}', {}, timeout_seconds=5, manner=PLAIN)
        ((head, body),) = received
        assert (head[0], body) == (f"{method} /a?b=c HTTP/1.1", b'{"a":1}')

    run(story())


def test_a_fresh_call_uses_no_connection_that_was_kept(run: Run) -> None:
    async def story() -> None:
        calls: list[int] = []
        async with shop(answering(OK, calls=calls)) as port, way_out() as way:
            url = f"http://127.0.0.1:{port}/"
            for manner in (PLAIN, PLAIN, Manner(fresh=True)):
                await way.call("POST", url, b"", {}, timeout_seconds=5, manner=manner)
        assert calls[0] == calls[1] != calls[2]

    run(story())


def test_whether_anything_was_sent_is_known(run: Run) -> None:
    async def story() -> None:
        async with shop(answering(b"")) as port, way_out() as way:
            with pytest.raises(NetworkFailed) as silent:
                await way.call("POST", f"http://127.0.0.1:{port}/", b"", {}, timeout_seconds=1, manner=PLAIN)
        assert not silent.value.unsent
        with held_ports() as (free,):
            async with way_out() as way:
                with pytest.raises(NetworkFailed) as refused:
                    await way.call("POST", f"http://127.0.0.1:{free}/", b"", {}, timeout_seconds=5, manner=PLAIN)
        assert refused.value.unsent

    run(story())


def test_a_private_line_leads_to_its_own_origin_and_to_no_other_private_address(run: Run) -> None:
    async def story() -> None:
        async with shop(answering(OK)) as port, shop(answering(OK)) as other, way_out(allow_private=False) as way:
            url = f"http://127.0.0.1:{port}"
            line = way.line_to(url, private=True)
            assert (await line.get(f"{url}/balance", {})).body == b"ok"
            assert "this line leads to" in await failure(line.get(f"http://127.0.0.1:{other}/", {}))
            assert "not on the public internet" in await failure(way.get(f"{url}/", {}))
            with pytest.raises(NetworkFailed):
                way.line_to(url)
        with pytest.raises(RuntimeError):
            await line.get(url, {})  # it is closed with the network

    run(story())


def test_a_connection_shows_its_certificate_and_others_do_not(run: Run, tmp_path: Path) -> None:
    key = rsa_key("localhost")
    files = {"certificate.pem": certificate(key, days=100), "key.pem": private(key)}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    shown, secret = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(shown, secret)
    server.load_verify_locations(shown)
    server.verify_mode = ssl.CERT_REQUIRED

    async def story() -> None:
        async with shop(answering(OK), tls=server) as port, way_out() as way:
            connection = Connection(
                name="bank",
                provider="snap",
                serves=frozenset(),
                base_url=f"https://localhost:{port}",
                client_certificate=ClientCertificate(
                    certificate=Pem("", "", shown), private_key=Secret("", "", secret)
                ),
            )
            ours = of_connection(connection, way)
            assert ours is not way
            trusting = trusted_showing(shown, secret)
            trusting.load_verify_locations(shown)
            line = way.line_to(f"https://localhost:{port}", tls=trusting)
            assert (await line.get(f"https://localhost:{port}/", {})).status == 200
            nameless = ssl.create_default_context(cafile=shown)
            without = way.line_to(f"https://localhost:{port}", tls=nameless)
            with pytest.raises(NetworkFailed):
                await without.get(f"https://localhost:{port}/", {})

    run(story())
