"""Fixtures: one browser for the folder, gateways, a shop's web site, and buyers whose browsers must log no error."""

from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.gateways import Databases, Gateway, Shop
from tests.web.checkout import browsers
from tests.web.checkout.buyers import Buyer
from tests.web.checkout.shop_sites import ShopSite

RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that look at colours, of those that it applies by default."""
# Colours are checked after all animations have ended.
VIOLATIONS = """async (rules) => {
  const ending = document.getAnimations().filter((each) => each.effect.getTiming().iterations === 1);
  await Promise.all(ending.map((each) => each.finished));
  const found = await axe.run(document, {resultTypes: ["violations"], ...rules});
  return found.violations.flatMap(({id, nodes}) => nodes.map((node) =>
    `${id}: ${node.html.slice(0, 120)} ${node.failureSummary.slice(0, 200)}`));
}"""


@pytest.fixture(scope="package")
def browser(databases: Databases) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway of all tests here that do not move its clock."""
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("site")) as gateway:
        yield gateway


@pytest.fixture
def shop(site: Gateway) -> Shop:
    return site.new_shop()


@pytest.fixture
def gateway(databases: Databases, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway for one test that moves its clock."""
    with Gateway(databases.fresh(), tmp_path) as gateway:
        yield gateway


@pytest.fixture(scope="package")
def shop_site() -> Iterator[ShopSite]:
    with ShopSite() as shop_site:
        yield shop_site


@pytest.fixture
def buyer(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Buyer]]:
    """Makes buyers. After the test no browser may have logged an error or sent a request to another host."""
    made: list[Buyer] = []

    def make(**options: Any) -> Buyer:
        made.append(Buyer(browser, **options))
        return made[-1]

    yield make
    gateways = [request.getfixturevalue(name) for name in ("site", "gateway") if name in request.fixturenames]
    for one in made:
        one.context.close()
        assert one.may_fail or one.browser_errors == []
        for gateway in gateways:
            if any(each.url.startswith(gateway.base_url) for each in one.requests):
                assert one.requests_to_others(gateway.base_url) == []


@pytest.fixture(scope="session")
def axe_source() -> str:
    """Deque's axe-core, the accessibility checker, as a script."""
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


@pytest.fixture
def axe(axe_source: str) -> Callable[[Page], list[str]]:
    """Returns a page's violations of WCAG 2.2 AA and of axe's best practices, light and dark: rule and element."""
    # In the dark only colours differ: the theme is a choice of colours in the style, and the document is the same.
    looks: list[tuple[Literal["light", "dark"], dict[str, Any]]] = [
        ("light", {}),
        ("dark", {"runOnly": {"type": "rule", "values": RULES_OF_COLOURS}}),
    ]

    def violations(page: Page) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(axe_source)
        found: list[str] = []
        for theme, rules in looks:
            # Colours change in no time where a buyer wants no motion: to wait for them took as long as to look at them.
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found += [f"{theme}: {each}" for each in page.evaluate(VIOLATIONS, rules)]
        page.emulate_media(reduced_motion="no-preference")
        return found

    return violations
