"""A shop's own server: it hears callbacks over a real socket and answers as a test tells it to."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec


@dataclass(frozen=True)
class Heard:
    """One callback as it arrived; the names of headers are in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        return msgspec.json.decode(self.body)


@dataclass
class Listener(AbstractContextManager["Listener"]):
    """A server on a port of its own. It answers with `status` and `headers`; 0 hangs up without an answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    heard: list[Heard] = field(default_factory=list[Heard])

    def __enter__(self) -> Self:
        outer = self

        class Requests(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                outer.heard.append(Heard(self.command, self.path, named, body))
                if not outer.status:
                    self.close_connection = True
                    return
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815  a redirect that was followed would be heard

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
