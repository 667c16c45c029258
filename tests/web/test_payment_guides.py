"""The payment guides are as the payment page needs them: one shape, two languages, short steps, known placeholders."""

import json
import re
from pathlib import Path
from string import Formatter

import msgspec
import pytest

from gerbang.channels.ewallet import WALLETS
from gerbang.channels.retail_outlet import OUTLETS
from gerbang.channels.virtual_account import BANKS

FOLDER = Path(__file__).parents[2] / "gerbang" / "web" / "checkout" / "guides"
FILES = sorted(FOLDER.glob("*.json"))
BANK_FILES = {code.lower() for code in BANKS}
OTHERS = {code.lower() for code in (*OUTLETS, *WALLETS)}
WITHOUT_NUMBER = {"qris", *(code.lower() for code in WALLETS)}
"""A QR code carries its own number, and we send the wallet its number."""
PLACEHOLDERS = {"number", "amount", "name"}
STEP_LENGTH_MAX = 90
NAME_LENGTH_MAX = 40
SIZE_BYTES_MAX = 6_000


class Text(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    en: str


class Steps(msgspec.Struct, forbid_unknown_fields=True):
    id: list[str]
    en: list[str]

    def both(self) -> tuple[list[str], list[str]]:
        return self.id, self.en


class Way(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    name: Text
    steps: Steps


class Guide(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    ways: list[Way]

    def sentences(self) -> list[str]:
        return [step for way in self.ways for steps in way.steps.both() for step in steps]

    def texts(self) -> list[str]:
        return [self.title, *(name for way in self.ways for name in (way.name.id, way.name.en)), *self.sentences()]


def read(path: Path) -> Guide:
    return msgspec.json.decode(path.read_bytes(), type=Guide)


def placeholders(text: str) -> list[str]:
    """Names between braces, in order. Fails for a conversion or a format; a stray brace raises ValueError."""
    found: list[str] = []
    for _, name, form, conversion in Formatter().parse(text):
        assert not form, text
        assert conversion is None, text
        if name is not None:
            found.append(name)
    return found


every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_every_bank_outlet_wallet_and_qris_has_a_guide() -> None:
    assert {path.stem for path in FILES} == BANK_FILES | {"other_bank", "qris"} | OTHERS


@every_file
def test_a_guide_has_the_shape_that_the_page_reads(path: Path) -> None:
    guide = read(path)
    assert guide.title
    assert guide.ways
    ids = [way.id for way in guide.ways]
    assert len(ids) == len(set(ids)), "an id is used as an anchor on the page"
    assert all(re.fullmatch(r"[a-z][a-z_]*", name) for name in ids)


@every_file
def test_no_key_is_repeated(path: Path) -> None:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    json.loads(path.read_bytes(), object_pairs_hook=once)


@every_file
def test_both_languages_have_the_same_number_of_steps_from_four_to_seven(path: Path) -> None:
    for way in read(path).ways:
        assert len(way.steps.id) == len(way.steps.en), way.id
        assert 4 <= len(way.steps.id) <= 7, way.id


@every_file
def test_both_languages_have_the_same_placeholders_in_each_step(path: Path) -> None:
    for way in read(path).ways:
        for indonesian, english in zip(*way.steps.both(), strict=True):
            assert sorted(placeholders(indonesian)) == sorted(placeholders(english)), (indonesian, english)
            assert indonesian != english


@every_file
def test_both_languages_quote_the_same_menus_in_each_step(path: Path) -> None:
    for way in read(path).ways:
        for indonesian, english in zip(*way.steps.both(), strict=True):
            assert re.findall(r"“[^”]+”", indonesian) == re.findall(r"“[^”]+”", english)


@every_file
def test_only_placeholders_that_the_page_fills_are_used(path: Path) -> None:
    guide = read(path)
    for sentence in guide.sentences():
        assert set(placeholders(sentence)) <= PLACEHOLDERS, sentence
    for text in set(guide.texts()) - set(guide.sentences()):
        assert placeholders(text) == [], text


@every_file
def test_every_guide_names_the_number_the_amount_and_the_name(path: Path) -> None:
    wanted = PLACEHOLDERS - {"number"} if path.stem in WITHOUT_NUMBER else PLACEHOLDERS
    for way in read(path).ways:
        for steps in way.steps.both():
            assert {name for step in steps for name in placeholders(step)} == wanted, way.id


@every_file
def test_every_guide_ends_by_saying_that_the_page_updates_by_itself(path: Path) -> None:
    for way in read(path).ways:
        assert "otomatis" in way.steps.id[-1]
        assert "halaman ini berganti sendiri" in way.steps.id[-1]
        assert "automatically" in way.steps.en[-1]
        assert "this page updates by itself" in way.steps.en[-1]


@every_file
def test_steps_are_short_complete_sentences(path: Path) -> None:
    for sentence in read(path).sentences():
        assert 10 <= len(sentence) <= STEP_LENGTH_MAX, (len(sentence), sentence)
        assert sentence[0].isupper(), sentence
        assert sentence.endswith("."), sentence
        assert sentence == " ".join(sentence.split()), sentence


@every_file
def test_names_fit_a_tab_on_a_small_phone(path: Path) -> None:
    guide = read(path)
    for name in (guide.title, *(name for way in guide.ways for name in (way.name.id, way.name.en))):
        assert 2 <= len(name) <= NAME_LENGTH_MAX, name
        assert name == " ".join(name.split()), name


@every_file
def test_texts_have_no_markup_and_typographic_quotes(path: Path) -> None:
    for text in read(path).texts():
        assert not re.search(r"[<>&\"'`*\\]|https?:", text), text
        assert text.count("“") == text.count("”"), text
        assert text.isprintable(), text


@pytest.mark.parametrize("path", [path for path in FILES if path.stem in BANK_FILES], ids=lambda path: path.stem)
def test_a_bank_has_steps_for_its_mobile_app(path: Path) -> None:
    assert "mobile" in [way.id for way in read(path).ways]


@every_file
def test_a_file_is_small_enough_to_be_inlined_into_a_page(path: Path) -> None:
    assert path.stat().st_size < SIZE_BYTES_MAX
