"""`make screenshots`: opens the payment page in a browser in each of its states and writes a picture of each.

`python -m docs.screenshots FOLDER` writes all combinations of state, size, colour scheme and language to a folder.
"""

import sys
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from gerbang.db.embedded import postgres
from tests.support.gateways import Databases, Gateway, Shop
from tests.web.checkout import browsers
from tests.web.checkout.buyers import DESKTOP, NARROW, PHONE, choose, link, play, send
from tests.web.checkout.test_cards import CARD, PAY, typed
from tests.web.threeds.cards import CHALLENGED, FRICTIONLESS, PASS, POOR

HERE = Path(__file__).parent
SIZES: dict[str, dict[str, int]] = {"phone": PHONE, "desktop": DESKTOP, "narrow": NARROW}
Walk = Callable[[Shop, Page], None]


def _opened(shop: Shop, page: Page, **more: Any) -> dict[str, Any]:
    session = send(shop, **more)
    page.goto(session["paymentUrl"])
    return session


def choosing(shop: Shop, page: Page) -> None:
    _opened(shop, page)


def choosing_every_way(shop: Shop, page: Page) -> None:
    page.goto(link(shop.gateway))


def too_little(shop: Shop, page: Page) -> None:
    _opened(shop, page, amount={"value": 2_500, "currency": "IDR"}, orderInformation=None)


def virtual_account(shop: Shop, page: Page) -> None:
    _opened(shop, page)
    choose(page, "virtual_account/BCA")


def virtual_account_steps(shop: Shop, page: Page) -> None:
    virtual_account(shop, page)
    page.click(".order summary")
    page.click(".how details:nth-of-type(2) summary")


def qris(shop: Shop, page: Page) -> None:
    _opened(shop, page)
    choose(page, "qris")


def retail_outlet(shop: Shop, page: Page) -> None:
    choosing_every_way(shop, page)
    choose(page, "retail_outlet/ALFAMART")


def ewallet(shop: Shop, page: Page) -> None:
    choosing_every_way(shop, page)
    choose(page, "ewallet/SHOPEEPAY")


def wallet(shop: Shop, page: Page) -> None:
    ewallet(shop, page)
    page.click(".leave .button")


def wallet_declined(shop: Shop, page: Page) -> None:
    wallet(shop, page)
    there = page.url
    page.click("form[action*='/wallet/decline'] button")
    page.goto(there)


def declined(shop: Shop, page: Page) -> None:
    wallet(shop, page)
    page.click("form[action*='/wallet/decline'] button")


def wrong_amount(shop: Shop, page: Page) -> None:
    virtual_account(shop, page)
    play(page, "wrong")
    page.wait_for_selector(".note")


def paid(shop: Shop, page: Page) -> None:
    qris(shop, page)
    play(page, "exact")
    page.wait_for_selector(".result.paid")


def expired(shop: Shop, page: Page) -> None:
    virtual_account(shop, page)
    play(page, "late")
    page.wait_for_selector(".result.expired")


def cancelled(shop: Shop, page: Page) -> None:
    session = send(shop)
    shop.post(f"/v2/payments/{session['id']}/cancel", {})
    page.goto(session["paymentUrl"])


def foreign(shop: Shop, page: Page) -> None:
    page.goto(f"{shop.gateway.base_url}/detail?token=abc")


def card(shop: Shop, page: Page) -> None:
    _opened(shop, page, saveForFutureUse=True)
    page.click(CARD)


def card_wrong(shop: Shop, page: Page) -> None:
    card(shop, page)
    page.click(PAY)


def card_saved(shop: Shop, page: Page) -> None:
    card(shop, page)
    typed(page, FRICTIONLESS)
    page.wait_for_selector(".result.paid")
    _opened(shop, page, showSavedPayment=True)


def card_saved_pays(shop: Shop, page: Page) -> None:
    card_saved(shop, page)
    page.click(f"{CARD} >> nth=0")


