"""Codes that a bank must know, or makes, over the national standard: a gateway and a simulated bank, over HTTP in both directions."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.gateways import Databases, Shop
from tests.support.simulated_banks import both

QRIS_ROUTE = '\n[[routes]]\nconnections = ["bri-ws"]\nchannel = "qris"\n'


class Way(NamedTuple):
    """A profile and what is bought by it."""

    profile: str
    channel: str
    option: str | None = None
    routes: str = ""

    def body(self, shop: Shop) -> dict[str, Any]:
        if self.channel == "qris":
            return {"paymentMethod": {"type": "QR"}, "paymentMethodOptions": None}
        return {"paymentMethodOptions": {"virtualAccount": {"channel": self.option, "virtualAccountName": "Budi & Co"}}}


VA = [
    Way("bri-ws", "virtual_account", "BRI"),
    Way("mandiri", "virtual_account", "MANDIRI"),
    Way("doku", "virtual_account", "DANAMON"),
]
QR = [Way("bri-ws", "qris", routes=QRIS_ROUTE), Way("doku", "qris")]


def shown(made: dict[str, Any]) -> str:
    """What a buyer pays to."""
    (charge,) = made["chargeDetails"]
    return charge["virtualAccount"]["virtualAccountNumber"] if "virtualAccount" in charge else charge["qr"]["qrContent"]


def status(shop: Shop, made: dict[str, Any]) -> str:
    return shop.get(f"/v2/payments/{made['id']}")["data"]["status"]


@pytest.mark.parametrize("way", VA + QR, ids=lambda way: f"{way.profile}-{way.channel}")
async def test_a_code_is_the_banks_and_is_paid_there_and_booked(databases: Databases, tmp_path: Path, way: Way) -> None:
    async with both(databases, tmp_path, way.profile, routes=way.routes) as (gateway, bank):
        shop = gateway.new_shop()
        made = await asyncio.to_thread(lambda: shop.create(**way.body(shop)))
        paid = await bank.pay(shown(made))
        assert (paid["money"], paid["taken"]) == ("paid", True), paid
        assert await asyncio.to_thread(status, shop, made) == "PAID"
