"""A shop's own server: it receives callbacks over a real socket and answers as a test configures it."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec


@dataclass(frozen=True)
class ReceivedCallback:
    """One callback as it was received; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def parsed(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)


@dataclass
class Listener(AbstractContextManager["Listener"]):
    """A server on a port of its own. It answers with `status` and `headers`; 0 closes the connection instead."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    received: list[ReceivedCallback] = field(default_factory=list[ReceivedCallback])

    def __enter__(self) -> Self:
        outer = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                outer.received.append(ReceivedCallback(self.command, self.path, named, body))
                if not outer.status:
                    self.close_connection = True
                    return
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815  a redirect that was followed would be recorded

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's own name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/callbacks?shop=1"
