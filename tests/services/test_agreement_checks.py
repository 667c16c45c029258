"""An agreement is checked before it is kept, all of it: what could not be paid by is refused in words."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import Raw
from msgspec.structs import replace
from structlog.testing import capture_logs

from gerbang.domain.merchants import Agreement, Merchant
from gerbang.domain.payments import Details, Method
from gerbang.errors import AgreementUnusable, Invalid
from gerbang.services import agreement_checks, checkout, sandbox_merchant
from gerbang.services.merchants import change_agreement, default_agreement, set_agreement, unusable
from gerbang.services.payments import read
from tests.support.gateways import Databases
from tests.support.services import Services, services

ROOT = Path(__file__).parent.parent.parent
LONG = 10**17
PAGE = Details(redirect=True)


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    return databases.fresh()


@asynccontextmanager
async def shop_on(url: str) -> AsyncGenerator[tuple[Services, Merchant]]:
    """A gateway and its merchant."""
    async with services(url) as here:
        yield here, await here.merchant()


def qris(**changes: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "acquirer": "BNC",
        "globally_unique_id": "ID.CO.GERBANG.WWW",
        "merchant_pan": "936009900000000131",
        "merchant_id": "G00000000131",
        "criteria": "UKE",
        "nmid": "ID2025000000131",
        "category_code": "5999",
        "name": "Toko",
        "city": "Jakarta",
        "postal_code": "10110",
    }
    return {"channels": {"qris": usual | changes}}


def bank(code: str = "BRI", **changes: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "dynamic": {"prefix": "12700000", "digits": 8},
        "static_prefix": "12690131",
        "static_digits": 7,
        "static_ranges": [[0, 99]],
    }
    return {"channels": {"virtual_account": {"banks": {code: usual | changes}}}}


def outlets(outlet: str = "ALFAMART", **changes: object) -> dict[str, object]:
    codes: dict[str, object] = {"prefix": "", "digits": 3}
    return {"channels": {"retail_outlet": {"outlets": [outlet], "codes": codes | changes}}}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        (qris(nmid=""), "Nobody could pay any amount by qris in payment: Tag 51 (national repository) is required"),
        (qris(nmid="ID" * 10), "Tag 51-02 (NMID) must be 1 to 15"),
        (qris(merchant_pan="1234"), "Tag 26-01 (merchant PAN) must be 18 or 19 digits"),
        (qris(city="漢字"), "Tag 60 (merchant city)"),
        (qris(terminal="A" * 26), "Tag 62-07"),
        (qris(acquirer=""), "qris.acquirer must be 1 to 20 letters"),
        (qris(static_quota=-1), "qris.static_quota must be 0 to 1000000."),
        (
            {"amount_max": {"qris": 10**16}},
            "Rp 100.000.000.000.000 by qris in payment: Tag 54 (amount) holds at most 13",
        ),
        ({"amount_min": {"qris": LONG}}, "by qris in payment: no whole rupiah lies between its least and its most"),
        ({"amount_min": {"qris": 10_010}, "amount_max": {"qris": 10_090}}, "no whole rupiah lies between"),
        ({"amount_max": {"virtual_account/HANA": 1}}, "by virtual_account/HANA in v4-payments: no whole rupiah"),
        (
            {"expiry_min_seconds": {"retail_outlet": 200}, "expiry_max_seconds": {"retail_outlet": 100}},
            "so near nor so far",
        ),
        (
            {"expiry_max_seconds": {"virtual_account": 1_800}},
            "by virtual_account/BCA in v4-payments: its expiry may be",
        ),
        (bank("BRIS"), "virtual_account names BRIS, which there is none of: choose from BCA, BNC,"),
        (bank(static_prefix="12700000", static_digits=8, static_ranges=[[0, 99_999_999]]), "leave no others"),
        ({"channels": {"virtual_account": {"banks": {}}}}, "virtual_account names nothing to pay by: say null"),
        (outlets("KIOSK"), "retail_outlet names KIOSK"),
        (outlets(digits=3_000_000), "channels.retail_outlet.codes must have 1 to 12 free digits."),
        (outlets(prefix="a b"), "channels.retail_outlet.codes must begin with at most 16 digits."),
        (outlets(first=9, last=2), "channels.retail_outlet.codes must begin at 0 or more, and end"),
        ({"channels": {"ewallet": {"wallets": ["LINKAJA"]}}}, "ewallet names LINKAJA"),
        ({"channels": {"kiosk": {}}}, "channels.kiosk names no channel: choose one of card, ewallet, qris,"),
        ({"channels": {"ewallet": {"wallets": 3}}}, "Expected `array`, got `int` - at `$.channels.ewallet.wallets`"),
        ({"channels": {"ewallet": {}}}, "Object missing required field `wallets` - at `$.channels.ewallet`"),
        ({"channels": []}, "Expected `object`, got `array` - at `$.channels`"),
        (qris(static_qouta=1), "An agreement has no channels.qris.static_qouta."),
        (
            {"qris": None},
            'Settings of a channel stand among "channels" now: write {"channels": {"qris": …}}.',
        ),
        ({"also_offered": {"paymet": ["qris"]}}, "also_offered.paymet names no product: choose one of money, payment,"),
        (
            {"also_offered": {"payment": ["kiosk"]}},
            "also_offered.payment names no channel in kiosk: choose one of card, ewallet,",
        ),
        ({"fees": {"qris": {"percent": "0.33333"}}}, "fees.qris.percent must have at most four decimals."),
        ({"fees": {"qris": {"percent": "1." + 30 * "0" + "1"}}}, "fees.qris.percent must have at most four decimals."),
        ({"fees": {"payout": {"vat_percent": "11.00001"}}}, "fees.payout.vat_percent must have at most four decimals."),
        ({"look": {"colour": "red"}}, 'look.colour must be written as "#0f5b57".'),
        ({"look": {"logo_url": "https://shop.example/logo.png"}}, "look.logo_url must hold its picture itself"),
        ({"look": {"frame_ancestors": ["*; script-src *"]}}, "look.frame_ancestors must be origins"),
    ],
)
async def test_what_nobody_could_be_paid_by_is_not_agreed(url: str, members: dict[str, object], why: str) -> None:
    async with shop_on(url) as (here, merchant):
        with pytest.raises(Invalid, match=re.escape(why)) as refused:
            await change_agreement(here.world, merchant.id, members)
        assert str(refused.value).endswith("Nothing was changed.")
        assert (await read.merchant(here.world, merchant.id)).agreement == merchant.agreement


@pytest.mark.parametrize(
    "members",
    [
        qris(),
        bank(),
        bank(own={"prefix": "126961", "digits": 8}, own_by_choice=False),
        {"channels": {"virtual_account": None, "qris": None}},
        {"fees": {"qris": {"percent": "0.7000000000"}, "payout": {"percent": "100", "vat_percent": "100"}}},
        {"amount_max": {"virtual_account": 10**18 - 1}, "amount_min": {"virtual_account": 1}},
        {"expiry_max_seconds": {"virtual_account": 86_400}},
        {"also_offered": {"payment": ["retail_outlet", "ewallet"]}},
        {"look": {"frame_ancestors": ["https://*.shop.example"], "colour": "#AA0000"}},
    ],
)
async def test_what_can_be_paid_by_is_agreed(url: str, members: dict[str, object]) -> None:
    async with shop_on(url) as (here, merchant):
        kept = await change_agreement(here.world, merchant.id, members)
        assert (await read.merchant(here.world, merchant.id)).agreement == kept != merchant.agreement


async def test_what_gerbang_gives_out_and_prints_passes_the_check(url: str) -> None:
    printed = re.search(r"```json\n(.*?)```", (ROOT / "docs/production.md").read_text(encoding="utf-8"), re.DOTALL)
    assert printed is not None

    async with shop_on(url) as (here, merchant):
        own: list[Agreement] = [
            sandbox_merchant.agreement(),
            *(default_agreement(n, "Toko") for n in (1, 9_999, 10**9 - 1)),
        ]
        for agreement in own:
            await set_agreement(here.world, merchant.id, agreement)
            usual = await read.merchant(here.world, merchant.id)
            assert agreement_checks.fault(here.world, usual, merchant) is None
            await change_agreement(here.world, merchant.id, json.loads(printed[1]))


async def test_settings_that_cannot_be_read_are_named_and_take_no_other_channel_with_them(url: str) -> None:
    async with shop_on(url) as (here, merchant):
        spoilt = replace(merchant.agreement, channels=merchant.agreement.channels | {"qris": Raw(b'{"nmid": 3}')})
        await set_agreement(here.world, merchant.id, spoilt)
        [why] = [why for whose, why in await unusable(here.world) if whose.id == merchant.id]
        assert why.startswith("channels.qris cannot be read: ")
        with pytest.raises(AgreementUnusable, match="QRIS cannot be used") as refused, capture_logs() as logged:
            await here.create(merchant, method=Method("qris"))
        assert refused.value.field == "method"
        assert {entry["event"] for entry in logged} == {"an agreement is unusable"}
        assert await here.create(merchant), "by a virtual account"
        [visit] = await checkout.visits(here.world, [await here.create(merchant, method=None, details=PAGE)])
        assert isinstance(visit, checkout.Visit)
        assert [way.channel for way in checkout.ways(here.world, visit)] == ["card", "ewallet", "virtual_account"]
