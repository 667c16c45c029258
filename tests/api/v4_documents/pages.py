"""Payment pages as a buyer uses them, without a browser: a URL is opened, and a form is filled in and sent."""

import re

import httpx

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import Json


def page_of(shop: CheckedShop, url: str) -> httpx.Response:
    return shop.client.get(url)


def send_form(shop: CheckedShop, url: str, action: str, **fields: str) -> httpx.Response:
    """Opens the page and posts a form of it, with the CSRF token of the page."""
    csrf_token = re.search(r'name="form" value="(\w+)"', page_of(shop, url).text)
    assert csrf_token, "the page has no form"
    path, _, query = url.partition("?")
    return shop.client.post(f"{path}/{action}?{query}", data={"form": csrf_token[1], **fields})


def url_of(link: Json) -> str:
    return link["attributes"]["paymentLinkUrl"]


def wallet_of(payment: Json) -> str:
    return payment["attributes"]["paymentMethod"]["settlement"]["httpUrl"]
