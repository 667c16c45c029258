"""Our ledger against a partner's own list, by the reference that both know."""

from collections.abc import Iterable

from gerbang.domain.findings import Expected, ExpectedKind, Finding, FindingKind, Match
from gerbang.domain.partner_lists import ListedType, PartnerLine
from gerbang.domain.remarks import normal

KINDS: dict[ListedType, ExpectedKind] = {
    "payment": "payment",
    "payout": "payout",
    "refund": "refund",
    "cancel": "refund",
}
TAKEN_BACK: dict[ListedType, ExpectedKind] = {"cancel": "payment", "returned": "payout", "deduction": "payment"}
"""Rows that belong to something which has a row of its own."""


class Listed:
    """A list, and what was found in it."""

    def __init__(self, connection: str, expected: list[Expected], rows: Iterable[PartnerLine] | None) -> None:
        self._connection = connection
        self.rows = list(rows or ())
        self.findings: list[Finding] = []
        self.matches: list[Match] = []
        # What arrives in a sum is seen nowhere but in the list, so without one it stays open.
        self._expected = [
            each for each in expected if each.in_sum or ((each.listed or each.unsure) and rows is not None)
        ]
        self._by_reference: dict[tuple[ExpectedKind, str], Expected] = {}
        for each in self._expected:
            for reference in each.references:
                self._by_reference.setdefault((each.kind, normal(reference)), each)
        self._found: set[str] = set()
        self._unknown: list[PartnerLine] = []

    def compare(self) -> None:
        """Finds for each row what we expected, and for what we expected its row."""
        for row in self.rows:
            self._compare(row)
        for each in self._expected:
            if each.key not in self._found and not each.unsure:
                self._find("missing_there", each, None, each.amount, None)

    def unknown(self) -> list[PartnerLine]:
        """Rows of which our ledger knows nothing. Each is a finding already, unless the account shows its money."""
        return self._unknown

    def _compare(self, row: PartnerLine) -> None:
        if row.type == "correction":
            self._find("correction", self._known("payment", row), row, None, row.gross)
            return
        kind = KINDS.get(row.type)
        known = self._known(kind, row) if kind else None
        if known is None and row.type in TAKEN_BACK:
            self._taken_back(row)
        elif known is None:
            self._unknown.append(row)
        elif known.key in self._found:
            self._find("double", known, row, known.amount, row.gross)
        else:
            self._found.add(known.key)
            self.matches.append(Match("list", known.key, partner_name=row.name, batch=row.batch))
            if known.unsure:
                self._find("missing_here", known, row, known.amount, row.gross)
            elif row.gross != known.amount:
                self._find("amount_differs", known, row, known.amount, row.gross)
            elif known.fee is not None and row.fee != known.fee:
                self._find("fee_differs", known, row, known.fee, row.fee)

    def _taken_back(self, row: PartnerLine) -> None:
        known = self._known(TAKEN_BACK[row.type], row)
        if known is None:
            self._unknown.append(row)
        elif row.type == "deduction":
            self.matches.append(Match("list", known.key, partner_name=row.name, batch=row.batch))
        else:
            self._find("returned", known, row, known.amount, row.gross)

    def _known(self, kind: ExpectedKind, row: PartnerLine) -> Expected | None:
        for reference in (row.reference, row.original):
            if reference and (known := self._by_reference.get((kind, normal(reference)))):
                return known
        return None

    def _find(
        self, kind: FindingKind, known: Expected | None, row: PartnerLine | None, ours: int | None, theirs: int | None
    ) -> None:
        of_row = kind in ("double", "returned", "correction")
        day = row.listed_on if row is not None and (known is None or of_row) else known.day if known else None
        assert day is not None, "one side is there"
        owner = "merchant" if kind == "returned" and known is not None and known.kind == "payout" else "operator"
        self.findings.append(
            Finding(kind, "list", owner, self._connection, day, known, partner_line=row, ours=ours, theirs=theirs)
        )
