"""What a provider says of itself, and how providers are found: one file or folder of this package is one provider.

A file whose name begins with `_` is shared by providers and is none itself.
"""

import importlib
import pkgutil
from typing import Protocol, runtime_checkable

import msgspec

from gerbang.connections import Link
from gerbang.domain.connections import Connection


class NoSettings(msgspec.Struct, frozen=True):
    """For a provider that has no settings of its own."""


Said = tuple[str, str]
"""A member, such as `inbound.client_id`, and a sentence that goes on after its path, such as `must be …`."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what came of it, in a sentence that an operator can act on."""

    what: str
    ok: bool
    sentence: str


class Provider(Protocol):
    """The code that speaks with a kind of partner: `PROVIDER` of its file."""

    @property
    def name(self) -> str:
        """What `provider` is in the connections file."""
        ...

    @property
    def settings(self) -> type[msgspec.Struct]:
        """The type of a connection's `settings`.

        Its members may be `Secret` or `Pem`, and structs, lists and mappings of them. A ValueError of its `__post_init__`
        goes on after the path, as in `has more tries than 9`.
        """
        ...

    def faults(self, connection: Connection) -> list[Said]:
        """What is wrong with a connection for this provider, such as a profile that it does not know. Pure.

        It is asked where the connection's `settings` could be read, and perhaps other members not.
        """
        ...


@runtime_checkable
class Checks(Protocol):
    """A provider that can try a connection out, without moving money."""

    async def check(self, link: Link) -> list[Check]:
        """What it looked at. Raises NetworkFailed where the partner gave no answer."""
        ...


def missing(connection: Connection, *members: str) -> list[Said]:
    """Those of these members that the connection does not have, for the `faults` of a provider that cannot do without."""
    found: list[Said] = []
    for member in members:
        value: object = connection
        for step in member.split("."):
            value = getattr(value, step, None)
        if value in (None, (), frozenset()):
            found.append((member, f"is missing: the provider {connection.provider} needs it"))
    return found


def providers() -> dict[str, Provider]:
    """All providers in this folder, by name."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    found: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            provider: Provider = importlib.import_module(f"{package.__name__}.{module.name}").PROVIDER
            found[provider.name] = provider
    return found
