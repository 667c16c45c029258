"""The contracts as people and programs read them: /docs, and each dialect's openapi document."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gerbang.web import docs


class Contracts:
    """`documents` maps a dialect's name to its title and its openapi document in YAML."""

    def __init__(self, documents: Mapping[str, tuple[str, str]], base_url: str) -> None:
        self._documents = documents
        self._base_url = base_url
        self._page = cache(self._render)

    def routes(self) -> list[Route]:
        return [
            Route("/docs", self._first),
            Route("/docs/", self._first),
            Route("/docs/{name}/openapi.yaml", self._yaml),
            Route("/docs/{name}", self._readable),
        ]

    async def _first(self, request: Request) -> Response:
        return RedirectResponse(
            f"/docs/{'v2_sessions' if 'v2_sessions' in self._documents else next(iter(self._documents))}"
        )

    async def _yaml(self, request: Request) -> Response:
        found = self._documents.get(request.path_params["name"])
        return Response(found[1], media_type="application/yaml") if found else _unknown()

    async def _readable(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._documents:
            return _unknown()
        return Response(await to_thread.run_sync(self._page, name), media_type="text/html")

    def _render(self, name: str) -> str:
        parsed: dict[str, Any] = yaml.safe_load(self._documents[name][1])
        others = {title: f"/docs/{other}" for other, (title, _) in self._documents.items() if other != name}
        return docs.render(parsed, self._base_url, others)


def _unknown() -> Response:
    return Response("There is no such document. They are listed at /docs.\n", 404, media_type="text/plain")
