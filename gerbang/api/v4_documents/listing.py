"""Reads the query parameters of lists.

These are the parameters of the one-time-payment reference, 1.7, in both spellings: `filter[status]` and plain `status`.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from starlette.requests import Request

from gerbang.api._addresses import spellings
from gerbang.api._bodies import Malformed
from gerbang.api._instants import instant_of
from gerbang.api.v4_documents.requests import REFERENCE_LENGTH_MAX
from gerbang.api.v4_documents.shapes import ARRIVAL_DIGITS
from gerbang.services.payments.search import Wanted

Found = TypeVar("Found")
PAGE_SIZE_DEFAULT = 10
PAGE_SIZE_MAX = 1_000
PAGE_MAX = 1_000_000
SORTS = {"createdAt": False, "-createdAt": True}


class Query(msgspec.Struct, frozen=True):
    """The page, order and filters of a list."""

    number: int
    size: int
    newest_first: bool
    status: str | None
    reference: str | None
    reference_with_plus: str | None
    """The reference with an unescaped "+" read literally. It is searched for if `reference` finds nothing."""
    created_after: datetime | None
    created_before: datetime | None


def query_of(request: Request, statuses: tuple[str, ...]) -> Query:
    """The query of a list; empty values count as absent. Raises Malformed."""
    status = _filter_value(request, "status")
    if status is not None and status not in statuses:
        raise Malformed("filter[status]", f"must be one of {', '.join(statuses)}")
    sort = _plain(request, "sort") or "-createdAt"
    if sort not in SORTS:
        raise Malformed("sort", f"must be one of {', '.join(SORTS)}")
    references = _spellings(request, "filter[referenceId]") or _spellings(request, "referenceId")
    reference = references[0] if references else None
    if reference is not None and (len(reference) > REFERENCE_LENGTH_MAX or "\x00" in reference):
        raise Malformed("filter[referenceId]", f"must have at most {REFERENCE_LENGTH_MAX} characters")
    return Query(
        number=_number(request, "page[number]", 1, PAGE_MAX),
        size=_number(request, "page[size]", PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX),
        newest_first=SORTS[sort],
        status=status,
        reference=reference,
        reference_with_plus=references[1] if len(references) > 1 else None,
        created_after=_instant(request, "createdAfter"),
        created_before=_instant(request, "createdBefore"),
    )


def _plain(request: Request, name: str) -> str | None:
    return request.query_params.get(name, "").strip() or None


def _spellings(request: Request, name: str) -> list[str]:
    """The possible values of a parameter, with their spaces kept; blank ones are left out."""
    return [value for value in spellings(request, name) if value.strip()]


async def looked_up(query: Query, look: Callable[[Query], Awaitable[list[Found]]]) -> list[Found]:
    """The results of a query: with "+" in the reference read as a space, as in forms, or else read literally."""
    found = await look(query)
    if found or query.reference_with_plus is None:
        return found
    return await look(msgspec.structs.replace(query, reference=query.reference_with_plus))


def _filter_value(request: Request, name: str) -> str | None:
    return _plain(request, f"filter[{name}]") or _plain(request, name)


def _instant(request: Request, name: str) -> datetime | None:
    for key in (f"filter[{name}]", name):
        # A "+" is the sign of an offset here, escaped or not.
        text = (spellings(request, key) or [""])[-1].strip()
        if text:
            return instant_of(text, f"filter[{name}]")
    return None


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = _plain(request, name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 7 and 1 <= int(given) <= most):
        raise Malformed(name, f"must be a whole number from 1 to {most}")
    return int(given)


def wanted(query: Query) -> Wanted:
    """The query as the search of services.lists."""
    arrived = re.fullmatch(f"external_id_([0-9a-f]{{{ARRIVAL_DIGITS}}})", query.reference or "")
    return Wanted(
        status="settled" if query.status == "completed" else query.status,
        reference=query.reference,
        tail=arrived[1] if arrived else None,
        created_after=query.created_after,
        created_before=query.created_before,
        newest_first=query.newest_first,
        most=query.size,
    )
