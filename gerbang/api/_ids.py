"""Reads ids (UUIDs), for all dialects: in lower or upper case, with or without hyphens."""

import re
from uuid import UUID

_DIGITS = r"[0-9a-f]{8}(?P<hyphen>-?)([0-9a-f]{4}(?P=hyphen)){3}[0-9a-f]{12}"


def id_of(text: object, prefix: str = "") -> UUID | None:
    """The UUID after a prefix such as contract_; None if the text is not one."""
    found = re.fullmatch(f"{prefix}({_DIGITS})", str(text), re.ASCII | re.IGNORECASE)
    return UUID(hex=found[1]) if found else None
