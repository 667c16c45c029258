"""`gerbang connections list`: the connections in words, and who is routed to each. Nothing secret is in it."""

import msgspec

from gerbang.connections_file import Contents
from gerbang.domain.connections import PURPOSES, Route


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """One connection, for people and programs to read."""

    name: str
    provider: str
    profile: str | None
    serves: list[str]
    base_url: str | None
    path_prefix: str | None
    routes: list[str]
    """Who is led to it, in words."""

    def in_words(self) -> dict[str, str]:
        """As a line of a table."""
        return {
            "name": self.name,
            "provider": self.provider + (f" ({self.profile})" if self.profile else ""),
            "serves": ", ".join(self.serves),
            "routed to it": "; ".join(self.routes) or "nobody",
        }


def listed(contents: Contents) -> list[Listed]:
    """All connections that can be read, in the order of the file."""
    return [
        Listed(
            name=each.name,
            provider=each.provider,
            profile=each.profile,
            serves=[purpose for purpose in PURPOSES if purpose in each.serves],
            base_url=each.base_url,
            path_prefix=each.inbound.path_prefix if each.inbound else None,
            routes=[
                _in_words(route, each.name) for route in contents.connections.routes if each.name in route.connections
            ],
        )
        for each in contents.connections.by_name.values()
    ]


def _in_words(route: Route, name: str) -> str:
    whom = "every merchant" if route.merchant is None else f"merchant {route.merchant}"
    what = "/".join(filter(None, [route.purpose, route.channel, route.option])) or "everything"
    place = route.connections.index(name) + 1
    return f"{whom}, {what}" + (f", as choice {place}" if place > 1 else "")


def to_json(shown: object) -> str:
    """Anything that is listed or checked, for programs to read."""
    return msgspec.json.format(msgspec.json.encode(shown).decode(), indent=2)
