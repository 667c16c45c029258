"""`gerbang connections check`: what is wrong with the connections of this gateway, from the file to the partner's own door.

Nothing is paid, and nothing is kept. Each connection is looked at beside the others, so one that hangs delays nobody.
"""

import asyncio
from collections.abc import Awaitable, Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec
import uvloop

from gerbang.clock import Clock, SystemClock
from gerbang.connections import Check, Checks, Link, of_connection, providers
from gerbang.connections_file import Contents, keys
from gerbang.connections_file.decoding import Fault, joined, suggestion
from gerbang.domain.connections import Connection
from gerbang.network import Answer, Network, NetworkFailed
from gerbang.settings import SettingsWrong

CLOCK_SKEW_MAX = timedelta(seconds=5)
"""The strictest partner that is known takes 2 minutes. A machine whose clock is kept right is within a second."""
ENDS_SOON = timedelta(days=14)
"""A bank takes some days to exchange a certificate."""
OWN_CHECK_SECONDS_MAX = 60.0


class Checked(msgspec.Struct, frozen=True):
    """One thing that was looked at. `connection` is "" where it is of the whole file."""

    connection: str
    what: str
    ok: bool
    sentence: str


def check(contents: Contents, name: str | None, *, live: bool) -> list[Checked]:
    """Looks at everything of all connections, or of one. Raises SettingsWrong where there is none of that name."""
    if name is not None and name not in contents.names:
        sentence = f"is no connection {name}: {suggestion(name, contents.names, 'correct it')}"
        raise SettingsWrong(str(Fault("There", sentence)))
    faults = [(_connection_of(each, contents.names), str(each)) for each in [*contents.faults, *contents.remarks]]
    checked = [Checked(connection, "file", False, sentence) for connection, sentence in faults]
    chosen = [each for each in contents.connections.by_name.values() if name in (None, each.name)]
    mentioned = {connection for connection, _ in faults}
    checked += [
        Checked(each.name, "file", True, "It is written as it must be.")
        for each in chosen
        if each.name not in mentioned
    ]
    # What is wrong in the file is mended first: asking the partner with half a connection would only mislead.
    faulty = {_connection_of(each, contents.names) for each in contents.faults}
    checked += uvloop.run(_all([each for each in chosen if each.name not in faulty], live=live))
    return [each for each in checked if name is None or each.connection in ("", name)]


def _connection_of(fault: Fault, names: Collection[str]) -> str:
    """The connection that a fault's path leads into; "" for another."""
    for name in names:
        path = joined("connections", name)
        if fault.path == path or fault.path.startswith(f"{path}."):
            return name
    return ""


async def _all(chosen: list[Connection], *, live: bool) -> list[Checked]:
    checked = await asyncio.gather(*(_one(each, live=live) for each in chosen))
    return [
        Checked(connection.name, each.what, each.ok, each.sentence)
        for connection, checks in zip(chosen, checked, strict=True)
        for each in checks
    ]


async def _one(connection: Connection, *, live: bool) -> list[Check]:
    clock = SystemClock()
    checks = _keys(connection, clock.now())
    whole = Network(allow_private=not live)
    try:
        network = of_connection(connection, whole)
    except OSError as failed:  # TLS's own errors are such too
        why = f"TLS cannot use it: {failed.strerror or failed}. The partner was not called."
        return [*checks, Check("client certificate", False, why)]
    try:
        if connection.base_url is not None:
            checks += await _reached(connection, network, clock)
        provider = providers().get(connection.provider)
        if isinstance(provider, Checks):
            checks += await _own(provider.check(Link(connection, network, clock)), connection.provider)
    finally:
        await whole.aclose()
    return checks


# Keys and certificates


