"""Reads ids (UUIDs), for all dialects: in lower or upper case, with or without hyphens."""

import re
from uuid import UUID

from gerbang.ids import uuid_of

_UUID = re.compile(r"[0-9a-fA-F]{8}(?P<hyphen>-?)(?:[0-9a-fA-F]{4}(?P=hyphen)){3}[0-9a-fA-F]{12}")


def id_of(text: object, prefix: str = "") -> UUID | None:
    """The UUID after a prefix such as contract_; None if the text is not one."""
    written = str(text)
    if prefix:
        if written[: len(prefix)].lower() != prefix:
            return None
        written = written[len(prefix) :]
    return uuid_of(written) if _UUID.fullmatch(written) else None
