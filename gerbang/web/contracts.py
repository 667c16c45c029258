"""The API contracts over HTTP: pages for people at /docs/{name} and each dialect's OpenAPI document in YAML."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

import yaml
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gerbang.web import docs

SERVER = "\n  - {url: /,"
"""The server entry of each document; its URL is replaced by the base URL of this gateway."""


class Context(Protocol):
    """The public URL of this gateway and its path."""

    @property
    def base_url(self) -> str: ...
    @property
    def root(self) -> str: ...


class Contracts:
    """The routes of the documentation. `documents` maps a dialect's name to its title and OpenAPI document (YAML)."""

    def __init__(self, documents: Mapping[str, tuple[str, str]], context: Context) -> None:
        self._documents = documents
        self._context = context
        self._page = cache(self._render)

    def routes(self) -> list[Route]:
        return [
            Route("/", self._docs),
            Route("/docs", self._first),
            Route("/docs/", self._first),
            Route("/docs/{name}/openapi.yaml", self._yaml),
            Route("/docs/{name}", self._readable),
        ]

    async def _docs(self, request: Request) -> Response:
        return RedirectResponse(f"{self._context.root}/docs")

    async def _first(self, request: Request) -> Response:
        first = "v2_sessions" if "v2_sessions" in self._documents else next(iter(self._documents))
        return RedirectResponse(self._url(first))

    async def not_found(self, request: Request, failure: Exception) -> Response:
        return self.nothing_here()

    def nothing_here(self) -> Response:
        """404 in plain text, with the address of the documentation."""
        at = f"{self._context.base_url}/docs"
        return Response(f"There is nothing at this address. The contract is at {at}.\n", 404, media_type="text/plain")

    async def _yaml(self, request: Request) -> Response:
        found = self._documents.get(request.path_params["name"])
        if found is None:
            return self._unknown()
        server = f"\n  - {{url: {json.dumps(self._context.base_url)},"
        return Response(found[1].replace(SERVER, server, 1), media_type="application/yaml")

    async def _readable(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._documents:
            return self._unknown()
        return Response(await to_thread.run_sync(self._page, name), media_type="text/html")

    def _render(self, name: str) -> str:
        parsed: dict[str, Any] = yaml.safe_load(self._documents[name][1])
        others = {title: self._url(other) for other, (title, _) in self._documents.items() if other != name}
        return docs.render(parsed, self._context.base_url, others, f"{self._url(name)}/openapi.yaml")

    def _url(self, name: str) -> str:
        return f"{self._context.root}/docs/{name}"

    def _unknown(self) -> Response:
        at = f"{self._context.base_url}/docs"
        return Response(f"There is no such document. They are listed at {at}.\n", 404, media_type="text/plain")
