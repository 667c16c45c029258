"""A real HTTP server on localhost, in a thread of its own: it keeps what it receives and answers as a test says."""

import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it was received; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def parsed(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class HttpAnswer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])


Answering = Callable[[ReceivedRequest], HttpAnswer | None]
"""The answer to a request; None closes the connection instead."""


class HttpServer(AbstractContextManager["HttpServer"]):
    """A server on a port of its own."""

    def __init__(self, answering: Answering, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[ReceivedRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.received, answering))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(received: list[ReceivedRequest], answering: Answering) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            named = {name.lower(): value for name, value in self.headers.items()}
            received.append(ReceivedRequest(self.command, self.path, named, body))
            answer = answering(received[-1])
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            given = {"Date": self.date_time_string(), "Content-Length": str(len(answer.body))}
            for name, value in (given | answer.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

    return Requests
