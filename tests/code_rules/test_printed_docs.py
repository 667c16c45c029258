"""The pages of docs/ that are printed from the code say what the code says."""

import re

import pytest

from docs import print as printing
from gerbang import channels, errors
from gerbang.domain import payments


@pytest.mark.parametrize("path", printing.PAGES)
def test_a_printed_page_is_up_to_date(path: str) -> None:
    there = (printing.ROOT / path).read_text(encoding="utf-8")
    assert there == printing.PAGES[path](), f"{path} is not what the code says now: run `make docs`"


def test_every_refusal_is_on_the_page_with_its_sentence() -> None:
    page = printing.errors_page()
    names = [
        name for name, each in vars(errors).items() if isinstance(each, type) and each.__module__ == "gerbang.errors"
    ]
    assert len(names) > 20
    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []
    assert "The {thing} is {state}, so it cannot be {verb}." in page


def test_every_move_is_drawn_and_in_the_table() -> None:
    drawn = printing.states_page()
    moves = [(before, verb, after) for verb, steps in payments.MOVES.items() for before, after in steps.items()]
    for before, verb, after in moves:
        assert re.search(rf"^    {before} --> {after}: .*\b{verb}\b", drawn, re.MULTILINE), (before, verb, after)
        assert f"*{verb}* leads to" in drawn


def test_a_state_that_nothing_leads_to_is_said_to_wait_and_is_not_drawn() -> None:
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


def test_a_page_that_was_edited_by_hand_is_found_and_written_again(tmp_path: printing.Path) -> None:
    (tmp_path / "docs").mkdir()
    for path, printed in printing.PAGES.items():
        (tmp_path / path).write_text(printed() + ("by hand" if path == "docs/states.md" else ""), encoding="utf-8")
    assert printing.out_of_date(tmp_path) == ["docs/states.md"]
    (tmp_path / "docs/errors.md").unlink()
    assert printing.out_of_date(tmp_path) == ["docs/states.md", "docs/errors.md"]


def test_the_last_measurement_stands_in_its_place_in_the_readme() -> None:
    opening, closing = printing.NUMBERS
    text = f"before\n{opening}\nold\n{closing}\nafter"
    measured = "# Numbers\n\nDo not edit.\n\nTwo cores.\nFive rounds.\n\n| a |\n|---|\n| 1 |\n\nMore.\n\n| b |\n|---|\n"
    filled = printing.with_numbers(text, measured)
    assert filled == f"before\n{opening}\n\nTwo cores.\nFive rounds.\n\n| a |\n|---|\n| 1 |\n\n{closing}\nafter"
    assert printing.with_numbers(filled, "# Numbers\n\n| c |") == f"before\n{opening}\n\n| c |\n\n{closing}\nafter"
    for nowhere in ("no marks", f"{opening} alone"):
        with pytest.raises(ValueError, match="no place"):
            printing.with_numbers(nowhere, measured)
