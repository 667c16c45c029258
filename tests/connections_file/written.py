"""A connections file in a folder of its own with its keys, and a toy provider that reads it."""

from pathlib import Path

import msgspec

from gerbang.connections import Said, missing, providers
from gerbang.connections_file import Contents, look
from gerbang.domain.connections import Connection, Secret
from gerbang.settings import Mode, Settings

from .pems import certificate, private, public, rsa_key

SMALLEST = """
[connections.toy-bank]
provider = "toy"
serves = ["payments"]
"""
WHOLE = """
[connections.toy-bank]
provider = "toy"
profile = "first"
serves = ["payments", "refunds"]
base_url = "https://api.bank.example/open"
client_id = "client 7"
client_secret = { env = "TOY_SECRET" }
partner_id = "12345"
channel_id = "95231"
private_key = { file = "ours.pem" }
client_certificate.certificate = { file = "ours.crt" }
client_certificate.private_key = { file = "ours.pem" }
deadline_seconds = 10
company_codes = ["12345", "00777"]
bank_fees = [2500, 6500]
sum_words = ["TOY SETTLEMENT"]

[[connections.toy-bank.accounts]]
number = "0123456789"
holder = "PT Toko"
purposes = ["refunds"]

[connections.toy-bank.inbound]
path_prefix = "/partners/toy"
client_id = "issued-to-toy"
client_secret = { file = "theirs.txt" }
partner_ids = ["12345"]
public_keys = [{ file = "theirs.pub" }, { file = "theirs-next.crt" }]
allowed_addresses = ["203.0.113.0/24", "2001:db8::7"]
deadline_seconds = 5
unanswered = "returned"

[connections.toy-bank.settings]
token = { file = "theirs.txt" }
tries = 3

[[routes]]
connections = ["toy-bank"]
merchant = "00000000-0000-0000-0000-000000000001"
channel = "virtual_account"
option = "BCA"
purpose = "payments"
"""


class ToySettings(msgspec.Struct, frozen=True):
    """What the toy provider alone knows."""

    token: Secret | None = None
    tries: int = 1
    words: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.tries > 9:
            raise ValueError("has more tries than 9")


class Toy:
    """A provider that knows two profiles, and cannot do without a client id where it has a base URL."""

    name = "toy"
    settings = ToySettings

    def faults(self, connection: Connection) -> list[Said]:
        if connection.profile not in (None, "first", "second"):
            return [("profile", "is not known: use one of first, second")]
        return missing(connection, "client_id") if connection.base_url else []


def folder_with_keys(folder: Path) -> Path:
    """Everything that WHOLE names, readable by its owner alone."""
    ours, theirs, following = rsa_key("ours"), rsa_key("theirs"), rsa_key("theirs, the next")
    for name, text in {
        "ours.pem": private(ours),
        "ours.pub": public(ours),
        "ours.crt": certificate(ours, days=100),
        "theirs.pub": public(theirs),
        "theirs-next.crt": certificate(following, days=100),
        "theirs.txt": "hush-hush\n",
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return folder


def looked_at(folder: Path, text: str, mode: Mode = "sandbox") -> Contents:
    """What is found in a file of this text."""
    file = folder / "connections.toml"
    file.write_text(text)
    file.chmod(0o644)
    return look(Settings(mode=mode, connections=file), {**providers(), "toy": Toy()})


def faults(folder: Path, text: str, mode: Mode = "sandbox") -> list[str]:
    """The sentences of what is wrong in a file of this text."""
    return [str(each) for each in looked_at(folder, text, mode).faults]
