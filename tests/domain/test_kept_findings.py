"""What becomes of findings when a day is compared again."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec.structs import replace

from gerbang.domain.findings import Finding
from gerbang.domain.kept_findings import KeptFinding, compared_again, noted, settled
from gerbang.domain.statements import StatementLine

DAY = date(2026, 11, 28)
NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def finding(key: str, theirs: int = 1) -> Finding:
    return Finding("unexplained_credit", "account", "operator", "bca", DAY, line_key=key, theirs=theirs)


def again(known: list[KeptFinding], *found: Finding) -> list[KeptFinding]:
    """All of the day after it was compared again, the changed ones in place of what they were."""
    changed = {each.finding.key: each for each in compared_again({k.finding.key: k for k in known}, found, LATER)}
    kept = [changed.pop(each.finding.key, each) for each in known]
    return [*kept, *changed.values()]


def test_what_is_found_for_the_first_time_is_open() -> None:
    assert again([], finding("a")) == [KeptFinding(finding("a"), LATER, LATER)]


def test_what_is_found_again_is_not_written_again_unless_its_sides_have_changed() -> None:
    known = KeptFinding(finding("a"), NOW, NOW, 7, note="x", state="noted")
    assert list(compared_again({known.finding.key: known}, [finding("a")], LATER)) == []
    (changed,) = again([known], finding("a", 2))
    assert changed == replace(known, finding=finding("a", 2), updated_at=LATER)


def test_what_is_gone_is_closed_and_comes_back_as_it_was() -> None:
    plain, with_note = (
        KeptFinding(finding("a"), NOW, NOW, 1),
        noted(KeptFinding(finding("b"), NOW, NOW, 2), "asked", NOW),
    )
    gone = again([plain, with_note])
    assert [(each.state, each.closed_as, each.note, each.closed_at) for each in gone] == [
        ("closed", "gone", "", LATER),
        ("closed", "gone", "asked", LATER),
    ]
    assert again(gone) == gone
    assert [
        (each.state, each.closed_as, each.note, each.closed_at) for each in again(gone, finding("a"), finding("b"))
    ] == [
        ("open", None, "", None),
        ("noted", None, "asked", None),
    ]


def test_what_a_person_has_settled_stays_so_whether_it_is_found_or_not() -> None:
    done = settled(KeptFinding(finding("a"), NOW, NOW, 1), "paid back", NOW)
    assert (done.state, done.closed_as, done.note) == ("closed", "settled", "paid back")
    assert again([done]) == again([done], finding("a")) == [done]
    assert settled(done, "", LATER).note == "paid back"
    assert noted(done, "by transfer", LATER).state == "closed"


def test_what_was_gone_can_be_settled_for_good() -> None:
    (gone,) = again([KeptFinding(finding("a"), NOW, NOW, 1)])
    done = settled(gone, "a mistake of the bank", LATER)
    assert done.closed_as == "settled"
    assert again([done], finding("a")) == [done]


def test_a_finding_is_the_same_after_it_was_stored() -> None:
    line = StatementLine("1", DAY, 100, "credit", "A", balance_after=100)
    stored = Finding("unexplained_credit", "account", "operator", "bca", DAY, line_key="k", line=line, theirs=100)
    assert msgspec.json.decode(msgspec.json.encode(stored), type=Finding) == stored
