"""The OpenAPI documents are valid, their examples obey their schemas, and the documentation pages show all of them."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from gerbang.web import docs
from gerbang.web.docs.contents import METHODS, find, read
from tests.support.openapi import read_openapi

API = Path(docs.__file__).parents[2] / "api"
README = Path(docs.__file__).parents[3] / "README.md"
PATHS = sorted(API.glob("*/openapi.yaml"))
DOCUMENTS: dict[str, dict[str, Any]] = {path.parent.name: read_openapi(path.read_text("utf-8")) for path in PATHS}
JSON_TYPES = ("application/json",)

every_document = pytest.mark.parametrize("name", sorted(DOCUMENTS))


def nodes(value: Any, at: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document with its JSON pointer; the values of examples are left out."""
    if isinstance(value, dict):
        node = cast(dict[str, Any], value)
        yield at, node
        for key, child in node.items():
            if not (key == "value" and "/examples/" in at):
                yield from nodes(child, at + "/" + key.replace("~", "~0").replace("/", "~1"))
    elif isinstance(value, list):
        for number, child in enumerate(cast(list[Any], value)):
            yield from nodes(child, f"{at}/{number}")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def follow(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    return find(document, node["$ref"]) if "$ref" in node else node


def validator(document: dict[str, Any], pointer: str) -> Draft202012Validator:
    """A validator of the schema at a pointer of the document."""
    resource = Resource(contents=document, specification=DRAFT202012)
    registry: Registry[Any] = Registry[Any]().with_resource("urn:document", resource)
    return Draft202012Validator({"$ref": f"urn:document{pointer}"}, registry=registry, format_checker=FormatChecker())


def examples(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every example: its place, the JSON pointer of the schema that it must obey, and its value."""
    for at, node in nodes(document):
        if "schema" in node and "example" in node:
            yield at, f"{at}/schema", node["example"]
        if "schema" in node:
            for name, example in node.get("examples", {}).items():
                yield f"{at} {name}", f"{at}/schema", follow(document, example)["value"]


def faults(document: dict[str, Any], pointer: str, value: Any) -> list[str]:
    found = cast(Any, validator(document, pointer)).iter_errors(value)
    return [f"{fault.json_path}: {fault.message}" for fault in found]


class Page(HTMLParser):
    """An HTML page's ids, links, tags and text. Fails on an element that is closed out of order."""

    EMPTY = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.ids += [value or "" for key, value in attrs if key == "id"]
        self.links += [value or "" for key, value in attrs if key in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_api_has_an_openapi_document() -> None:
    assert set(DOCUMENTS) == {"sandbox", "v2_sessions", "v4_documents"}


@every_document
def test_the_document_is_valid_openapi(name: str) -> None:
    OpenAPIV31SpecValidator(cast(Any, DOCUMENTS[name])).validate()


@every_document
def test_every_reference_can_be_resolved(name: str) -> None:
    references = [node["$ref"] for _, node in nodes(DOCUMENTS[name]) if isinstance(node.get("$ref"), str)]
    assert references
    for reference in references:
        assert reference.startswith("#/")
        assert find(DOCUMENTS[name], reference) is not None


@every_document
def test_every_component_is_used(name: str) -> None:
    document = DOCUMENTS[name]
    used = {node["$ref"] for _, node in nodes(document) if isinstance(node.get("$ref"), str)}
    kinds = ("schemas", "responses", "parameters", "examples")
    declared = {f"#/components/{kind}/{key}" for kind in kinds for key in document["components"].get(kind, {})}
    assert declared <= used


@every_document
def test_every_example_obeys_its_schema(name: str) -> None:
    found = list(examples(DOCUMENTS[name]))
    assert len(found) > 20
    wrong = {at: wrongs for at, pointer, value in found if (wrongs := faults(DOCUMENTS[name], pointer, value))}
    assert wrong == {}


@every_document
def test_every_operation_documents_its_error_statuses(name: str) -> None:
    for method, path, operation in operations(DOCUMENTS[name]):
        statuses = set(operation["responses"])
        assert [status for status in statuses if status.startswith("2")], f"{method} {path} never succeeds"
        needed = {"405", "500", "503"}
        needed |= {"401"} if operation.get("security") != [] else set[str]()
        needed |= {"413"} if "requestBody" in operation else set[str]()
        needed |= {"404"} if "{" in path else set[str]()
        assert needed <= statuses, f"{method} {path} lacks {needed - statuses}"


@every_document
def test_every_request_body_and_json_answer_has_an_example(name: str) -> None:
    document = DOCUMENTS[name]
    for method, path, operation in operations(document):
        holders = [operation["requestBody"]] if "requestBody" in operation else []
        holders += [follow(document, answer) for answer in operation["responses"].values()]
        for holder in holders:
            for media_type in JSON_TYPES:
                if media_type in holder["content"]:
                    assert holder["content"][media_type].get("examples"), f"{method} {path}"


@every_document
def test_the_page_prints_every_operation_and_schema(name: str) -> None:
    document = DOCUMENTS[name]
    page = Page(docs.render(document))
    for method, path, operation in operations(document):
        assert operation["operationId"] in page.ids, f"{method} {path}"
        assert path in page.text
        assert operation["summary"] in page.text
    for schema in document["components"]["schemas"]:
        assert f"schema-{schema}" in page.ids


@every_document
def test_the_page_is_well_formed_and_loads_nothing_from_other_hosts(name: str) -> None:
    html = docs.render(DOCUMENTS[name])
    page = Page(html)
    assert page.open == []
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    assert [link for link in page.links if not link.startswith("#")] == []
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_prints_a_curl_line_with_credentials_and_body() -> None:
    page = Page(docs.render(DOCUMENTS["v2_sessions"], "https://pay.example/"))
    assert "curl -X POST 'https://pay.example/v2/payments' \\\n  -H \"Authorization: Bearer $TOKEN\"" in page.text
    assert '-H "X-MERCHANT-ID: $MERCHANT"' in page.text
    assert '-H "X-MERCHANT-SECRET: $MERCHANT_SECRET"' in page.text
    body = re.search(r"/v1/access-token'.*?-d '(.*?)'", page.text, re.DOTALL)
    assert body is not None
    assert json.loads(body[1]) == {"grantType": "client_credentials"}


def test_the_page_prints_a_curl_line_with_a_key_and_its_secret() -> None:
    page = Page(docs.render(DOCUMENTS["v4_documents"], "https://pay.example/"))
    assert "curl -X POST 'https://pay.example/api/v4/payments' \\\n  -u \"$KEY:$SECRET\"" in page.text


def test_curl_lines_for_the_sandbox_use_the_merchants_key_that_does_not_expire() -> None:
    page = Page(docs.render(DOCUMENTS["sandbox"], "https://pay.example/"))
    assert "curl 'https://pay.example/sandbox/clock' \\\n  -u \"$MERCHANT:$MERCHANT_SECRET\"" in page.text
    assert "$TOKEN" not in page.text


@every_document
def test_curl_lines_use_the_shell_variables_of_the_readme_and_no_date_that_can_pass(name: str) -> None:
    named = set(re.findall(r"^(\w+)=\$?\S", README.read_text("utf-8"), re.MULTILINE))
    assert {"MERCHANT", "MERCHANT_SECRET", "TOKEN", "KEY", "SECRET"} <= named
    sections = read(DOCUMENTS[name], "https://pay.example").sections
    lines = [
        example.curl
        for section in sections
        for operation in section.operations
        for example in operation.examples
        if operation.incoming
    ]
    assert len(lines) > 10
    for line in lines:
        assert set(re.findall(r"\$(\w+)", line)) <= named, line
        assert not re.search(r"\d{4}-\d{2}-\d{2}", line), line


def test_the_page_escapes_text() -> None:
    document = json.loads(json.dumps(DOCUMENTS["sandbox"]))
    document["info"]["description"] = "<script>alert(1)</script> and `<b>code</b>`"
    document["paths"]["/sandbox/clock"]["get"]["summary"] = "<img src=x>"
    page = Page(docs.render(document))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "<script>alert(1)</script>" in page.text


def test_the_page_links_to_the_other_pages() -> None:
    page = Page(docs.render(DOCUMENTS["sandbox"], others={"Payment sessions": "/docs"}))
    assert "/docs" in page.links


def created(**changes: Any) -> dict[str, Any]:
    """The example answer to a create with these fields changed; a field set to `...` is removed."""
    value = json.loads(json.dumps(DOCUMENTS["v2_sessions"]["components"]["examples"]["CreatedVirtualAccount"]["value"]))
    value["data"] |= changes
    value["data"] = {key: field for key, field in value["data"].items() if field is not ...}
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"status": "PAID"},
        {"expiryAt": ...},
        {"createdAt": "2025-03-30T05:48:17+07:00"},
        {"createdAt": "yesterday"},
        {"amount": {"value": "75000", "currency": "IDR"}},
        {"amount": {"value": 75000.5, "currency": "IDR"}},
        {"chargeDetails": None},
        {"chargeDetails": []},
        {"cancelledAt": None, "cancellationReason": None},
        {"paymentType": ...},
        {"mode": "REDIRECT"},
        {"paymentUrl": "http://127.0.0.1:8000/detail?token=x"},
        {"metadata": None},
    ],
)
def test_a_create_answer_that_is_wrong_in_one_field_violates_the_schema(changes: dict[str, Any]) -> None:
    pointer = "#/components/schemas/CreatedPaymentAnswer"
    assert faults(DOCUMENTS["v2_sessions"], pointer, created()) == []
    assert faults(DOCUMENTS["v2_sessions"], pointer, created(**changes))


