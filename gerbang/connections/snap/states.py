"""How partners say that something was paid, or was not: one list of words for all services by which they speak of money.

The standard has digits for codes (51, 52, 55, 56) and words for virtual accounts (34, 35), which banks write as they like. What
is in neither list moves no money, and is an error in the log each time: the money may be there, and nobody repeats it.
(`shared/reference`: sections A5 and A6.)
"""

import re
from collections.abc import Mapping
from typing import Any

import structlog

from gerbang.connections.snap import fields
from gerbang.domain.connections import Connection

PAID = frozenset(
    {"00", "success", "successful", "succeeded", "paid", "settled", "completed"}
    | {"sukses", "berhasil", "lunas", "dibayar", "sudah dibayar", "terbayar"}
)
UNPAID = frozenset(
    {"01", "02", "03", "04", "05", "06", "07"}
    | {"in progress", "inprogress", "in process", "progress", "processing", "pending", "waiting", "initiated", "paying"}
    | {"unpaid", "not paid", "failed", "failure", "fail", "rejected", "reject", "declined", "cancelled", "canceled"}
    | {"expired", "timeout", "not found"}
    | {"proses", "diproses", "dalam proses", "sedang diproses", "menunggu", "tertunda", "belum dibayar", "belum bayar"}
    | {"gagal", "ditolak", "batal", "dibatalkan", "kedaluwarsa", "kadaluarsa", "kadaluwarsa"}
)
"""Money that is said to have gone back is not in it: somebody must look what became of it."""
_BETWEEN = re.compile(r"[\s_\-.]+")
log = structlog.get_logger()


def says_paid(word: str) -> bool:
    """Whether a status is known to say that it was paid."""
    return _plain(word) in PAID


def is_paid(connection: Connection, word: str, said: Mapping[str, Any]) -> bool:
    """As `says_paid`; a status that is not known is logged, with the names in what the partner said."""
    plain = _plain(word)
    if plain not in PAID and plain not in UNPAID:
        unknown(connection, word, said)
    return plain in PAID


def unknown(connection: Connection, word: str, said: Mapping[str, Any]) -> None:
    """Logs that a partner speaks of money, and nobody knows whether it is there."""
    event = "a partner reports a payment in a state that is not known: ask it whether it was paid"
    log.error(event, connection=connection.name, state=word, said=fields.names(said))


def _plain(word: str) -> str:
    return _BETWEEN.sub(" ", word.casefold()).strip()
