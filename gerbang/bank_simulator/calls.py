"""The bank calls its partner: it gets a token, signs, sends, and keeps what was said. Faults of the call itself happen here."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gerbang.bank_simulator import signing
from gerbang.bank_simulator.chance import Chance
from gerbang.bank_simulator.profiles import Profile
from gerbang.bank_simulator.transcript import Exchange, Transcript
from gerbang.bank_simulator.wiring import Wiring, next_key
from gerbang.clock import Clock
from gerbang.network import Network, NetworkFailed

TOKEN_SPARE_SECONDS = 60
CLOCK_OFF = timedelta(hours=6)
OF_A_CALL = (
    "bad_signature",
    "hex_signature",
    "clock_behind",
    "clock_ahead",
    "body_reencoded",
    "path_prefix_changed",
    "rotated_keys",
    "lost_answer",
    "duplicate_same_id",
    "duplicate_new_id",
)


@dataclass
class Caller:
    """One bank's calls to its partner."""

    wiring: Wiring
    profile: Profile
    network: Network
    clock: Clock
    chance: Chance
    transcript: Transcript
    _token: str = ""
    _token_until: datetime | None = None

    def __post_init__(self) -> None:
        self._key = signing.read_private(self.wiring.bank_key)

    def external_id(self, kind: str, at: datetime) -> str:
        """A new X-EXTERNAL-ID as this bank makes them."""
        if self.profile.bodies == "bsi":
            return f"{kind}-{signing.stamp_of(at, 'local')[:19]}-{self.chance.digits('external id', 4)}"
        return self.chance.digits("external id", self.profile.external_digits)

    async def call(
        self,
        service: str,
        body: dict[str, Any],
        partner_id: str,
        external_id: str,
        deadline_seconds: float | None = None,
    ) -> list[Exchange]:
        """Calls a service of the partner. The last exchange is the one whose answer counts; a token's are before it."""
        faults = self.chance.happens(*OF_A_CALL)
        raw = msgspec.json.encode(body)
        seconds = deadline_seconds or self.profile.deadline_seconds
        made: list[Exchange] = []
        for attempt in range(2):
            if self.profile.signed_by == "secret" and not await self._has_token(made, faults, seconds):
                return made
            made.append(await self._send(service, raw, partner_id, external_id, seconds, faults))
            refused = made[-1].status == 401 and made[-1].code[-2:] in {"01", "03", ""}
            if not refused or self.profile.signed_by != "secret" or faults or attempt:
                break
            self._token = ""  # the partner may have been started anew: a refused token is replaced once
        if faults & {"duplicate_same_id", "duplicate_new_id"}:
            again = external_id if "duplicate_same_id" in faults else self.external_id("DUP", self.clock.now())
            copy = await self._send(service, raw, partner_id, again, seconds, faults)
            made.insert(-1, copy)  # the first answer counts
        return made

    async def _has_token(self, made: list[Exchange], faults: frozenset[str], seconds: float) -> bool:
        """Gets a token where there is none; whether there is one now."""
        now = self.clock.now()
        if self._token and self._token_until and now < self._token_until and "rotated_keys" not in faults:
            return True
        profile, client_id = self.profile, self.wiring.ids.inbound_client_id
        at = signing.stamp_of(now, profile.stamp_of_73)
        signature = signing.by_key(
            self._signing_key(faults), signing.token_text(client_id, at), letters=profile.letters_of_73
        )
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": at,
            "X-CLIENT-KEY": client_id,
            "X-SIGNATURE": signature,
        }
        headers = {_spelled(name, profile): value for name, value in headers.items()}
        body = b'{"grantType":"client_credentials"}' if profile.body_of_73 else b""
        path = self.wiring.path_prefix + profile.partner["73"]
        exchange = self.transcript.begin(now, "bank", "73", "POST", path, headers, body, faults & {"rotated_keys"})
        made.append(exchange)
        await self._exchanged(exchange, profile.partner["73"], body, headers, seconds)
        token = exchange.document.get("accessToken")
        if exchange.status != 200 or not isinstance(token, str) or not token:
            return False
        lifetime = str(exchange.document.get("expiresIn", "900"))
        lived = int(lifetime) if lifetime.isdecimal() else 900
        self._token, self._token_until = token, now + timedelta(seconds=max(lived - TOKEN_SPARE_SECONDS, 1))
        return True

    async def _send(
        self, service: str, raw: bytes, partner_id: str, external_id: str, seconds: float, faults: frozenset[str]
    ) -> Exchange:
        profile, now = self.profile, self.clock.now()
        called = profile.partner[service]
        path = self.wiring.path_prefix + called
        said = now + {"clock_behind": -CLOCK_OFF, "clock_ahead": CLOCK_OFF}.get(
            next(iter(sorted(faults & {"clock_behind", "clock_ahead"})), ""), timedelta(0)
        )
        at = signing.stamp_of(said, profile.stamp)
        signed_path = f"/gateway{path}" if "path_prefix_changed" in faults else path
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {self._token}"} if profile.signed_by == "secret" else {}),
            "X-TIMESTAMP": at,
            "X-SIGNATURE": self._signature(signed_path, raw, at, faults),
            "X-PARTNER-ID": partner_id,
            **(
                {}
                if service in profile.without_ids
                else {"X-EXTERNAL-ID": external_id, "CHANNEL-ID": profile.channel_id}
            ),
            **({"X-CLIENT-KEY": self.wiring.ids.inbound_client_id} if profile.sends_client_key else {}),
            **profile.more_headers,
        }
        headers = {_spelled(name, profile): value for name, value in headers.items()}
        sent = _reencoded(raw) if "body_reencoded" in faults else raw
        exchange = self.transcript.begin(now, "bank", service, "POST", path, headers, sent, faults)
        await self._exchanged(exchange, called, sent, headers, seconds)
        if "lost_answer" in faults:
            exchange.status, exchange.failure = None, "the answer was lost on its way"
        return exchange

    def _signature(self, path: str, raw: bytes, at: str, faults: frozenset[str]) -> str:
        profile = self.profile
        body = raw if "bad_signature" not in faults else b'{"something":"else"}'
        letters = profile.letters
        if "hex_signature" in faults:
            letters = "base64" if letters == "hex" else "hex"
        if profile.signed_by == "key":
            text = signing.call_text("POST", path, body, at, None)
            return signing.by_key(self._signing_key(faults), text, letters)
        text = signing.call_text("POST", path, body, at, self._token)
        return signing.by_secret(self.wiring.ids.inbound_client_secret, text, letters)

    def _signing_key(self, faults: frozenset[str]) -> RSAPrivateKey:
        """The bank's key, or its next one, which its partner does not have."""
        if "rotated_keys" not in faults:
            return self._key
        return signing.read_private(next_key(self.wiring))

    async def _exchanged(
        self, exchange: Exchange, called: str, body: bytes, headers: dict[str, str], seconds: float
    ) -> None:
        """Sends a request and puts the answer, or why there is none, into the exchange."""
        try:
            answer = await self.network.post(self.wiring.partner_url + called, body, headers, timeout_seconds=seconds)
        except NetworkFailed as failed:
            exchange.failure = failed.reason
            return
        exchange.answer = answer.body.decode("utf-8", "replace")
        if answer.whole:
            exchange.status = answer.status
        else:
            exchange.failure = "the answer ended in the middle"


def _reencoded(raw: bytes) -> bytes:
    """The same JSON as a middleware writes it: with blanks and escapes."""
    return json.dumps(json.loads(raw)).replace("/", "\\/").encode()


def _spelled(name: str, profile: Profile) -> str:
    """A header's name in this bank's letters."""
    match profile.header_names:
        case "written":
            return name
        case "lower":
            return name.lower()
        case "title":
            return name.title()