@pytest.mark.parametrize("value", [1, 10000, 10000.0, "10000", "10000.00", 9999999999999999, 0])
def test_an_amount_may_be_a_number_or_text(value: Any) -> None:
    assert (
        faults(DOCUMENTS["v2_sessions"], "#/components/schemas/AmountRequest", {"value": value, "currency": "IDR"})
        == []
    )


@pytest.mark.parametrize("value", [-1, 0.5, "0.5", "-1", "1e3", "", " 1", "ten", True, None, 10**16, "1" + "0" * 16])
def test_an_amount_must_be_whole_and_within_sixteen_digits(value: Any) -> None:
    assert faults(DOCUMENTS["v2_sessions"], "#/components/schemas/AmountRequest", {"value": value, "currency": "IDR"})


def test_only_a_cancelled_payment_may_have_a_cancellation_reason() -> None:
    document = DOCUMENTS["v2_sessions"]
    value = json.loads(json.dumps(document["components"]["examples"]["PaymentCancelled"]["value"]))
    assert faults(document, "#/components/schemas/PaymentAnswer", value) == []
    value["data"]["status"] = "EXPIRED"
    assert faults(document, "#/components/schemas/PaymentAnswer", value)


def one_time(**changes: Any) -> dict[str, Any]:
    """The example of a retail outlet payment with these attributes changed; one set to `...` is removed."""
    value = json.loads(json.dumps(DOCUMENTS["v4_documents"]["components"]["examples"]["RetailOutletPending"]["value"]))
    attributes = value["data"]["attributes"] | changes
    value["data"]["attributes"] = {key: field for key, field in attributes.items() if field is not ...}
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"status": "settled"},
        {"status": "failed"},
        {"failureReason": "It was declined."},
        {"amount": 100000},
        {"amount": "100000"},
        {"amount": "100000.00"},
        {"fees": "4400.50"},
        {"currency": ...},
        {"currency": "USD"},
        {"createdAt": "2020-10-19T02:12:48Z"},
        {"createdAt": "2020-10-19 09:12:48 +0700"},
        {"description": ...},
        {"expiredAt": ...},
        {"expiredAt": "2020-10-20"},
        {"referenceId": None},
        {"paymentMethod": ...},
        {"paymentMethod": {}},
        {"paymentMethod": {"id": "va_1", "type": "retail_outlet"}},
    ],
)
def test_a_one_time_payment_that_is_wrong_in_one_field_violates_the_schema(changes: dict[str, Any]) -> None:
    pointer = "#/components/schemas/PaymentAnswer"
    assert faults(DOCUMENTS["v4_documents"], pointer, one_time()) == []
    assert faults(DOCUMENTS["v4_documents"], pointer, one_time(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "999"},
        {"code": 5},
        {"title": "Invalid parameter(s)"},
        {"code": "004"},
        {"detail": ""},
        {"source": {}},
        {"source": {"pointer": "/data", "parameter": "sort"}},
        {"source": {"pointer": "data"}},
    ],
)
def test_an_error_that_is_wrong_in_one_field_violates_the_schema(changes: dict[str, Any]) -> None:
    pointer, document = "#/components/schemas/Errors", DOCUMENTS["v4_documents"]
    error = {"code": "005", "title": "Invalid parameter", "detail": "no", "source": {"pointer": "/data"}}
    assert faults(document, pointer, {"errors": [error]}) == []
    assert faults(document, pointer, {"errors": [error | changes]})


def test_the_clock_is_moved_by_seconds_or_to_an_instant_but_not_both() -> None:
    pointer = "#/components/schemas/Advance"
    assert faults(DOCUMENTS["sandbox"], pointer, {"seconds": 60}) == []
    assert faults(DOCUMENTS["sandbox"], pointer, {"to": "2025-04-01T00:00:00Z"}) == []
    assert faults(DOCUMENTS["sandbox"], pointer, {"seconds": 60, "to": "2025-04-01T00:00:00Z"})
    assert faults(DOCUMENTS["sandbox"], pointer, {})
