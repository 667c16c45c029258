"""Connections and routes: our contracts with banks and acquirers, and which of them serves a merchant, a channel, a purpose.

A connection is one contract. What a member may be is said beside its type, in the words of a sentence "… must be …".
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

Purpose = Literal["payments", "payouts", "refunds", "statements"]
"""What a connection is used for: buyers' money coming in, money going out, money going back, lists of what moved."""
PURPOSES: tuple[Purpose, ...] = ("payments", "payouts", "refunds", "statements")
ANSWER_SECONDS_DEFAULT = 8
"""Within this time every partner known so far takes our answer (the strictest that is published: 8 seconds)."""

Text = Annotated[
    str,
    Meta(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?\Z", description="1 to 100 plain characters in quotes"),
]
"""An identifier as it is sent in a header: no control characters, none but ASCII, no blanks around it."""
CompanyCode = Annotated[str, Meta(pattern=r"^[0-9]{1,16}\Z", description="1 to 16 digits in quotes")]
AccountNumber = Annotated[str, Meta(pattern=r"^[0-9]{5,34}\Z", description="5 to 34 digits in quotes")]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z",
        max_length=40,
        description="lower-case letters, digits and single hyphens, 40 at most, beginning with a letter",
    ),
]
ChannelName = Annotated[str, Meta(pattern=r"^[a-z][a-z_]*\Z", description="the name of a channel in quotes")]
Option = Annotated[
    str, Meta(pattern=r"^[A-Z0-9_]{1,40}\Z", description="a bank, outlet or wallet in capitals, such as BCA")
]

Rupiah = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number of rupiah, 1 to 1000000")]


class Secret(msgspec.Struct, frozen=True):
    """A text that nobody may see, and where it was read, which may be shown."""

    value: str
    source: str
    """Such as `the file /etc/gerbang/bca.pem` or `the environment variable BCA_SECRET`."""
    file: str | None = None
    """The file's path, where it is one."""

    def __repr__(self) -> str:
        return f"Secret(from {self.source})"


class Pem(msgspec.Struct, frozen=True):
    """A public key or a certificate, which everybody may see, and where it was read."""

    value: str
    source: str
    file: str | None = None

    def __repr__(self) -> str:
        return f"Pem(from {self.source})"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account of ours under a contract."""

    number: AccountNumber
    holder: Text | None = None
    """Whose it is, as the bank writes it."""
    purposes: frozenset[Purpose] = frozenset()
    """What it is used for; none said: everything that its connection serves."""


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What we show to a partner that wants to know by TLS who calls it."""

    certificate: Pem
    """With the certificates between it and its authority, if there are any."""
    private_key: Secret


