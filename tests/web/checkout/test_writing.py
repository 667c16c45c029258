"""Texts in both languages, formats of amounts and instants, readable colours, guides and orders."""

import re
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gerbang import channels
from gerbang.web._pages.formatting import amount, count, groups, instant, span
from gerbang.web._pages.translations import LANGUAGES, language_of
from gerbang.web.checkout import payment_guides, theme
from gerbang.web.checkout.order_summary import NOTHING, order_of
from gerbang.web.checkout.translations import TEXTS, channel_texts

PLACEHOLDERS = re.compile(r"\{\w+\}")
CHANNELS = channels.found()
ACCOUNTS = CHANNELS["virtual_account"].spec
BARTER = replace(CHANNELS["ewallet"].spec, name="barter", title="Barter", options={}, texts=None)
MOMENT = datetime(2025, 3, 31, 23, 59, 5, tzinfo=UTC)


def test_every_text_has_both_languages_with_the_same_placeholders() -> None:
    assert TEXTS["id"].keys() == TEXTS["en"].keys()
    for key, text in TEXTS["id"].items():
        assert text
        assert TEXTS["en"][key]
        assert set(PLACEHOLDERS.findall(text)) == set(PLACEHOLDERS.findall(TEXTS["en"][key])), key


def test_no_key_of_a_text_is_a_method_of_dict() -> None:
    # In a template `t.copy` would be the method of dict.
    assert not TEXTS["id"].keys() & set(dir(dict))


def test_a_channel_without_texts_is_shown_by_its_own_title() -> None:
    assert channel_texts(BARTER, "id")["title"] == "Barter"
    assert channel_texts(BARTER, "en")["act"] == "Pay with this code"
    assert channel_texts(CHANNELS["qris"].spec, "id")["act"] == "Pindai kode QRIS ini"


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, "", "id"),
        (None, "en-US,en;q=0.9", "en"),
        (None, "de-DE,de;q=0.9,en;q=0.5,id;q=0.3", "en"),
        (None, "id-ID,id;q=0.9,en;q=0.8", "id"),
        (None, "in", "id"),
        (None, "fr", "id"),
        (None, "en;q=0", "id"),
        (None, "en;q=x,,;;", "id"),
        ("en", "id", "en"),
        ("xx", "en", "en"),
    ],
)
def test_the_language_is_that_of_the_url_or_of_the_browser_or_indonesian(
    asked: str | None, accepted: str, language: str
) -> None:
    assert language_of(asked, accepted) == language


def test_amounts_instants_and_spans_are_right_in_both_languages() -> None:
    assert amount(1_000_000, "id") == "Rp\u00a010.000"
    assert amount(1_000_000, "en") == "Rp\u00a010,000"
    assert amount(11_655, "id") == "Rp\u00a0116,55"
    assert amount(123_456_755, "en") == "Rp\u00a01,234,567.55"
    assert instant(MOMENT, "id") == "1 April 2025, 06.59 WIB"
    assert instant(MOMENT, "en") == "1 April 2025, 06:59 WIB"
    assert span(845, "id") == "14:05"
    assert span(-3, "id") == "0:00"
    assert span(3_600, "en") == "1 hour"
    assert span(3_660, "en") == "1 hour 1 minute"
    assert span(7_320, "id") == "2 jam 2 menit"
    assert span(86_400, "en") == "1 day"
    assert span(2 * 86_400 + 3 * 3600, "en") == "2 days 3 hours"
    assert span(2 * 86_400 + 3 * 3600, "id") == "2 hari 3 jam"
    assert count(2.0, "en") == "2"
    assert count(1.5, "id") == "1,5"
    assert groups("12345678901") == ["1234", "5678", "901"]


@given(st.integers(0, 0xFFFFFF))
def test_any_colour_gives_readable_text(number: int) -> None:
    palette = theme.palette(f"#{number:06x}")

    def rgb(text: str) -> theme.Rgb:
        return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)

    for text, ground in [
        (palette.on_band, palette.band),
        (palette.on_accent, palette.accent),
        (palette.on_dark_band, palette.dark_band),
        (palette.on_dark_accent, palette.dark_accent),
    ]:
        assert theme.contrast(rgb(text), rgb(ground)) >= 4.5
    assert theme.contrast(rgb(palette.accent), theme.LIGHT_GROUND) >= 4.5
    assert theme.contrast(rgb(palette.dark_accent), theme.DARK_CARD) >= 4.5


def test_an_invalid_colour_gives_the_default_colour() -> None:
    for odd in ("", "red", "#fff", "#12345g", "#123456;}", "#１２３４５６"):
        assert theme.palette(odd) == theme.palette("#0f5b57")


def test_every_guide_is_filled_in_both_languages() -> None:
    assert {"bca", "qris"} <= payment_guides.payment_guides().keys()
    for language in LANGUAGES:
        values = {"number": "1<2", "amount": "Rp 1", "name": "A & B"}
        guides = payment_guides.filled(ACCOUNTS, "BCA", language, values)
        assert len(guides) > 3
        text = " ".join(step for guide in guides for step in guide.steps)
        assert "<b>1&lt;2</b>" in text
        assert "<b>A &amp; B</b>" in text
        assert "{" not in text
        assert len(payment_guides.filled(ACCOUNTS, "NOBANK", language, values)) == 2, "those of any other bank"
    assert payment_guides.filled(BARTER, None, "id", {}) == []
    assert payment_guides.title(ACCOUNTS, "NOBANK") == "NOBANK"
    assert payment_guides.title(replace(ACCOUNTS, options={"NOBANK": "Bank Baru"}), "NOBANK") == "Bank Baru"


@pytest.mark.parametrize(
    "raw",
    [
        "null",
        "[]",
        '"text"',
        '{"productDetails": 7}',
        '{"productDetails": [{"quantity": -1}]}',
        "[" * 50_000,
    ],
)
def test_an_order_that_cannot_be_read_is_not_shown(raw: str) -> None:
    assert order_of(msgspec.Raw(raw.encode()), "id") == NOTHING


def test_an_order_is_read_in_the_forms_that_merchants_send() -> None:
    raw = msgspec.json.encode(
        {
            "productDetails": [
                {"name": "Kopi", "quantity": 2, "price": {"value": "68000", "currency": "IDR"}},
                {"quantity": 0.25, "price": {"value": 1e300}},
                {"description": "Teh", "price": None},
            ],
            "shippingInfo": {"shippingFee": {"value": 15000}},
        }
    )
    order = order_of(msgspec.Raw(raw), "id")
    assert [(item.name, item.quantity, item.price) for item in order.items] == [
        ("Kopi", "2", "Rp\u00a068.000"),
        ("", "0,25", ""),
        ("Teh", "", ""),
    ]
    assert order.shipping == "Rp\u00a015.000"
    assert order_of(None, "id") == NOTHING
