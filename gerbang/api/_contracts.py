"""Completing a contract by what the code sells and the document does not name: it is then still the contract of all that
is answered. A document that names everything stays as it was written.
"""

from collections.abc import Iterable


def listed(text: str, before: str, names: Iterable[str]) -> str:
    """The document with these names in the enumeration that stands behind a text. Raises ValueError where there is none."""
    head, found, rest = text.partition(f"{before}enum: [")
    if not found:
        raise ValueError(f"the contract has no enumeration behind {before!r}")
    there, end, rest = rest.partition("]")
    known = there.split(", ")
    return head + found + ", ".join([*known, *(name for name in names if name not in known)]) + end + rest


def inserted(text: str, after: str, more: str) -> str:
    """The document with more behind every place of a text. Raises ValueError where there is none."""
    if after not in text:
        raise ValueError(f"the contract does not hold {after!r}")
    return text.replace(after, after + more)
