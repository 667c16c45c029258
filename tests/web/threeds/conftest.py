"""The fixtures of the payment page, for 3-D Secure's tests."""

from tests.web.checkout.conftest import axe, axe_source, browser, buyer, gateway, shop, shop_site, site

__all__ = ["axe", "axe_source", "browser", "buyer", "gateway", "shop", "shop_site", "site"]
