"""A shop's web site, to which buyers return: a real HTTP server that records path and referrer of each visit."""

from dataclasses import dataclass

from tests.support.http_servers import HttpAnswer, HttpServer

PAGE = b"<!doctype html><html lang=en><title>Shop</title><h1>The shop</h1>"


@dataclass(frozen=True)
class Visit:
    path: str
    referrer: str | None


class ShopSite(HttpServer):
    def __init__(self) -> None:
        super().__init__(lambda _: HttpAnswer(body=PAGE, headers={"Content-Type": "text/html"}))

    @property
    def visits(self) -> list[Visit]:
        return [Visit(each.path, each.headers.get("referer")) for each in self.received if each.path != "/favicon.ico"]
