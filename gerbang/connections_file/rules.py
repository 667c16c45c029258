"""What must hold in a connections file beyond the types of its members: addresses, keys, and how members fit together."""

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from gerbang.connections import Provider, Remarks, Said, Transfers
from gerbang.connections_file import keys
from gerbang.connections_file.decoding import Fault, joined, suggestion
from gerbang.domain.connections import SIMULATOR, Connection, Route
from gerbang.network import Network, NetworkFailed


def of_connections(found: Mapping[str, Connection], providers: Mapping[str, Provider], *, live: bool) -> list[Fault]:
    """What is wrong with connections that were read."""
    faults: list[Fault] = []
    network, anywhere = Network(allow_private=not live), Network(allow_private=True)
    for name, connection in found.items():
        path = joined("connections", name)
        for said in (
            _of_provider(connection, providers.get(connection.provider), live=live),
            _of_base_url(connection, network, anywhere, live=live),
            _of_inbound(connection),
            _of_accounts(connection),
            _of_secrets(connection),
            iter(keys.faults(connection)),
        ):
            faults += [Fault(f"{path}.{member}", sentence) for member, sentence in said]
    return faults + _of_prefixes(found)


def remarks_on(found: Mapping[str, Connection], providers: Mapping[str, Provider]) -> list[Fault]:
    """What is unsafe with connections that were read."""
    return [
        Fault(f"{joined('connections', name)}.{member}", sentence)
        for name, connection in found.items()
        if connection.settings is not None and isinstance(provider := providers.get(connection.provider), Remarks)
        for member, sentence in provider.remarks(connection)
    ]


def of_routes(
    routes: Sequence[Route | None],
    found: Mapping[str, Connection],
    known: Collection[str],
    channels: Collection[str],
) -> list[Fault]:
    """What is wrong with routes. `known` are the names of all connections, also of those that could not be read."""
    return [
        Fault(f"routes[{number}].{member}", sentence)
        for number, route in enumerate(routes, 1)
        if route is not None
        for member, sentence in _of_route(route, found, known, channels)
    ]


def _of_provider(connection: Connection, provider: Provider | None, *, live: bool) -> Iterator[Said]:
    if live and connection.provider == SIMULATOR:
        yield "provider", f"must not be {SIMULATOR} in live mode: it moves no money"
    if not connection.serves:
        yield "serves", "must name one purpose at least"
    if "payouts" in connection.serves and provider is not None and not isinstance(provider, Transfers):
        yield "serves", f"must not name payouts: the provider {connection.provider} sends no money"
    if provider is not None and connection.settings is not None:  # None: they are wrong, which is reported already
        yield from provider.faults(connection)


def _of_base_url(connection: Connection, network: Network, anywhere: Network, *, live: bool) -> Iterator[Said]:
    url = connection.base_url
    if url is None:
        if connection.private_line:
            yield "private_line", "needs a base_url beside it, which it is about"
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        yield "base_url", "must be a URL such as https://api.bank.example"
        return
    if "@" in url:
        yield "base_url", "must have no user name or password in it: a secret is never written into this file"
    elif parts.scheme not in {"https", "http"}:
        yield "base_url", "must begin with https://"
    elif live and parts.scheme != "https":
        yield "base_url", "must begin with https:// in live mode"
    elif parts.query or parts.fragment or url.endswith(("/", "?", "#")):
        yield "base_url", "must end without a slash, a query and a fragment"
    else:
        try:
            (anywhere if connection.private_line else network).check(url)
        except NetworkFailed as failed:
            yield "base_url", f"cannot be called: {failed.reason}"


def _of_inbound(connection: Connection) -> Iterator[Said]:
    for number, text in enumerate(connection.inbound.allowed_addresses if connection.inbound else (), 1):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            yield (
                f"inbound.allowed_addresses[{number}]",
                'must be an address or a network, such as "203.0.113.7" or "203.0.113.0/24" (the bits behind the prefix are 0)',
            )


def _of_accounts(connection: Connection) -> Iterator[Said]:
    for number, account in enumerate(connection.accounts, 1):
        if idle := account.purposes - connection.serves:
            yield f"accounts[{number}].purposes", f"has {_listed(idle)}, which this connection does not serve"


def _of_secrets(connection: Connection) -> Iterator[Said]:
    inbound = connection.inbound
    for member, secret in (
        ("client_secret", connection.client_secret),
        ("inbound.client_secret", inbound.client_secret if inbound else None),
    ):
        if secret is not None and not secret.value.isprintable():
            yield (
                member,
                f"comes from {secret.source}, which holds more than one line or characters that cannot be printed",
            )


def _of_prefixes(found: Mapping[str, Connection]) -> list[Fault]:
    faults: list[Fault] = []
    taken: dict[str, str] = {}
    for name, connection in found.items():
        if connection.inbound is None:
            continue
        ours = f"{connection.inbound.path_prefix}/"
        for other, theirs in taken.items():
            if ours.startswith(theirs) or theirs.startswith(ours):
                sentence = f"must not begin like that of {other}: nobody would know whose calls come there"
                faults.append(Fault(f"{joined('connections', name)}.inbound.path_prefix", sentence))
                break
        taken[name] = ours
    return faults


def _of_route(
    route: Route, found: Mapping[str, Connection], known: Collection[str], channels: Collection[str]
) -> Iterator[Said]:
    if not route.connections:
        yield "connections", "must name one connection at least"
    if route.channel is not None and route.channel not in channels:
        yield "channel", f"is not one of the channels: {suggestion(route.channel, channels, 'correct it')}"
    if route.option is not None and route.channel is None and route.purpose != "payouts":
        yield "option", 'needs a channel beside it; only of purpose = "payouts" it is the bank that the money goes to'
    if route.channel is not None and route.purpose == "payouts":
        yield "channel", "must be left out: a payout has none, and its option is the bank that the money goes to"
    for number, name in enumerate(route.connections, 1):
        connection = found.get(name)
        if name not in known:
            yield (
                f"connections[{number}]",
                f"names {name}, which is no connection: {suggestion(name, known, 'correct it')}",
            )
        elif connection and route.purpose and route.purpose not in connection.serves:
            yield (
                f"connections[{number}]",
                f"names {name}, which does not serve {route.purpose}, only {_listed(connection.serves)}",
            )


def _listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))
