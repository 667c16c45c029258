"""Makes what two sides of a contract exchange: keys, ids and secrets of the bank and of its partner, and the partner's file.

It is made once for each profile and stays. `connections.toml` is written anew at each start, for all banks of the folder.
"""

from pathlib import Path

import msgspec

from gerbang import ids
from gerbang.bank_simulator import signing
from gerbang.bank_simulator.profiles import PROFILES, Profile
from gerbang.folders import FolderWrong, data_folder, write_private

FILE = "connections.toml"
HOLDER = "PT Toko Contoh"
HEAD = """\
# Written by `gerbang bank` at each start: what a gateway needs to speak with the banks that it plays.
# GERBANG_CONNECTIONS names this file. A change in it is lost; keep your own copy elsewhere.
"""


class Ids(msgspec.Struct):
    """What both sides of one contract know, as it is kept in `bank.json`."""

    profile: str
    bank_url: str
    gateway_url: str
    client_id: str
    """Issued by the bank to its partner."""
    client_secret: str
    partner_id: str
    """X-PARTNER-ID in the partner's calls."""
    inbound_client_id: str
    """Issued by the partner to the bank."""
    inbound_client_secret: str
    account: str
    """The partner's account at the bank."""


class Wiring(msgspec.Struct, frozen=True):
    """One bank that is ready to be started, and what its partner needs."""

    profile: str
    bank_url: str
    """Where the bank listens."""
    gateway_url: str
    folder: Path
    """The bank's own: its ledger, its private key."""
    connections_file: Path
    """For GERBANG_CONNECTIONS of the gateway."""
    connection: str
    """The name of the connection in it."""
    path_prefix: str
    """Where the bank's calls to the gateway begin."""
    ids: Ids
    bank_key: str
    """The bank's private key in PEM form."""
    partner_key: str
    """The partner's public key in PEM form."""

    @property
    def partner_url(self) -> str:
        """Where the bank's calls to its partner begin."""
        return self.gateway_url + self.path_prefix


