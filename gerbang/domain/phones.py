"""Phone numbers of Indonesian mobiles, by which wallets know their users."""

import re

_MOBILE = re.compile(r"(?:\+?62|0)(8[1-9][0-9]{6,10})")
_SEPARATORS = str.maketrans("", "", " -.()")


def mobile(written: str) -> str | None:
    """The number in international form, such as +6281234567890, however it was written; None for what is none."""
    found = _MOBILE.fullmatch(written.translate(_SEPARATORS))
    return None if found is None else f"+62{found[1]}"
