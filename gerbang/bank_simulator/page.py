"""The page for people: pay a number, see what was said, choose faults."""

from pathlib import Path

import jinja2

from gerbang.bank_simulator.bank import Bank
from gerbang.bank_simulator.chance import TOWARDS_BANK, TOWARDS_PARTNER
from gerbang.bank_simulator.payments import Order, Outcome

SHOWN = 30
HEADERS = {
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
}
MONEY = {
    "paid": "Dibayar / Paid",
    "reversed": "Dikembalikan / Returned to the payer",
    "suspended": "Ditahan / Suspended: nobody knows yet",
    "not taken": "Tidak didebit / No money was taken",
}
_environment = jinja2.Environment(
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_page = _environment.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def readable(sen: int) -> str:
    """An amount as Indonesians write it: `Rp 1.000.000,00`."""
    return "Rp " + f"{sen / 100:,.2f}".translate(str.maketrans(",.", ".,"))


def written(bank: Bank, outcome: Outcome | None, wrong: str, asked: Order) -> str:
    """The page as HTML."""
    return _page.render(
        bank=bank.profile,
        wiring=bank.wiring,
        outcome=outcome,
        money=MONEY.get(outcome.money, "") if outcome else "",
        wrong=wrong,
        asked=asked,
        accounts=[(each.number, each.holder, readable(each.balance)) for each in bank.ledger.accounts()],
        exchanges=list(reversed(bank.transcript.exchanges))[:SHOWN],
        seed=bank.chance.seed,
        active=bank.chance.rates,
        groups=(
            ("Ke merchant / Towards the gateway", TOWARDS_PARTNER),
            ("Ke bank / Towards the bank", TOWARDS_BANK),
        ),
    )
