"""Starts the gateways to be measured, each as a process on one PostgreSQL, and creates their merchants."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from benchmarks.rows import Connection
from gerbang import app
from gerbang.services import merchants
from gerbang.services.merchants import Keys
from gerbang.settings import Settings

SECRET_KEY = "a secret key that is used for measuring only"
NOWHERE = "http://127.0.0.1:9/nobody-listens-here"
"""The callback URL. Nothing is sent, since no worker runs, but deliveries are written."""


class Gateway:
    """A running `gerbang serve`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.pid = process.pid
        self.port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Sends a request and returns the answer's JSON. Ends the program if the answer is not a success."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        raw = None if body is None else body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, raw, {"Content-Type": "application/json", **named})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path} was answered with {answer.status}: {text}")
        return json.loads(text) if text.startswith("{") else text

    def token(self, keys: Keys) -> str:
        body = {"grantType": "client_credentials"}
        signed = {"X_MERCHANT_ID": keys.merchant_id, "X_MERCHANT_SECRET": keys.v2_secret}
        return str(self.ask("POST", "/v1/access-token", body, **signed)["data"]["accessToken"])


@contextmanager
def serving(url: str, log: Path, connections: Path | None = None, *, processes: int = 1) -> Generator[Gateway]:
    """A gateway in processes of its own, without workers, perhaps with a connections file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("GERBANG_")}
    environment = {
        **kept,
        "GERBANG_DATABASE_URL": url,
        "GERBANG_SECRET_KEY": SECRET_KEY,
        "GERBANG_PORT": str(port),
        "GERBANG_LOG_LEVEL": "warning",
        **{name: text for name, text in os.environ.items() if name.startswith("GERBANG_BATCH_")},
        **({} if connections is None else {"GERBANG_CONNECTIONS": str(connections)}),
    }
    with log.open("ab") as output:
        command = [
            sys.executable,
            "-m",
            "gerbang",
            "serve",
            *(["--processes", str(processes)] if processes > 1 else []),
        ]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    gateway = Gateway(process, port)
    try:
        _wait(gateway, process, log)
        yield gateway
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _wait(gateway: Gateway, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"The gateway has ended:\n{log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", gateway.port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"The gateway does not answer; its log:\n{log.read_text()}")


def database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def pgbench_place(url: str) -> list[str]:
    """The database URL as command-line options of pgbench."""
    parts = urlsplit(url)
    parameters = parse_qs(parts.query)
    return [
        "-h",
        parameters["host"][0],
        "-p",
        parameters["port"][0],
        "-U",
        parts.username or "gerbang",
        parts.path.strip("/"),
    ]


async def take_in(url: str, wanted: Mapping[str, tuple[str, int]]) -> dict[str, list[Keys]]:
    """Creates merchants: for each name as many as wanted, with an endpoint for the callbacks of one product."""
    shops: dict[str, list[Keys]] = {name: [] for name in wanted}
    settings = Settings(database_url=url, secret_key=SECRET_KEY)
    async with app.gateway(settings, base_url="http://127.0.0.1") as built:
        for name, (product, count) in wanted.items():
            for _ in range(count):
                merchant, keys = await merchants.create(
                    built.world, name="PT Toko Maju", short_name="Toko Maju", email="toko@example.id"
                )
                await merchants.set_callback(built.world, merchant.id, product, NOWHERE)
                shops[name].append(keys)
    return shops


async def connect(url: str) -> Connection:
    return await asyncpg.connect(url, command_timeout=900)
