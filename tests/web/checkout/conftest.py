"""Fixtures: one browser for the folder, gateways, a shop's web site, and buyers whose browsers must log no error."""

from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.gateways import Databases, Gateway, Shop
from tests.web.checkout import browsers
from tests.web.checkout.buyers import Buyer
from tests.web.checkout.shop_sites import ShopSite

RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that look at colours, of those that it applies by default."""


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
    """Returns a page's violations of WCAG 2.2 AA and of axe's best practices: rule and element."""

    def violations(page: Page) -> list[str]:
        # Colours are checked after all animations have ended.
        page.evaluate(
            "() => Promise.all(document.getAnimations().filter(a => a.effect.getTiming().iterations === 1).map(a => a.finished))"
        )
        page.evaluate(axe_source)
        # In the dark only colours differ; a test that looks in the dark looks at the same pages in the light too.
        is_dark = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
        rules = {"runOnly": {"type": "rule", "values": RULES_OF_COLOURS}} if is_dark else {}
        found = page.evaluate("rules => axe.run(document, {resultTypes: ['violations'], ...rules})", rules)
        return [
            f"{violation['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    return violations
