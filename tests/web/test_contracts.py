"""The contracts over HTTP: pages for people, YAML for programs, and no dead links."""

from pathlib import Path

import httpx
import pytest

from gerbang import api
from tests.api.test_openapi_documents import Page
from tests.support.gateways import Gateway
from tests.support.openapi import read_openapi

DIALECTS = {dialect.name: dialect for dialect in api.found()}
every_dialect = pytest.mark.parametrize("name", sorted(DIALECTS))


@pytest.fixture
def client(shared_gateway: Gateway) -> httpx.Client:
    return shared_gateway.client


def test_docs_redirect_to_the_payment_sessions(client: httpx.Client) -> None:
    for address in ("/docs", "/docs/"):
        answered = client.get(address, follow_redirects=True)
        assert answered.status_code == 200
        assert answered.url.path == "/docs/v2_sessions"


@every_dialect
def test_the_page_of_a_dialect_is_valid_html_with_its_summary(client: httpx.Client, name: str) -> None:
    answered = client.get(f"/docs/{name}")
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answered.text)
    assert page.open == []
    assert DIALECTS[name].openapi.partition("summary: ")[2].partition("\n")[0] in page.text


@every_dialect
def test_every_link_of_a_page_has_a_target(client: httpx.Client, name: str) -> None:
    page = Page(client.get(f"/docs/{name}").text)
    assert len(page.links) > 10
    for link in set(page.links):
        address, _, anchor = link.partition("#")
        there = page if not address else Page(client.get(address, follow_redirects=True).text)
        assert address == "" or client.get(address, follow_redirects=True).status_code == 200, link
        assert anchor == "" or anchor in there.ids, link


@every_dialect
def test_a_page_links_to_all_other_pages(client: httpx.Client, name: str) -> None:
    links = Page(client.get(f"/docs/{name}").text).links
    for other in DIALECTS.keys() - {name}:
        assert f"/docs/{other}" in links


@every_dialect
def test_the_curl_lines_of_a_page_use_the_url_of_this_gateway(shared_gateway: Gateway, name: str) -> None:
    page = Page(shared_gateway.client.get(f"/docs/{name}").text)
    assert page.text.count(f"'{shared_gateway.base_url}/") > 5
    assert "127.0.0.1:8000'" not in page.text


@every_dialect
def test_the_contract_is_served_unchanged_but_for_the_server_url(shared_gateway: Gateway, name: str) -> None:
    answered = shared_gateway.client.get(f"/docs/{name}/openapi.yaml")
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "application/yaml"
    written = read_openapi((Path(api.__file__).parent / name / "openapi.yaml").read_text("utf-8"))
    served = read_openapi(answered.text)
    assert served["servers"][0].pop("url") == shared_gateway.base_url
    assert written["servers"][0].pop("url") == "/"
    assert served == written
    assert served["openapi"].startswith("3.1")


@every_dialect
def test_a_page_links_to_its_openapi_file(client: httpx.Client, name: str) -> None:
    assert f"/docs/{name}/openapi.yaml" in Page(client.get(f"/docs/{name}").text).links


@pytest.mark.parametrize("address", ["/docs/x", "/docs/x/openapi.yaml", "/docs/v2_sessions/x", "/docs/%00"])
def test_an_unknown_document_answers_404_with_the_address_of_the_documentation(
    client: httpx.Client, address: str
) -> None:
    answered = client.get(address)
    assert answered.status_code == 404
    assert answered.headers["content-type"].startswith("text/plain")
    assert "/docs" in answered.text


def test_documents_allow_get_and_head_only(client: httpx.Client) -> None:
    for address in ("/docs", "/docs/sandbox", "/docs/sandbox/openapi.yaml"):
        for method in ("POST", "PUT", "DELETE"):
            assert client.request(method, address).status_code == 405
        assert client.head(address).status_code in (200, 307)


@pytest.mark.parametrize("address", ["/", "/docs/.."])
def test_the_root_redirects_to_the_documentation(client: httpx.Client, address: str) -> None:
    answered = client.get(address)
    assert (answered.status_code, answered.headers["location"]) == (307, "/docs")
