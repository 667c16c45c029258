"""The pages of docs/ that are generated from the code are up to date."""

import re

import pytest

from docs import print as printing
from gerbang import channels, errors
from gerbang.domain import payments


@pytest.mark.parametrize("path", printing.PAGES)
def test_a_printed_page_is_up_to_date(path: str) -> None:
    stored = (printing.ROOT / path).read_text(encoding="utf-8")
    assert stored == printing.PAGES[path](), f"{path} is not up to date with the code: run `make docs`"


def test_every_refusal_is_on_the_page_with_its_message() -> None:
    page = printing.errors_page()
    names = [
        name for name, each in vars(errors).items() if isinstance(each, type) and each.__module__ == "gerbang.errors"
    ]
    assert len(names) > 20
    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []
    assert "The {thing} is {state}, so it cannot be {verb}." in page


def test_every_move_is_in_the_diagram_and_in_the_table() -> None:
    page = printing.states_page()
    moves = [(before, verb, after) for verb, steps in payments.MOVES.items() for before, after in steps.items()]
    for before, verb, after in moves:
        assert re.search(rf"^    {before} --> {after}: .*\b{verb}\b", page, re.MULTILINE), (before, verb, after)
        assert f"*{verb}* leads to" in page


def test_a_state_that_no_move_leads_to_is_named_and_not_in_the_diagram() -> None:
    moves = {"pay": {"open": "paid", "proving": "paid"}}
    parts = printing.machine("Tickets", moves, ("open",), ("open", "proving", "paid"))
    text = "\n".join("\n".join(part) for part in parts)
    assert "open --> paid: pay" in text
    assert "proving -->" not in text
    assert "No move leads yet to `proving`" in text
    assert "Ends: `paid`." in text


def test_every_channel_is_on_the_page() -> None:
    page = printing.channels_page()
    assert [name for name in channels.found() if f"| `{name}` |" not in page] == []


def test_a_page_that_was_edited_by_hand_or_deleted_is_found(tmp_path: printing.Path) -> None:
    (tmp_path / "docs").mkdir()
    for path, printed in printing.PAGES.items():
        (tmp_path / path).write_text(printed() + ("by hand" if path == "docs/states.md" else ""), encoding="utf-8")
    assert printing.out_of_date(tmp_path) == ["docs/states.md"]
    (tmp_path / "docs/errors.md").unlink()
    assert printing.out_of_date(tmp_path) == ["docs/states.md", "docs/errors.md"]


def test_the_last_measurement_is_put_between_its_marks_in_the_readme() -> None:
    first_mark, last_mark = printing.NUMBERS
    text = f"before\n{first_mark}\nold\n{last_mark}\nafter"
    measured = "# Numbers\n\nDo not edit.\n\nTwo cores.\nFive rounds.\n\n| a |\n|---|\n| 1 |\n\nMore.\n\n| b |\n|---|\n"
    filled = printing.with_numbers(text, measured)
    assert filled == f"before\n{first_mark}\n\nTwo cores.\nFive rounds.\n\n| a |\n|---|\n| 1 |\n\n{last_mark}\nafter"
    assert printing.with_numbers(filled, "# Numbers\n\n| c |") == f"before\n{first_mark}\n\n| c |\n\n{last_mark}\nafter"
    for without_place in ("no marks", f"{first_mark} alone"):
        with pytest.raises(ValueError, match="no place"):
            printing.with_numbers(without_place, measured)