def card_at_the_bank(shop: Shop, page: Page) -> None:
    card(shop, page)
    typed(page, CHALLENGED)
    page.wait_for_selector(PASS)


def card_declined(shop: Shop, page: Page) -> None:
    _opened(shop, page, paymentMethod={"type": "CARD"})
    typed(page, POOR)
    page.click(PASS)
    page.wait_for_selector("[role=alert]")


def card_processing(shop: Shop, page: Page) -> None:
    _opened(shop, page, amount={"value": 185_505, "currency": "IDR"})
    page.click(CARD)
    typed(page, CHALLENGED)
    page.wait_for_selector(".result.processing")


WALKS: dict[str, Walk] = {
    walk.__name__.replace("_", "-"): walk
    for walk in (
        *(choosing, choosing_every_way, too_little, virtual_account, virtual_account_steps, qris),
        *(retail_outlet, ewallet, wallet, wallet_declined, declined),
        *(wrong_amount, paid, expired, cancelled, foreign),
        *(card, card_wrong, card_saved, card_saved_pays, card_at_the_bank, card_declined, card_processing),
    )
}
KEPT = {
    *(("choosing", "phone", "light", "id"), ("choosing", "desktop", "light", "en")),
    *(("virtual-account", "phone", "light", "id"), ("virtual-account", "phone", "dark", "en")),
    *(("virtual-account", "desktop", "light", "id"), ("virtual-account-steps", "phone", "light", "id")),
    *(("qris", "phone", "light", "id"), ("qris", "phone", "dark", "id"), ("qris", "desktop", "light", "en")),
    *(("choosing-every-way", "phone", "light", "id"), ("choosing-every-way", "phone", "dark", "en")),
    *(("retail-outlet", "phone", "light", "id"), ("retail-outlet", "phone", "dark", "en")),
    *(("ewallet", "phone", "light", "id"), ("declined", "phone", "light", "id")),
    *(("wallet", "phone", "light", "id"), ("wallet", "phone", "dark", "en"), ("wallet", "desktop", "light", "id")),
    *(("wallet-declined", "phone", "light", "en"),),
    *(("wrong-amount", "phone", "light", "id"), ("too-little", "phone", "light", "id")),
    *(("paid", "phone", "light", "id"), ("paid", "phone", "dark", "en"), ("expired", "phone", "light", "id")),
    *(("cancelled", "phone", "light", "en"), ("foreign", "phone", "light", "id")),
    *(("card", "phone", "light", "id"), ("card", "desktop", "light", "en"), ("card-wrong", "phone", "dark", "en")),
    *(("card-saved", "phone", "light", "id"), ("card-saved-pays", "phone", "light", "id")),
    *(("card-at-the-bank", "phone", "light", "id"), ("card-at-the-bank", "phone", "dark", "en")),
    *(("card-declined", "phone", "light", "id"), ("card-processing", "phone", "light", "id")),
}
"""The pictures that are in the repository: each state at least once."""


def take(browser: Browser, shop: Shop, name: str, size: str, scheme: str, language: str, folder: Path) -> None:
    """Writes one picture of the whole page, at the width of a phone or a desktop."""
    looks: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "reduced_motion": "reduce"}
    with browser.new_context(**looks, locale=language, device_scale_factor=1 if size == "desktop" else 2) as context:
        page = context.new_page()
        WALKS[name](shop, page)
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"{name}-{size}-{scheme}-{language}.png", full_page=True)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else HERE
    every = set(product(WALKS, SIZES, ("light", "dark"), ("id", "en"))) if arguments else KEPT
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        postgres(Path(place) / "data", keep=False) as url,
        Gateway(Databases(url).fresh(), Path(place) / "gateway") as gateway,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.ARGUMENTS)
        for name, size, scheme, language in sorted(every):
            take(browser, gateway.shop, name, size, scheme, language, folder)
        browser.close()
    sys.stdout.write(f"{len(every)} pictures are in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