Unanswered = Literal["returned", "kept"]
"""What becomes of a payer's money that the bank got no answer about in time: it goes back, or it stays and is ours."""


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """How the partner calls us: where, by what it proves who it is, and by when we must have answered."""

    path_prefix: Annotated[
        str,
        Meta(
            pattern=r"^(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])+\Z",
            max_length=100,
            description='a path such as "/partners/bca", without a slash at its end',
        ),
    ]
    """Where its addresses begin, below the path of our own public URL."""
    client_id: Text | None = None
    """The client id that we issued to it (SNAP: X-CLIENT-KEY of its token requests)."""
    client_secret: Secret | None = None
    """The secret that we issued to it."""
    partner_ids: tuple[Text, ...] = ()
    """What it calls itself or us in its requests (SNAP: X-PARTNER-ID); none said: anything is taken."""
    public_keys: tuple[Pem, ...] = ()
    """Its public keys, or certificates that hold them. Each is believed, so a new one is added before an old one goes."""
    allowed_addresses: tuple[str, ...] = ()
    """The networks that it calls from; none said: any."""
    deadline_seconds: Annotated[int, Meta(ge=1, le=60, description="a whole number of seconds, 1 to 60")] = (
        ANSWER_SECONDS_DEFAULT
    )
    """Within this time it must have our answer."""
    unanswered: Unanswered | None = None
    """What the contract says of the payer's money when we answer too late."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One contract with one bank or acquirer."""

    name: Name
    """By this payments and payouts remember it; the table's own name in the file."""
    provider: Text
    """Which code speaks with the partner."""
    profile: Text | None = None
    """The partner's habits, where one provider knows several partners."""
    serves: Annotated[
        frozenset[Purpose], Meta(description=f"a list in brackets of what it is used for: {', '.join(PURPOSES)}")
    ]
    base_url: str | None = None
    """Where the partner is reached, without a slash at the end; None: it is never called."""
    private_line: bool = False
    """Whether `base_url` may be on a private network in live mode."""
    client_id: Text | None = None
    """What the partner issued to us (SNAP: X-CLIENT-KEY)."""
    client_secret: Secret | None = None
    """What the partner issued to us."""
    partner_id: Text | None = None
    """What we are called in our requests (SNAP: X-PARTNER-ID)."""
    channel_id: Text | None = None
    """By which way we call (SNAP: CHANNEL-ID)."""
    private_key: Secret | None = None
    """Ours, by which our requests are signed. The partner has the public key that belongs to it."""
    client_certificate: ClientCertificate | None = None
    deadline_seconds: Annotated[int, Meta(ge=1, le=60, description="a whole number of seconds, 1 to 60")] = 15
    """Within this time the partner must have answered, or it counts as silent."""
    company_codes: tuple[CompanyCode, ...] = ()
    """The first digits of its virtual accounts that are ours."""
    accounts: tuple[Account, ...] = ()
    bank_fees: tuple[Rupiah, ...] = ()
    """What the bank takes for single movements, each as a debit of its own on the statement."""
    sum_words: tuple[Text, ...] = ()
    """Words in the remark of the sums in which this partner's money arrives."""
    inbound: Inbound | None = None
    """None: the partner never calls us."""
    settings: Any = None
    """What only the provider knows, in a type of its own."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Which connections serve what fits every member that is given; None fits everything."""

    connections: Annotated[tuple[Name, ...], Meta(description='a list of connections by name, such as ["bca-va"]')]
    """The preferred one first."""
    merchant: Annotated[UUID, Meta(description="the id of a merchant in quotes")] | None = None
    channel: ChannelName | None = None
    option: Option | None = None
    """The bank, outlet or wallet of a channel; of a payout, the bank that it goes to."""
    purpose: Purpose | None = None

    def fits(self, merchant_id: UUID, channel: str | None, option: str | None, purpose: Purpose) -> bool:
        """Whether it speaks of such a thing."""
        asked = (merchant_id, channel, option, purpose)
        return all(
            mine is None or mine == theirs
            for mine, theirs in zip((self.merchant, self.channel, self.option, self.purpose), asked, strict=True)
        )

    @property
    def exactness(self) -> tuple[bool, ...]:
        """Compares as it goes before others: a merchant's own route first, then an option's, a channel's, a purpose's."""
        return tuple(each is not None for each in (self.merchant, self.option, self.channel, self.purpose))


def route(
    routes: Sequence[Route], merchant_id: UUID, channel: str | None, option: str | None, purpose: Purpose
) -> list[str]:
    """The names of the connections that serve this, the first to be tried first: the most exact route's, then as written.

    A payout has no channel; its option is the code of the bank that it goes to.
    """
    fitting = [each for each in routes if each.fits(merchant_id, channel, option, purpose)]
    fitting.sort(key=lambda each: each.exactness, reverse=True)  # stable, so equal ones stay as they are written
    return list(dict.fromkeys(name for each in fitting for name in each.connections))


class Connections(msgspec.Struct, frozen=True):
    """All contracts of a gateway, by name and in the order in which they are written, and who is routed to which."""

    by_name: dict[str, Connection] = {}
    routes: tuple[Route, ...] = ()

    def serving(self, merchant_id: UUID, channel: str | None, option: str | None, purpose: Purpose) -> list[Connection]:
        """The connections that are routed to and serve the purpose, the first to be tried first."""
        names = route(self.routes, merchant_id, channel, option, purpose)
        return [found for name in names if purpose in (found := self.by_name[name]).serves]

    def serves_channel(self, channel: str) -> bool:
        """Whether anybody's payments by this channel are routed to a connection."""
        return any(
            "payments" in self.by_name[name].serves
            for each in self.routes
            if each.channel in (None, channel) and each.purpose in (None, "payments")
            for name in each.connections
        )


SIMULATOR = "simulator"
"""The provider that moves no money."""


def of_the_sandbox() -> Connections:
    """What a sandbox has without a file: its simulator, which serves everybody in everything."""
    simulator = Connection(name=SIMULATOR, provider=SIMULATOR, serves=frozenset(PURPOSES))
    return Connections({SIMULATOR: simulator}, (Route(connections=(SIMULATOR,)),))
