"""`gerbang refunds`: how an operator finds refunds that wait for an account, names one, or ends them."""

import json
from dataclasses import dataclass
from uuid import UUID

import pytest

from tests.support.gateways import Databases
from tests.support.payouts import merchant_with
from tests.support.refunds import ask
from tests.support.services import KEY, run, services
from tests.support.settling import BCA, paid
from tests.test_cli import typed

NOBODY = UUID(int=7)


@dataclass
class Operator:
    """A command line on a database that has a refund which waits for an account."""

    refund: UUID
    capsys: pytest.CaptureFixture[str]

    def typed(self, line: str) -> tuple[int, str, str]:
        return typed(line.replace("ID", str(self.refund)), self.capsys)


@pytest.fixture
def operator(databases: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    url = databases.fresh()
    monkeypatch.setenv("GERBANG_DATABASE_URL", url)
    monkeypatch.setenv("GERBANG_SECRET_KEY", KEY)

    async def fill() -> UUID:
        async with services(url) as here:
            merchant = await merchant_with(here, 1_000_000)
            return (await ask(here, merchant, await paid(here, merchant, BCA))).id

    return Operator(run(fill), capsys)


def test_what_waits_for_an_account_is_listed_and_shown(operator: Operator) -> None:
    code, out, _ = operator.typed("refunds list --json")
    (listed,) = json.loads(out)
    assert (code, listed["id"], listed["state"]) == (0, str(operator.refund), "waiting transfer")
    code, out, _ = operator.typed("refunds list")
    assert "account not known" in out
    code, out, _ = operator.typed("refunds show ID")
    assert (code, "Rp 5.000" in out) == (0, True)


def test_an_operator_names_the_account(operator: Operator) -> None:
    code, out, _ = operator.typed("refunds pay ID --bank 014 --account 1000200030 --name Budi")
    assert (code, out) == (0, f"{operator.refund} is sent to account 1000200030 at BCA: Rp 5.000.\n")
    for line in ("refunds pay ID --bank BRI --account 1000200031 --name Budi", "refunds cancel ID"):
        code, out, err = operator.typed(line)
        assert (code, out) == (1, "")
        assert err.startswith("gerbang: The refund is ")


def test_an_operator_ends_it(operator: Operator) -> None:
    code, out, _ = operator.typed("refunds cancel ID")
    assert (code, "Rp 5.000 is available to its merchant again" in out) == (0, True)
    assert operator.typed("refunds list")[1] == "All refunds have ended.\n"
    assert operator.typed("refunds cancel ID")[0] == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("refunds pay ID --bank NOBANK --account 1 --name Budi", "NOBANK is no bank"),
        ("refunds pay ID --bank BCA --account x1 --name Budi", "An account's number"),
        ("refunds pay ID --bank BCA --account 1 --name ''", "An account's name"),
        ("refunds show nonsense", "is not a refund's id"),
        (f"refunds show {NOBODY}", "There is no refund with this id."),
        (f"refunds cancel {NOBODY}", "There is no refund with this id."),
    ],
)
def test_what_is_wrong_is_one_sentence(operator: Operator, line: str, sentence: str) -> None:
    code, out, err = operator.typed(line)
    assert (code, out) == (1, "")
    assert sentence in err
