"""Pages that fit and break well whatever fonts a phone has: no word, number or amount is broken inside itself."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.gateways import Gateway, Shop
from tests.web.checkout.buyers import Buyer, choose, link, offers, play, send, too_wide

Buyers = Callable[..., Buyer]
WIDTHS = (320, 360, 400)
FONTS = {
    "the machine's": "font-family: system-ui",
    "wide": "font-family: sans-serif; letter-spacing: .05em",
    "very wide": "font-family: monospace; letter-spacing: .1em",
}
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
    """A shop whose sessions can be paid in every way."""
    offers(shop, "retail_outlet", "ewallet")
    return shop


def holds(page: Page) -> None:
    """In every font and at every width of a phone: nothing is broken inside, and nothing scrolls sideways."""
    page.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; e.removeAttribute('name'); })")
    page.evaluate("document.adoptedStyleSheets = [new CSSStyleSheet()]")
    for name, font in FONTS.items():
        rule = "; ".join(f"{part} !important" for part in font.split("; "))
        page.evaluate(f"document.adoptedStyleSheets[0].replaceSync('* {{ {rule} }}')")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 640})
            assert page.evaluate(BROKEN) == [], f"{name}, {width} pixels"
            assert too_wide(page) <= 0, f"{name}, {width} pixels"


@pytest.mark.parametrize("locale", ["id-ID", "en-US"])
def test_no_font_breaks_the_choice_inside_a_word(site: Gateway, shop: Shop, buyer: Buyers, locale: str) -> None:
    page = buyer(locale=locale).opens(link(site))
    holds(page)
    page.goto(send(shop, amount={"value": 9_999_999_999, "currency": "IDR"})["paymentUrl"])
    holds(page)


@pytest.mark.parametrize("way", ["virtual_account/BCA", "qris", "retail_outlet/ALFAMART", "ewallet/SHOPEEPAY"])
def test_no_font_breaks_a_number_or_an_amount_inside(shop: Shop, buyer: Buyers, way: str) -> None:
    page = buyer().opens(send(shop, amount={"value": 2_485_000, "currency": "IDR"})["paymentUrl"])
    choose(page, way)
    holds(page)
    if way.startswith("ewallet"):
        page.click(".leave .button")
        page.wait_for_selector(".choice")
        holds(page)
    if way == "qris":
        play(page, "exact")
        page.wait_for_selector(".result.paid")
        holds(page)


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
