"""A channel is one file and a bank one row: both are added to a copy of the package, and it is paid through them."""

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from playwright.sync_api import sync_playwright

from tests.api.v2_sessions.contracts import Contract
from tests.support.gateways import Databases
from tests.support.programs import ROOT, Caller, keys_of, program_in
from tests.web.checkout import browsers

FILE = "gerbang/channels/toy_beads.py"
TABLE = "gerbang/channels/virtual_account.py"
BEFORE = '        Bank("BRI", '
ROW = '        Bank("TOY", "Bank Mainan", 8, "9981", "9982", "9983"),\n'
BEADS, BANK = "toy_beads", "TOY"
V2 = {
    BEADS: ("TOY_BEADS", {"toyBeads": {"channel": "RED"}}),
    BANK: ("VIRTUAL_ACCOUNT", {"virtualAccount": {"channel": "TOY", "virtualAccountName": "Budi"}}),
}
V4 = {
    BEADS: ("toy_beads", {"providerCode": "BLUE"}),
    BANK: ("virtual_bank_account", {"bankShortCode": "TOY", "displayName": "Budi"}),
}
both = pytest.mark.parametrize("way", [BEADS, BANK])


class Shop:
    """The sandbox merchant of the copy, in both dialects."""

    def __init__(self, data: Path, database_url: str) -> None:
        self.data, self.database_url = data, database_url
        keys = keys_of(data)
        self.url = str(keys["baseUrl"])
        self.v2 = Caller(self.url, keys["v2"]["merchantId"], keys["v2"]["merchantSecret"])
        self._basic = (keys["v4"]["apiKey"], keys["v4"]["secretKey"])
        self._contracts: dict[str, Contract] = {}

    def faults(self, dialect: str, method: str, path: str, answer: httpx.Response) -> list[str]:
        """In what an answer differs from the contract that the copy serves."""
        if dialect not in self._contracts:  # reading one takes longer than anything else that a test does
            served = httpx.get(f"{self.url}/docs/{dialect}/openapi.yaml", timeout=30)
            self._contracts[dialect] = Contract(yaml.safe_load(served.text))
        return self._contracts[dialect].faults(method, path, answer)

    def session(self, reference: str, way: str | None, **changes: object) -> dict[str, Any]:
        """A payment session over Rp 20.000; without a way the buyer chooses one on the page."""
        body: dict[str, object] = {"clientReferenceId": reference, "amount": {"value": 20_000, "currency": "IDR"}}
        if way is not None:
            type_, options = V2[way]
            body |= {"mode": "API", "paymentMethod": {"type": type_}, "paymentMethodOptions": options}
        answer = self.v2.ask("POST", "/v2/payments", body | changes)
        assert self.faults("v2_sessions", "POST", "/v2/payments", answer) == []
        return answer.json()["data"]

    def v4(self, path: str, attributes: Mapping[str, object]) -> httpx.Response:
        return httpx.post(
            f"{self.url}/api/v4/{path}", json={"data": {"attributes": attributes}}, auth=self._basic, timeout=30
        )

    def callback_of(self, is_it: str, seconds: float = 10) -> dict[str, Any]:
        """The body of the newest callback that holds this text, once it is there."""
        end = time.monotonic() + seconds
        while True:
            items = self.v2.done("GET", "/sandbox/inbox")["items"]
            if found := [item["body"] for item in items if is_it in json.dumps(item["body"])]:
                return found[0]
            assert time.monotonic() < end, items
            time.sleep(0.05)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one file and one row more."""
    folder = tmp_path_factory.mktemp("copy")
    # With what Python has compiled already: it compiles again only what differs.
    shutil.copytree(ROOT / "gerbang", folder / "gerbang")
    shutil.copy(Path(__file__).with_name("toy.py"), folder / FILE)
    table = (folder / TABLE).read_text()
    assert table.count(BEFORE) == 1
    (folder / TABLE).write_text(table.replace(BEFORE, ROW + BEFORE))
    return folder


@pytest.fixture(scope="module")
def shop(copy: Path, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    data = tmp_path_factory.mktemp("toys")
    arguments = ["run", "--port", "0", "--data", str(data)]
    database_url = databases.fresh()
    with program_in(copy, *arguments, GERBANG_DATABASE_URL=database_url) as running:
        running.url()
        yield Shop(data, database_url)


def files_of(folder: Path) -> dict[str, bytes]:
    """The package's files below a folder, but for what Python makes of them."""
    files = (file for file in (folder / "gerbang").rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_nothing_else_of_the_copy_differs(copy: Path) -> None:
    ours, theirs = files_of(ROOT), files_of(copy)
    assert theirs.keys() - ours.keys() == {FILE}
    assert [name for name in ours if ours[name] != theirs.get(name)] == [TABLE]
    assert theirs[TABLE].decode().replace(ROW, "") == ours[TABLE].decode()


@both
def test_a_session_is_paid_by_it_and_its_callback_comes(shop: Shop, way: str) -> None:
    session = shop.session(f"session {way}", way)
    [charge] = session["chargeDetails"]
    type_, _ = V2[way]
    assert session["status"] == "REQUIRE_ACTION"
    assert session["paymentMethod"]["type"] == type_
    if way == BEADS:
        code = charge["toyBeads"]
        assert (code["channel"], code["name"]) == ("RED", "TOKO GERBANG")
        assert code["paymentCode"]
        assert code["expiryAt"]
    else:
        assert charge["virtualAccount"]["channel"] == "TOY"
        assert charge["virtualAccount"]["virtualAccountNumber"].startswith("9982")
    assert shop.v2.pay(session["id"]).json()["data"] == {"updated": "true"}
    callback = shop.callback_of(session["id"])
    assert (callback["event"], callback["data"]["status"]) == ("PAYMENT.PAID", "PAID")
    charges = shop.v2.ask("GET", f"/v2/charges?clientReferenceId=session%20{way}")
    assert shop.faults("v2_sessions", "GET", "/v2/charges", charges) == []
    [listed] = charges.json()["data"]
    assert listed["status"] == "SUCCESS"
    assert (listed["toyBeads"]["channel"] if way == BEADS else listed["virtualAccount"]["channel"]) in ("RED", "TOY")


@both
def test_a_document_is_paid_by_it_and_its_callback_comes(shop: Shop, way: str) -> None:
    type_, options = V4[way]
    attributes = {"paymentMethodType": type_, "paymentMethodOptions": options}
    made = shop.v4("payments", attributes | {"amount": 20_000, "referenceId": f"document {way}"})
    assert made.status_code == 201, made.text
    assert shop.faults("v4_documents", "POST", "/api/v4/payments", made) == []
    payment = made.json()["data"]
    method = payment["attributes"]["paymentMethod"]
    assert method["type"] == type_
    shown = method["instructions"]
    if way == BEADS:
        assert (shown["providerCode"], shown["displayName"]) == ("BLUE", "TOKO GERBANG")
        assert shown["paymentCode"]
    else:
        assert (shown["bankShortCode"], shown["displayName"]) == ("TOY", "IKN-Budi")
        assert shown["accountNo"].startswith("9983")
    assert shop.v4(f"payments/{payment['id']}/tasks", {"action": "receive_payment"}).status_code == 201
    callback = shop.callback_of(payment["id"])
    assert callback["data"]["attributes"]["status"] in ("paid", "completed")


def test_what_it_refuses_is_refused_in_the_words_of_each_dialect(shop: Shop) -> None:
    refused = shop.v2.ask(
        "POST",
        "/v2/payments",
        {
            "clientReferenceId": "green",
            "amount": {"value": 20_000, "currency": "IDR"},
            "mode": "API",
            "paymentMethod": {"type": "TOY_BEADS"},
            "paymentMethodOptions": {"toyBeads": {"channel": "GREEN"}},
        },
    )
    assert refused.status_code == 400
    why = "GREEN is not offered for Toy beads: choose one of RED, BLUE."
    [detail] = refused.json()["error"]["details"]
    assert detail == {"field": "paymentMethodOptions.toyBeads.channel", "message": why}
    attributes = {"paymentMethodType": "toy_beads", "amount": 20_000, "referenceId": "green"}
    refused = shop.v4("payments", attributes | {"paymentMethodOptions": {"providerCode": "GREEN"}})
    [error] = refused.json()["errors"]
    assert (refused.status_code, error["detail"]) == (400, why)
    assert error["source"] == {"pointer": "/data/attributes/paymentMethodOptions/providerCode"}


def test_it_is_among_the_methods_that_a_merchant_has(shop: Shop) -> None:
    answer = shop.v2.ask("GET", "/v2/payment-method-configs")
    assert shop.faults("v2_sessions", "GET", "/v2/payment-method-configs", answer) == []
    configs = answer.json()["data"]
    assert configs["toyBeads"]["acceptedChannels"] == ["RED", "BLUE"]
    assert configs["toyBeads"]["minimumAmount"] == {"value": 1_000, "currency": "IDR"}
    assert "TOY" in configs["virtualAccount"]["acceptedChannels"]


@pytest.mark.parametrize(
    ("way", "title", "guide"), [(f"{BEADS}/RED", "Red beads", None), ("virtual_account/TOY", "Bank Mainan", "ATM")]
)
def test_a_page_offers_it_and_is_paid_from(shop: Shop, way: str, title: str, guide: str | None) -> None:
    session = shop.session(f"page {way}", None)
    with httpx.Client(timeout=30, follow_redirects=True, headers={"accept-language": "en"}) as buyer:
        page = buyer.get(session["paymentUrl"])
        for form in ({"way": way}, {"play": "exact"}):
            proof = re.search(r'name="form" value="([0-9a-f]+)"', page.text)
            assert proof is not None
            action = "choose" if "way" in form else "simulate"
            to = str(session["paymentUrl"]).replace("/detail?", f"/detail/{action}?")
            page = buyer.post(to, data={"form": proof[1]} | form)
            assert page.status_code == 200
            assert title in page.text
            if "way" in form:
                assert (guide or title) in page.text
    assert shop.v2.status(session["id"]) == "PAID"


def test_a_buyer_pays_by_it_in_a_browser(shop: Shop) -> None:
    session = shop.session("browser", None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browsers.chromium(), args=browsers.ARGUMENTS)
        page = browser.new_context(locale="en-US").new_page()
        page.goto(session["paymentUrl"])
        page.get_by_role("group", name="Beads").get_by_role("button", name="Blue beads").click()
        page.get_by_role("heading", name="Count out Blue beads for this code").wait_for()
        page.locator("button[name=play][value=exact]").click()
        page.get_by_text("Blue beads · Beads").wait_for()
        browser.close()
    assert shop.v2.status(session["id"]) == "PAID"


def test_its_settings_are_shown_and_set_as_any_channels(shop: Shop, copy: Path, tmp_path: Path) -> None:
    def operator(*arguments: str) -> tuple[int, str, str]:
        known = {"GERBANG_DATABASE_URL": shop.database_url, "GERBANG_DATA": str(shop.data)}
        with program_in(copy, "merchant", "agreement", "131", *arguments, **known) as running:
            return running.ended(), running.out, running.err

    code, printed, error = operator()
    assert (code, error) == (0, "")
    shown = json.loads(printed)["channels"]
    assert shown[BEADS] == {"colours": ["RED", "BLUE"], "beads_max": 100}
    assert shown["virtual_account"]["banks"][BANK]["static_prefix"] == "99810131"
    file = tmp_path / "agreement.json"
    file.write_text(json.dumps({"channels": {BEADS: {"colours": ["RED"], "beads_max": 0}}}))
    code, _, error = operator("--set", str(file))
    assert (code, error) == (1, "gerbang: channels.toy_beads.beads_max must be 1 to 1000. Nothing was changed.\n")
