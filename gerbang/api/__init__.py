"""How merchants speak: one folder here is one dialect, an application of its own that claims the paths it answers."""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp

from gerbang.api._addresses import plain_path
from gerbang.domain.deliveries import CallbackFormat
from gerbang.services.batches import Batches
from gerbang.world import World

__all__ = ["Context", "Dialect", "found", "plain_path"]


@dataclass(frozen=True)
class Context:
    """What a dialect is built with."""

    world: World
    batches: Batches
    advance: Callable[[datetime], Awaitable[dict[str, int]]]
    """Moves the sandbox's clock and does all that falls due on the way; tells how much of each kind was done."""
    base_url: str
    """Where merchants and buyers reach this gateway, without a slash at the end."""
    when_stopping: list[Callable[[], None]]
    """What is called once this process is asked to stop: to end answers that only wait."""

    @property
    def root(self) -> str:
        """The path of `base_url`, which every address on our pages begins with; "" where there is none."""
        return urlsplit(self.base_url).path


@dataclass(frozen=True)
class Dialect:
    name: str
    title: str
    prefixes: tuple[str, ...]
    """Paths that begin so are this dialect's."""
    build: Callable[[Context], ASGIApp]
    callback_formats: Callable[[str, str], Sequence[CallbackFormat]]
    """How it tells news, given the base URL and the key that pages are signed with."""
    unread: Callable[[int, str], Response]
    """How it tells, by status and sentence, that a request to it never came in whole, or breaks the rules of HTTP."""
    sandbox_only: bool = False
    completed: Callable[[str], str] = str
    """Its contract with what the code sells and the document does not name."""

    @property
    def openapi(self) -> str:
        """The contract, as YAML."""
        return self.completed((resources.files(f"gerbang.api.{self.name}") / "openapi.yaml").read_text())


def found() -> list[Dialect]:
    """All dialects in this folder."""
    return [
        importlib.import_module(f"{__name__}.{module.name}").DIALECT
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg and not module.name.startswith("_")
    ]
