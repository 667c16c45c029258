"""Rows for statements that take many at once: one array for each column."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


def arrays(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Columns of rows. There must be at least one row."""
    return list(zip(*rows, strict=True))


def text(value: object) -> str:
    """A value as JSON text, for a json column."""
    return msgspec.json.encode(value).decode()


def text_or_none(value: object | None) -> str | None:
    return None if value is None else text(value)