def _keys(connection: Connection, now: datetime) -> list[Check]:
    checks: list[Check] = []
    inbound = connection.inbound
    for what, secret in (
        ("client secret", connection.client_secret),
        ("inbound client secret", inbound.client_secret if inbound else None),
    ):
        if secret is not None:
            checks.append(Check(what, True, f"It has {len(secret.value)} characters, from {secret.source}."))
    if connection.private_key is not None:
        bits = keys.private_key(connection.private_key).key_size
        checks.append(Check("private key", True, f"It is RSA of {bits} bits, from {connection.private_key.source}."))
    for number, pem in enumerate(inbound.public_keys if inbound else (), 1):
        read = keys.public_key(pem)
        what, sentence = f"public key {number}", f"It is RSA of {read.key.key_size} bits, from {pem.source}."
        if read.ends_at is None:
            checks.append(Check(what, True, sentence))
        else:
            ok, ends = ending(read.ends_at, now, "Ask the partner for its next one, and add it to the list.")
            checks.append(Check(what, ok, f"{sentence} {ends}"))
    if (shown := connection.client_certificate) is not None:
        certificate = keys.client_certificate(shown)
        if certificate.not_valid_before_utc > now:
            begins = f"It is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC."
            checks.append(Check("client certificate", False, begins))
        else:
            ok, ends = ending(certificate.not_valid_after_utc, now, "Have a new one issued, and inform the partner.")
            checks.append(Check("client certificate", ok, f"{ends} It comes from {shown.certificate.source}."))
    return checks


def ending(ends_at: datetime, now: datetime, otherwise: str) -> tuple[bool, str]:
    """Whether a certificate is good for some time yet, and a sentence of it; `otherwise` is what to do."""
    day, left = f"{ends_at:%Y-%m-%d}", ends_at - now
    if left <= timedelta(0):
        return False, f"Its certificate ended on {day}. {otherwise}"
    if left <= ENDS_SOON:
        return False, f"Its certificate ends on {day}, in {left.days} days. {otherwise}"
    return True, f"Its certificate ends on {day}, in {left.days} days."


# The partner


async def _reached(connection: Connection, network: Network, clock: Clock) -> list[Check]:
    """Whether the partner answers at all, whatever it says to an empty question, and by what time it lives."""
    url, asked_at = connection.base_url or "", clock.now()
    try:
        answer = await network.get(url, {}, timeout_seconds=connection.deadline_seconds)
    except NetworkFailed as failed:
        return [Check("address", False, f"{url} gives no answer: {_advised(failed.reason)}")]
    over = "over TLS " if url.startswith("https:") else "without TLS, as only a sandbox may, "
    sentence = f"{url} answers {over}after {answer.seconds:.2f} s (status {answer.status}, which does not matter here)."
    return [Check("address", True, sentence), clocks(answer, asked_at, clock.now())]


def _advised(reason: str) -> str:
    """Why there was no answer, and where to look."""
    if reason.startswith("name not found"):
        return f"{reason}. Correct base_url, or look at this machine's name servers."
    if reason.startswith("refused by"):
        return f"{reason}. Nobody listens there: correct the port in base_url, or ask the partner whether it is down."
    if reason.startswith("timed out"):
        return (
            f"{reason}. A firewall on the way may drop what we send, as when the partner does not know this machine's "
            "address: ask it which addresses it lets in."
        )
    if reason.startswith("TLS: "):
        return (
            f"{reason}. The partner's certificate is not one that this machine trusts, or it wants a client certificate "
            "that we do not show."
        )
    return f"{reason}."


def clocks(answer: Answer, asked_at: datetime, answered_at: datetime) -> Check:
    """Compares our clock with the partner's, which says its time in whole seconds, somewhere between asking and answer."""
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
        theirs = theirs.replace(tzinfo=UTC) if theirs.tzinfo is None else theirs
    except (KeyError, ValueError):
        return Check("clock", True, "The partner does not say what time it has, so the clocks cannot be compared.")
    ahead = max(asked_at - theirs - timedelta(seconds=1), timedelta(0))
    behind = max(theirs - answered_at, timedelta(0))
    apart = max(ahead, behind)
    if apart <= CLOCK_SKEW_MAX:
        return Check("clock", True, "This machine and the partner have the same time.")
    seconds, side = int(apart.total_seconds()), "ahead of" if ahead else "behind"
    return Check(
        "clock",
        False,
        f"This machine's clock is {seconds} seconds {side} the partner's, and signed requests are refused for that. Look "
        "whether this machine's time is synchronized (timedatectl, chronyc tracking); if it is, inform the partner.",
    )


async def _own(checking: Awaitable[list[Check]], provider: str) -> list[Check]:
    """What the provider looks at itself."""
    try:
        async with asyncio.timeout(OWN_CHECK_SECONDS_MAX):
            return await checking
    except NetworkFailed as failed:
        return [Check(provider, False, f"The partner gave no answer: {_advised(failed.reason)}")]
    except TimeoutError:
        return [Check(provider, False, f"The partner was not done answering after {OWN_CHECK_SECONDS_MAX:g} seconds.")]
