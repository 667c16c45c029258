"""What an agreement may say in general: every number within bounds. Each channel checks its own settings."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import cast

from gerbang.domain.account_inquiries import FEE_NAME as INQUIRY
from gerbang.domain.bank_directory import BANKS
from gerbang.domain.fees import Rate
from gerbang.domain.merchants import (
    COLOUR,
    LOGO,
    LOGO_LENGTH_MAX,
    ORIGIN,
    QUARANTINE_MIN,
    Agreement,
    Look,
    NumberRange,
)
from gerbang.domain.payouts import FEE_NAME

NOT_OWED = ("late", "double", "overpaid", "underpaid")
"""The outcomes of money that came for a payment and was not owed."""
SECONDS_MAX = 366 * 86_400
FLAT_MAX = 10**12
"""Of a fee, in sen: ten thousand million rupiah."""
AMOUNT_MAX = 10**18 - 1
"""Sixteen digits of rupiah, in sen."""
PERCENT_STEP = Decimal("0.0001")
"""A percentage has at most four decimals: no price list has more, and no fee is then a sen away from what it says."""
DIGITS_MAX = 12
OF_PAYOUTS = {"fees": (FEE_NAME, INQUIRY), "amount_max": (FEE_NAME,)}
"""What else than a channel has a fee or a limit."""
PREFIX = re.compile(r"[0-9]{0,16}", re.ASCII)


def fault(agreement: Agreement) -> str | None:
    """The first thing in an agreement that cannot be, as a sentence; None where all is well.

    The settings of channels are left to the channels.
    """
    return next(_faults(agreement), None)


def _faults(agreement: Agreement) -> Iterator[str]:
    rest_min = int(QUARANTINE_MIN.total_seconds())
    if not rest_min <= agreement.quarantine_seconds <= SECONDS_MAX:
        yield f"quarantine_seconds must be {rest_min} to {SECONDS_MAX}."
    for name, rate in agreement.fees.items():
        yield from _of_rate(f"fees.{name}", rate)
    for member in ("amount_min", "amount_max"):
        for name, amount in getattr(agreement, member).items():
            if not 1 <= amount <= AMOUNT_MAX:
                yield f"{member}.{name} must be 1 to {AMOUNT_MAX} sen."
    for member in ("expiry_min_seconds", "expiry_max_seconds"):
        for name, seconds in getattr(agreement, member).items():
            if not 1 <= seconds <= SECONDS_MAX:
                yield f"{member}.{name} must be 1 to {SECONDS_MAX}."
    if len(agreement.name_prefix) > 20 or not agreement.name_prefix.isprintable():
        yield "name_prefix must be at most 20 letters that can be printed."
    if agreement.payouts_day_max is not None and not 1 <= agreement.payouts_day_max <= AMOUNT_MAX:
        yield f"payouts_day_max must be 1 to {AMOUNT_MAX} sen."
    account = agreement.withdrawal_account
    if account is not None and account.bank_code not in BANKS:
        yield f"withdrawal_account.bank_code {account.bank_code!r:.40} names no bank."
    if account is not None and not (account.account_number.isdigit() and len(account.account_number) <= 34):
        yield "withdrawal_account.account_number must be 1 to 34 digits."
    if account is not None and not (account.account_name.isprintable() and 0 < len(account.account_name) <= 60):
        yield "withdrawal_account.account_name must be 1 to 60 letters that can be printed."
    yield from _of_look(agreement.look)


def misnamed(agreement: Agreement, known: Mapping[str, Collection[str]], products: Collection[str]) -> str | None:
    """The first name in an agreement of a channel, bank, outlet, wallet or product that there is none of, as a sentence.

    What was agreed under such a name would hold for nobody, and nobody would see it.
    """
    for product, offered in agreement.also_offered.items():
        if product not in products:
            return f"also_offered.{product} names no product: choose one of {', '.join(sorted(products))}."
        if strange := sorted(set(offered) - set(known)):
            return f"also_offered.{product} names no channel in {strange[0]}: choose one of {', '.join(sorted(known))}."
    for name in agreement.late_money:
        channel, slash, outcome = name.partition("/")
        if channel not in known:
            return f"late_money.{name} names no channel: choose one of {', '.join(sorted(known))}."
        if slash and outcome not in NOT_OWED:
            return f"late_money.{name} must name the channel alone, or one of {', '.join(NOT_OWED)} after it."
    for member in ("fees", "settling", "amount_min", "amount_max", "expiry_min_seconds", "expiry_max_seconds"):
        for name in getattr(agreement, member):
            channel, slash, option = str(name).partition("/")
            if name in OF_PAYOUTS.get(member, ()):
                continue
            if channel not in known:
                return f"{member}.{name} names no channel: choose one of {', '.join(sorted(known))}."
            if slash and member.startswith("expiry_"):
                return f"{member}.{name} must name the channel alone."
            if slash and option not in known[channel]:
                offered = f"choose one of {', '.join(sorted(known[channel]))}" if known[channel] else "say it alone"
                return f"{member}.{name} names nothing of {channel}: {offered}."
    return None


def _of_rate(name: str, rate: Rate) -> Iterator[str]:
    if not 0 <= rate.flat <= FLAT_MAX:
        yield f"{name}.flat must be 0 to {FLAT_MAX} sen."
    for part, percent in (("percent", rate.percent), ("vat_percent", rate.vat_percent)):
        if percent is None:
            continue
        if not (percent.is_finite() and 0 <= percent <= 100):
            yield f"{name}.{part} must be 0 to 100."
        elif percent.quantize(PERCENT_STEP) != percent:
            yield f"{name}.{part} must have at most four decimals."


def _of_look(look: Look) -> Iterator[str]:
    if not COLOUR.fullmatch(look.colour):
        yield 'look.colour must be written as "#0f5b57".'
    if look.logo_url and not (len(look.logo_url) <= LOGO_LENGTH_MAX and LOGO.fullmatch(look.logo_url)):
        yield (
            "look.logo_url must hold its picture itself (data:image/png;base64,…), in at most "
            f"{LOGO_LENGTH_MAX} characters."
        )
    for origin in look.frame_ancestors:
        if not ORIGIN.fullmatch(origin):
            yield f"look.frame_ancestors must be origins such as https://shop.example, and {origin!r:.80} is none."


def of_range(name: str, numbers: NumberRange) -> Iterator[str]:
    """What is wrong with a range of numbers that stands in an agreement under this name, a sentence each."""
    if not PREFIX.fullmatch(numbers.prefix):
        yield f"{name} must begin with at most 16 digits."
    if not 1 <= numbers.digits <= DIGITS_MAX:
        yield f"{name} must have 1 to {DIGITS_MAX} free digits."
    elif not 0 <= numbers.first <= numbers.end < 10**numbers.digits:
        yield f"{name} must begin at 0 or more, and end within its digits and not before it begins."


def unknown(given: object, known: object, at: str = "") -> str | None:
    """The path of the first member of a JSON document that an agreement does not have; None where there is none.

    `known` is the agreement that was read from it, written out again.
    """
    if not isinstance(given, dict) or not isinstance(known, dict):
        return None
    there = cast("dict[str, object]", known)
    for name, value in cast("dict[str, object]", given).items():
        path = f"{at}.{name}" if at else name
        if name not in there:
            return path
        found = unknown(value, there[name], path)
        if found is not None:
            return found
    return None