def prepare(folder: Path, profile: str, bank_url: str, gateway_url: str) -> Wiring:
    """Makes the keys and ids of a bank and its partner where there are none, and writes the partner's connections file.

    Several banks can be prepared in one folder; the file then has a connection for each. Raises FolderWrong.
    """
    if profile not in PROFILES:
        raise FolderWrong(f"There is no bank {profile!r} to play. There are {', '.join(PROFILES)}.")
    whole = data_folder(folder)
    try:
        for name in ("secrets", "keys", profile):
            (whole / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as wrong:
        raise FolderWrong(f"{whole} cannot be used: {wrong.strerror}. Choose another folder with --data.") from None
    known = whole / profile / "bank.json"
    found = _read(known) if known.exists() else _made(whole, PROFILES[profile])
    found = msgspec.structs.replace(found, bank_url=bank_url.rstrip("/"), gateway_url=gateway_url.rstrip("/"))
    write_private(known, msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    banks = [_read(each) for name in PROFILES if (each := whole / name / "bank.json").exists()]
    write_private(whole / FILE, _toml(banks))
    write_private(whole / "bank.json", "{}\n")  # by this name the folder is known as a bank's
    return Wiring(
        profile=profile,
        bank_url=found.bank_url,
        gateway_url=found.gateway_url,
        folder=whole / profile,
        connections_file=whole / FILE,
        connection=PROFILES[profile].connection,
        path_prefix=prefix(profile),
        ids=found,
        bank_key=(whole / profile / "private-key.pem").read_text(encoding="utf-8"),
        partner_key=(whole / "keys" / f"{profile}-partner.pub").read_text(encoding="utf-8"),
    )


def prefix(profile: str) -> str:
    """Where a bank's calls begin at the gateway."""
    return f"/partners/{profile}"


def next_key(wiring: Wiring) -> str:
    """The key that the bank changes to, in PEM form; made when it is first needed. Its public key is put beside the other."""
    path = wiring.folder / "private-key-next.pem"
    if not path.exists():
        key = signing.new_key()
        write_private(wiring.folder.parent / "keys" / f"{wiring.profile}-next.pub", signing.public_pem(key))
        write_private(path, signing.private_pem(key))
    return path.read_text(encoding="utf-8")


def _read(path: Path) -> Ids:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ids)
    except (OSError, msgspec.DecodeError) as wrong:
        raise FolderWrong(f"{path} cannot be read: {wrong}. Choose another folder with --data.") from None


def _made(folder: Path, profile: Profile) -> Ids:
    bank, partner = signing.new_key(), signing.new_key()
    made = Ids(
        profile=profile.name,
        bank_url="",
        gateway_url="",
        client_id=ids.hex_id(32),
        client_secret=ids.secret(24),
        partner_id=profile.company_codes[0] if profile.company_codes else f"M{ids.digits(9)}",
        inbound_client_id=ids.hex_id(32),
        inbound_client_secret=ids.secret(16),
        account=f"12{ids.digits(8)}",
    )
    for path, text in (
        (f"{profile.name}/private-key.pem", signing.private_pem(bank)),
        (f"keys/{profile.name}.pub", signing.public_pem(bank)),
        (f"keys/{profile.name}-partner.pub", signing.public_pem(partner)),
        (f"secrets/{profile.name}-private-key.pem", signing.private_pem(partner)),
        (f"secrets/{profile.name}-client-secret", made.client_secret),
        (f"secrets/{profile.name}-inbound-secret", made.inbound_client_secret),
    ):
        write_private(folder / path, text)
    return made


def _toml(banks: list[Ids]) -> str:
    parts = [HEAD]
    parts += [_connection(PROFILES[each.profile], each) for each in banks]
    parts.append(
        "# Everything that is routed to no bank above.\n[connections.simulator]\n"
        'provider = "simulator"\nserves = ["payments", "payouts"]\n'
    )
    for each in banks:
        profile = PROFILES[each.profile]
        for channel, option in profile.routes:
            lines = ["[[routes]]", f'connections = ["{profile.connection}"]', f'channel = "{channel}"']
            parts.append("\n".join([*lines, *([f'option = "{option}"'] if option else []), ""]))
    parts.append('[[routes]]\nconnections = ["simulator"]\n')
    return "\n".join(parts)


def _connection(profile: Profile, found: Ids) -> str:
    table = f"connections.{profile.connection}"
    lines = [
        f"[{table}]",
        'provider = "snap"',
        f'profile = "{profile.name}"',
        f"serves = {_listed(profile.serves)}",
        *([f"company_codes = {_listed(profile.company_codes)}"] if profile.company_codes else []),
        f'base_url = "{found.bank_url}"',
        f'client_id = "{found.client_id}"',
        f'client_secret = {{ file = "secrets/{profile.name}-client-secret" }}',
        f'private_key = {{ file = "secrets/{profile.name}-private-key.pem" }}',
        f'partner_id = "{found.partner_id}"',
        f'channel_id = "{profile.channel_id}"',
        "",
        f"[{table}.inbound]",
        f'path_prefix = "{prefix(profile.name)}"',
        f'client_id = "{found.inbound_client_id}"',
        f'client_secret = {{ file = "secrets/{profile.name}-inbound-secret" }}',
        f"partner_ids = {_listed((*profile.company_codes, *profile.partner_ids) or (found.partner_id,))}",
        f'public_keys = [{{ file = "keys/{profile.name}.pub" }}]',
        *([f'unanswered = "{profile.silence}"'] if profile.silence in {"returned", "kept"} else []),
        "",
        f"[[{table}.accounts]]",
        f'number = "{found.account}"',
        f'holder = "{HOLDER}"',
        "",
    ]
    return "\n".join(lines)


def _listed(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
