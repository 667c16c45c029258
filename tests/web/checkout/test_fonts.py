"""Line breaks with any font of a phone: no word, number or amount is broken, and nothing scrolls sideways."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.gateways import Gateway, Shop
from tests.web.checkout.buyers import Buyer, choose, heading, link, offers, play, send, too_wide

Buyers = Callable[..., Buyer]
WIDTHS = (320, 360, 400)
FONTS = {
    "the machine's": "font-family: system-ui",
    "wide": "font-family: sans-serif; letter-spacing: .05em",
    "very wide": "font-family: monospace; letter-spacing: .1em",
}
# monospace is named twice: browsers show text in a smaller size where it is the only name.
WIDER = FONTS | {"widest": "font-family: monospace, monospace; letter-spacing: .1em"}
REFERENCE = "INV-2025-11-KOPI-012"
"""Short enough for a line of its own in every font, too long for the line of its label."""
LONG_REFERENCE = "TOKO-KOPI-GAYO-2025-11-27-PESANAN-00000000001234567"
LINES = """(text) => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode().data.trim() !== text);
  const range = document.createRange(), lines = new Map();
  for (let at = 0; at < text.length; at += 1) {
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + 1);
    const box = range.getBoundingClientRect();
    lines.set(box.top, (lines.get(box.top) ?? 0) + box.width);
  }
  return [...lines.values()];
}"""
"""The width in pixels of each line that a text of the page takes."""
IN_EVERY_FONT = """(rules, at, look) => {
  const sheet = new CSSStyleSheet(), root = document.documentElement;
  document.adoptedStyleSheets = [sheet];
  return Object.entries(rules).map(([name, rule]) => {
    sheet.replaceSync(`* { ${rule} }`);
    return [name, look(at), root.scrollWidth - root.clientWidth];
  });
}"""
"""What `look` returns in each font, and by how many pixels the page is wider than its window."""
BROKEN = """() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement.closest("script, style, svg, .unseen")) continue;
    for (const word of node.data.matchAll(/[^ \\n-]+-?/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].filter((box) => box.width).map((box) => Math.round(box.top)));
      if (lines.size > 1) found.push(word[0]);
    }
  }
  const cut = [...document.querySelectorAll("button, .button, .amount, .digits, .badge, .row > *")]
    .filter((e) => e.offsetWidth && e.scrollWidth > e.clientWidth + 1).map((e) => `cut: ${e.textContent.trim()}`);
  return found.concat(cut);
}"""


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """A shop whose sessions can be paid on every channel."""
    offers(shop, "retail_outlet", "ewallet")
    return shop


@dataclass(frozen=True)
class Seen:
    """What a page is like on one phone: in one font, and of one width."""

    phone: str
    found: Any
    too_wide: int


def phones(page: Page, look: str, fonts: Mapping[str, str] = FONTS, *, at: str | None = None) -> Iterator[Seen]:
    """Shows the page at every width and in every font, with all details open; `look`, a function, looks at it."""
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; e.removeAttribute('name'); })")
    rules = {name: "; ".join(f"{part} !important" for part in font.split("; ")) for name, font in fonts.items()}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 640})
        # One call for all fonts: a page that has another style is laid out again as soon as it is measured.
        for name, found, wider in page.evaluate(f"([rules, at]) => ({IN_EVERY_FONT})(rules, at, {look})", [rules, at]):
            yield Seen(f"{name}, {width} pixels", found, wider)


def assert_unbroken(page: Page) -> None:
    """In every font and at every width nothing is broken and nothing scrolls sideways."""
    for seen in phones(page, BROKEN):
        assert seen.found == [], seen.phone
        assert seen.too_wide <= 0, seen.phone


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_no_font_breaks_words_of_the_choice(site: Gateway, shop: Shop, buyer: Buyers, locale: str) -> None:
    page = buyer(locale=locale).opens(link(site))
    assert_unbroken(page)
    page.goto(send(shop, amount={"value": 9_999_999_999, "currency": "IDR"})["paymentUrl"])
    assert_unbroken(page)


@pytest.mark.parametrize("way", ["virtual_account/BCA", "qris", "retail_outlet/ALFAMART", "ewallet/SHOPEEPAY"])
def test_no_font_breaks_a_number_or_an_amount(shop: Shop, buyer: Buyers, way: str) -> None:
    page = buyer().opens(send(shop, amount={"value": 2_485_000, "currency": "IDR"})["paymentUrl"])
    choose(page, way)
    assert_unbroken(page)
    if way.startswith("ewallet"):
        page.click(".leave .button")
        page.wait_for_selector(".choice")
        assert_unbroken(page)
    if way == "qris":
        play(page, "exact")
        page.wait_for_selector(".result.paid")
        assert_unbroken(page)


def test_a_long_number_is_broken_into_even_lines_between_its_groups(shop: Shop, buyer: Buyers) -> None:
    page = buyer(viewport={"width": 320, "height": 640}).opens(send(shop)["paymentUrl"])
    choose(page, "virtual_account/BCA")
    page.evaluate("document.querySelector('.digits').style.letterSpacing = '.1em'")
    lines = page.evaluate("""() => {
      const text = document.querySelector(".digits").firstChild;
      return [...text.data.matchAll(/\\d+/g)].map((group) => {
        const range = document.createRange();
        range.setStart(text, group.index);
        range.setEnd(text, group.index + group[0].length);
        return Math.round(range.getBoundingClientRect().top);
      });
    }""")
    assert [lines.count(top) for top in sorted(set(lines))] == [2, 2]


def references(shop: Shop, buyer: Buyers, reference: str) -> Iterator[Page]:
    """Every page that shows a reference: the choice with and without an order, a code, the wallet, a result."""
    page = buyer().opens(send(shop, clientReferenceId=reference)["paymentUrl"])
    yield page
    choose(page, "ewallet/SHOPEEPAY")
    yield page
    page.click(".leave .button")
    page.wait_for_selector(".choice")
    yield page
    page.fill("#phone", "081234567890")
    page.fill("#password", "000000")
    page.click("form[action*='/wallet/pay'] button")
    page.wait_for_selector(".result.paid")
    yield page
    page.goto(send(shop, clientReferenceId=f"{reference[:-1]}X", orderInformation=None)["paymentUrl"])
    page.evaluate(f"document.querySelector('.order bdi').textContent = '{reference}'")
    yield page


def test_a_reference_that_fits_on_a_line_is_never_broken(shop: Shop, buyer: Buyers) -> None:
    for page in references(shop, buyer, REFERENCE):
        for seen in phones(page, LINES, WIDER, at=REFERENCE):
            assert len(seen.found) == 1, f"{heading(page)}: {seen.phone}"


def test_a_reference_longer_than_a_line_is_broken_into_even_lines(shop: Shop, buyer: Buyers) -> None:
    for page in references(shop, buyer, LONG_REFERENCE):
        for seen in phones(page, LINES, WIDER, at=LONG_REFERENCE):
            assert len(seen.found) > 1 or "400" in seen.phone, seen.phone
            assert max(seen.found) - min(seen.found) < 40, f"{heading(page)}: {seen.phone}: {seen.found}"
            assert seen.too_wide <= 0, seen.phone


@pytest.mark.parametrize("way", ["virtual_account/BCA", "retail_outlet/ALFAMART"])
@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_the_label_of_a_copy_button_stays_on_one_line(shop: Shop, buyer: Buyers, locale: str, way: str) -> None:
    page = buyer(locale=locale).opens(send(shop, amount={"value": 2_485_000, "currency": "IDR"})["paymentUrl"])
    choose(page, way)
    lines = """() => [...document.querySelectorAll("button.copy > span")].map((label) => {
      const range = document.createRange();
      range.selectNodeContents(label);
      return range.getClientRects().length;
    })"""
    for seen in phones(page, lines, WIDER):
        assert set(seen.found) == {1}, seen.phone


def test_the_summary_of_a_guide_has_space_above_and_below_its_text(shop: Shop, buyer: Buyers) -> None:
    gaps = """() => [...document.querySelectorAll(".how summary")].flatMap((summary) => {
      const range = document.createRange(), around = summary.getBoundingClientRect();
      range.selectNodeContents(summary.firstChild);
      const text = range.getBoundingClientRect();
      return [text.top - around.top, around.bottom - text.bottom];
    })"""
    for locale in ("id-ID", "en-US"):
        page = buyer(locale=locale).opens(send(shop)["paymentUrl"])
        choose(page, "ewallet/SHOPEEPAY")
        for seen in phones(page, gaps):
            assert min(seen.found) >= 6, f"{locale}, {seen.phone}"


def test_the_expiry_time_is_not_broken_where_it_fits_on_a_line(site: Gateway, buyer: Buyers) -> None:
    page = buyer().opens(link(site))
    for seen in phones(page, LINES, at=page.inner_text(".until .whole >> nth=0")):
        assert len(seen.found) == 1, seen.phone
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.set_viewport_size({"width": 320, "height": 640})
    assert too_wide(page) <= 0, "in large print it is broken and not cut off"
