"""URLs are built from the public URL alone, whatever Host a request has, and also below a path."""

import re
from collections.abc import Iterator

import httpx
import pytest

from gerbang import app
from gerbang.settings import SettingsWrong
from tests.api.test_openapi_documents import Page
from tests.support.gateways import Databases, Gateway
from tests.support.openapi import read_openapi
from tests.web.checkout.buyers import link
from tests.web.checkout.test_trust import form_of

PUBLIC = "https://toko.example/pay"
LINKED = re.compile(r'(?:href|action|src|data-events|data-status)="([^"#][^"]*)"')


@pytest.fixture(scope="module")
def below(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose public URL has another host and a path."""
    with Gateway(databases.fresh(), tmp_path_factory.mktemp("below"), public_url=PUBLIC) as gateway:
        yield gateway


def urls_elsewhere(page: str) -> list[str]:
    """The URLs of a page that are not below the public URL. Fails if there are fewer than three URLs."""
    found = [address for address in LINKED.findall(page) if not address.startswith("data:")]
    assert len(found) > 2
    return [address for address in found if not address.startswith(("/pay/", f"{PUBLIC}/"))]


@pytest.fixture(params=["/pay", ""], ids=["the proxy keeps the path", "the proxy takes the path away"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_urls_of_the_documentation_are_below_the_public_path(below: Gateway, path: str) -> None:
    for address in ("/", "/docs", "/docs/"):
        answered = below.client.get(path + address)
        assert answered.status_code == 307
        assert answered.headers["location"].startswith("/pay/docs")
    if path:
        assert below.client.get(path).headers["location"] == "/pay/docs"
    for name in ("v2_sessions", "v4_documents", "sandbox"):
        page = below.client.get(f"{path}/docs/{name}").text
        linked = [address for address in Page(page).links if not address.startswith("#")]
        assert len(linked) == 3
        assert all(address.startswith("/pay/docs/") for address in linked)
        contract = read_openapi(below.client.get(f"{path}/docs/{name}/openapi.yaml").text)
        assert contract["servers"][0]["url"] == PUBLIC
    for nothing in ("/x", "/docs/x"):
        assert f"{PUBLIC}/docs" in below.client.get(path + nothing).text


def test_all_urls_of_a_buyer_are_below_the_public_path(below: Gateway, path: str) -> None:
    def at(url: str) -> str:
        assert url.startswith((f"{PUBLIC}/", "/pay/")), url
        return path + url.removeprefix("https://toko.example").removeprefix("/pay")

    opened = link(below)
    page = below.client.get(at(opened)).text
    assert urls_elsewhere(page) == []
    action = re.findall(r'action="([^"]+)"', page)[0]
    for way in ("qris", "ewallet/SHOPEEPAY"):
        answered = below.client.post(at(action), data={"form": form_of(page), "way": way})
        assert answered.status_code == 303
        chosen = below.client.get(at(answered.headers["location"])).text
        assert urls_elsewhere(chosen) == []
        if way == "qris":
            picture = re.findall(r'href="([^"]+\.png)"', chosen)[0]
            assert below.client.get(at(picture)).headers["content-type"] == "image/png"
            back = re.findall(r'action="([^"]+/back[^"]+)"', chosen)[0]
            charge = re.findall(r'name="charge" value="([^"]+)"', chosen)[0]
            assert below.client.post(at(back), data={"form": form_of(chosen), "charge": charge}).status_code == 303
    wallet = below.client.get(at(re.findall(r'href="([^"]+/wallet[^"]+)"', chosen)[0])).text
    assert urls_elsewhere(wallet) == []
    approved = below.client.post(
        at(re.findall(r'action="([^"]+/pay\?[^"]+)"', wallet)[0]), data={"form": form_of(wallet)}
    )
    assert "Pembayaran diterima" in below.client.get(at(approved.headers["location"])).text


def test_the_api_answers_whether_or_not_the_proxy_keeps_the_path(below: Gateway, path: str) -> None:
    shop = below.new_shop()
    headers = {"X-MERCHANT-ID": str(shop.merchant_id), "X-MERCHANT-SECRET": shop.secret}
    signed_in = below.client.post(f"{path}/v1/access-token", json={"grantType": "client_credentials"}, headers=headers)
    assert signed_in.status_code == 200
    assert below.client.get(f"{path}/api/v4/banks/", auth=shop.v4_keys).status_code == 200
    assert below.client.get(f"{path}/healthz").status_code == 200
    assert below.client.get("/payment/healthz").status_code == 404, "only whole names of the path count"


@pytest.mark.parametrize("root", ["/v2", "/api/v4", "/api", "/docs", "/detail/x", "/healthz"])
def test_a_public_path_that_ends_like_a_route_is_refused(below: Gateway, root: str) -> None:
    async def opens() -> None:
        async with app.gateway(below.settings, base_url=f"https://toko.example{root}"):
            pass

    with pytest.raises(SettingsWrong, match=f"GERBANG_PUBLIC_URL cannot end in {root}, "):
        below.do(opens())


def test_a_page_opens_with_a_slash_before_its_query(shared_gateway: Gateway) -> None:
    client, opened = shared_gateway.client, link(shared_gateway)
    page = client.get(opened).text
    with_slash = client.get(opened.replace("/detail?", "/detail/?"), headers={"Host": "evil.example"})
    assert with_slash.status_code == 200
    assert with_slash.text.count("Kopi Gayo dua bungkus") == page.count("Kopi Gayo dua bungkus") > 0
    client.post(re.findall(r'action="([^"]+)"', page)[0], data={"form": form_of(page), "way": "ewallet/SHOPEEPAY"})
    wallet = re.findall(r'href="([^"]+/wallet[^"]+)"', client.get(opened).text)[0]
    assert "Setujui pembayaran ini?" in client.get(wallet.replace("/wallet?", "/wallet/?")).text


@pytest.mark.parametrize("slashes", ["", "/"])
def test_no_answer_contains_the_host_of_the_request(shared_gateway: Gateway, slashes: str) -> None:
    client = httpx.Client(base_url=shared_gateway.base_url, headers={"Host": "evil.example"})
    paths = ["", "/docs", "/docs/v2_sessions", "/docs/sandbox/openapi.yaml", "/healthz", "/detail", "/detail/status"]
    paths += ["/detail/events", "/detail/choose", "/wallet", "/wallet/pay", "/v1/access-token", "/v2/payments"]
    paths += ["/v2/payments/x", "/api/v4/payments", "/api/v4/banks", "/sandbox/clock", "/sandbox/inbox", "/x"]
    with client:
        for path in paths:
            for method in ("GET", "POST"):
                answered = client.request(method, f"{path}{slashes}?token=x")
                assert "evil.example" not in answered.text, path
                assert answered.headers.get("location", "/docs").startswith("/docs"), path
