"""The pages that buyers open, without a browser: an address is opened, a form is filled in and sent."""

import re

import httpx

from tests.api.v4_documents.contracts import CheckedShop
from tests.api.v4_documents.documents import Json


def page_of(shop: CheckedShop, url: str) -> httpx.Response:
    return shop.client.get(url)


def send_form(shop: CheckedShop, url: str, where: str, **fields: str) -> httpx.Response:
    """Fills in a form of the page that this address leads to."""
    proof = re.search(r'name="form" value="(\w+)"', page_of(shop, url).text)
    assert proof, "the page has no form"
    path, _, query = url.partition("?")
    return shop.client.post(f"{path}/{where}?{query}", data={"form": proof[1], **fields})


def url_of(link: Json) -> str:
    return link["attributes"]["paymentLinkUrl"]


def wallet_of(payment: Json) -> str:
    return payment["attributes"]["paymentMethod"]["settlement"]["httpUrl"]
