"""A shop's web site, to which buyers return: a real HTTP server that records path and referrer of each visit."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Visit:
    path: str
    referrer: str | None


class ShopSite(AbstractContextManager["ShopSite"]):
    def __init__(self) -> None:
        visits: list[Visit] = []

        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/favicon.ico":
                    visits.append(Visit(self.path, self.headers.get("referer")))
                body = b"<!doctype html><html lang=en><title>Shop</title><h1>The shop</h1>"
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
                pass

        self.visits = visits
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
