"""The browser, gateways and buyers of the payer's page serve the wallet's too."""

from tests.web.checkout.conftest import axe, axe_source, browser, buyer, front, gateway, shop, site

__all__ = ["axe", "axe_source", "browser", "buyer", "front", "gateway", "shop", "site"]
