"""Comparing our ledger with a partner's list and with the statement of the account: what agrees, and what a person must
see.

First what a reference inside the remark says, then the number that was paid to and the amount, then the amount and the
day where they are unique on both sides. Every step looks codes and amounts up, so the time grows with the number of
lines.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from msgspec.structs import replace

from gerbang.domain.findings import Expected, Finding, Match, Reconciled, Rules
from gerbang.domain.on_account import Account
from gerbang.domain.on_lists import Listed
from gerbang.domain.partner_lists import PartnerLine
from gerbang.domain.statements import StatementLine


def compare(
    expected: Iterable[Expected],
    lines: Mapping[str, StatementLine],
    listed: Iterable[PartnerLine] | None = None,
    *,
    connection: str,
    first: date,
    last: date,
    rules: Rules | None = None,
) -> Reconciled:
    """The findings of the days from `first` to `last`, and what was matched.

    `lines` are by key, as `statements.keyed` gives them; pending ones are left out. `listed` is None where the
    partner has no list; what arrives in sums is missing there then. All three should reach a few days further on both
    sides, so that what crosses midnight finds its other side; findings on those further days are left out.
    """
    rules = rules or Rules()
    all_expected = list(expected)
    on_list = Listed(connection, all_expected, listed)
    on_list.compare()
    on_account = Account(connection, rules, [each for each in all_expected if not each.in_sum], lines)
    on_account.by_reference()
    on_account.by_number()
    on_account.other_amounts_and_doubles()
    if rules.list_in_sums:
        on_account.sums(on_list.rows)
    on_account.by_amount_and_day()
    on_account.explain(on_list.unknown())
    findings = [*on_list.findings, *on_account.rest()]
    within = [finding for finding in findings if first <= finding.day <= last]
    matches: list[Match] = [*on_list.matches, *on_account.matches]
    return Reconciled(tuple(_counted(sorted(within, key=_order))), tuple(matches))


def _counted(findings: list[Finding]) -> Iterator[Finding]:
    """Findings whose keys would be equal, each with its number."""
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.key] += 1
        yield finding if seen[finding.key] == 1 else replace(finding, occurrence=seen[finding.key])


def _order(finding: Finding) -> tuple[date, str, str, str]:
    return finding.day, finding.kind, finding.about, finding.line_key
