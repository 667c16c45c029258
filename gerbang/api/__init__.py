"""The APIs for merchants. Each folder here is one dialect: an ASGI application for the paths under its prefixes."""

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
from gerbang.vault import Vault
from gerbang.world import AnswerFormat, World

__all__ = ["Context", "Dialect", "found", "plain_path"]


@dataclass(frozen=True)
class Context:
    """What a dialect's application is built from."""

    world: World
    batches: Batches
    advance: Callable[[datetime], Awaitable[dict[str, int]]]
    """Moves the sandbox clock and does everything that falls due on the way; returns how many of each kind."""
    base_url: str
    """The URL at which merchants and buyers reach this gateway, without a trailing slash."""
    when_stopping: list[Callable[[], None]]
    """Called when this process is asked to stop, so that responses that are still waiting can end."""

    @property
    def root(self) -> str:
        """The path of `base_url`, with which every link on our pages begins; "" if it has none."""
        return urlsplit(self.base_url).path


@dataclass(frozen=True)
class Dialect:
    """One API as the gateway mounts it."""

    name: str
    title: str
    prefixes: tuple[str, ...]
    """This dialect answers the paths that begin with one of these."""
    build: Callable[[Context], ASGIApp]
    callback_formats: Callable[[str, str], Sequence[CallbackFormat]]
    """Makes its callback formats from the base URL and the key that signs page URLs."""
    answer_formats: Callable[[str, str, Vault], Sequence[AnswerFormat]]
    """Makes its formats of answers to creates, from the same two and the keys that cards are encrypted for."""
    unread: Callable[[int, str], Response]
    """Makes the error response to a request that is incomplete or not valid HTTP, or whose path cannot be ours (404), from
    a status and a sentence.
    """
    sandbox_only: bool = False
    completed: Callable[[str], str] = str
    """Its contract with what the code sells and the document does not name."""

    @property
    def openapi(self) -> str:
        """The OpenAPI document, as YAML."""
        return self.completed((resources.files(f"gerbang.api.{self.name}") / "openapi.yaml").read_text())


def found() -> list[Dialect]:
    """The dialects of all folders here."""
    return [
        importlib.import_module(f"{__name__}.{module.name}").DIALECT
        for module in pkgutil.iter_modules(__path__)
        if module.ispkg and not module.name.startswith("_")
    ]
