"""What the query of a list may ask for.

Parameters of the one-time-payment reference, 1.7, in both spellings: `filter[status]` and plain `status`.
"""

import re
from datetime import datetime

import msgspec
from starlette.requests import Request

from gerbang.api._bodies import Malformed
from gerbang.api.v4_documents.requests import REFERENCE_LENGTH_MAX, instant_of
from gerbang.api.v4_documents.shapes import ARRIVAL_DIGITS
from gerbang.services.lists import Wanted

PAGE_SIZE_DEFAULT = 10
PAGE_SIZE_MAX = 1_000
PAGE_MAX = 1_000_000
SORTS = {"createdAt": False, "-createdAt": True}


class Query(msgspec.Struct, frozen=True):
    """What a list is asked for."""

    number: int
    size: int
    newest_first: bool
    status: str | None
    reference: str | None
    created_after: datetime | None
    created_before: datetime | None


def query_of(request: Request, statuses: tuple[str, ...]) -> Query:
    """The query of a list; empty values are the same as absent. Raises Malformed."""
    status = _said(request, "status")
    if status is not None and status not in statuses:
        raise Malformed("filter[status]", f"must be one of {', '.join(statuses)}")
    sort = _plain(request, "sort") or "-createdAt"
    if sort not in SORTS:
        raise Malformed("sort", f"must be one of {', '.join(SORTS)}")
    reference = _exactly(request, "filter[referenceId]") or _exactly(request, "referenceId")
    if reference is not None and (len(reference) > REFERENCE_LENGTH_MAX or "\x00" in reference):
        raise Malformed("filter[referenceId]", f"must have at most {REFERENCE_LENGTH_MAX} characters")
    return Query(
        number=_number(request, "page[number]", 1, PAGE_MAX),
        size=_number(request, "page[size]", PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX),
        newest_first=SORTS[sort],
        status=status,
        reference=reference,
        created_after=_instant(request, "createdAfter"),
        created_before=_instant(request, "createdBefore"),
    )


def _plain(request: Request, name: str) -> str | None:
    return request.query_params.get(name, "").strip() or None


def _exactly(request: Request, name: str) -> str | None:
    """A value whose spaces belong to it."""
    value = request.query_params.get(name, "")
    return value if value.strip() else None


def _said(request: Request, name: str) -> str | None:
    return _plain(request, f"filter[{name}]") or _plain(request, name)


def _instant(request: Request, name: str) -> datetime | None:
    # A plus that was not escaped has become a space on its way.
    text = _said(request, name)
    return None if text is None else instant_of(_with_plus(text), f"filter[{name}]")


def _with_plus(text: str) -> str:
    head, space, offset = text.rpartition(" ")
    return f"{head}+{offset}" if space and "T" in head else text


def _number(request: Request, name: str, default: int, most: int) -> int:
    given = _plain(request, name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= 7 and 1 <= int(given) <= most):
        raise Malformed(name, f"must be a whole number from 1 to {most}")
    return int(given)


def wanted(query: Query) -> Wanted:
    """The query in the house's words."""
    arrived = re.fullmatch(f"external_id_([0-9a-f]{{{ARRIVAL_DIGITS}}})", query.reference or "")
    return Wanted(
        status=query.status,
        reference=query.reference,
        tail=arrived[1] if arrived else None,
        created_after=query.created_after,
        created_before=query.created_before,
        newest_first=query.newest_first,
        most=query.size,
    )
