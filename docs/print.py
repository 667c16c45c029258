"""Writes the pages of docs/ that are printed from the code, so that they always agree with it.

`python -m docs.print` writes them (`make docs`), `python -m docs.print --check` only lists those that are out of date.
"""

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from gerbang import api, channels, errors, settings
from gerbang.channels.virtual_account import BANKS, OWN_DIGITS
from gerbang.connections.snap import codes
from gerbang.connections.snap.paths import STANDARD
from gerbang.connections.snap.profiles import Profile, profiles
from gerbang.domain import charges, payments, payouts, refunds
from gerbang.domain.calendars import Schedule
from gerbang.domain.deliveries import Product
from gerbang.domain.fees import VAT_PERCENT, Rate
from gerbang.domain.money import readable
from gerbang.domain.terms import ChannelTerms

ROOT = Path(__file__).resolve().parents[1]
Moves = Mapping[str, Mapping[Any, Any]]
NUMBERS = ("<!-- numbers: printed from benchmarks/last.md -->", "<!-- /numbers -->")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def page(title: str, source: str, *parts: Sequence[str]) -> str:
    """A page: its title, its source, and its parts with an empty line between them."""
    paragraphs = [[f"# {title}"], [f"Printed from {source} by `make docs`; do not edit."], *parts]
    return "\n\n".join("\n".join(paragraph) for paragraph in paragraphs) + "\n"


# States


def states_page() -> str:
    """The text of docs/states.md."""
    parts: list[Sequence[str]] = [
        [
            "What a state means, and which status word each dialect shows for it, is in [words.md](words.md). A move that is",
            "not drawn here is refused. Expiry differs from the other moves: a payment counts as expired for every reader",
            "from its expiry on, and a worker stores the state a moment later.",
        ],
        *machine("Payments", payments.MOVES, ("needs_method", "needs_confirmation"), payments.State.__args__),
        *machine("Charges", charges.MOVES, ("waiting",), charges.State.__args__),
        *machine("Payouts", payouts.MOVES, ("pending",), payouts.State.__args__),
        *machine("Refunds", refunds.MOVES, ("pending",), refunds.State.__args__),
    ]
    source = "the `MOVES` of `payments.py`, `charges.py`, `payouts.py` and `refunds.py` in `gerbang/domain/`"
    return page("States", source, *parts)


def machine(title: str, moves: Moves, starts: Sequence[str], every: Sequence[str]) -> list[Sequence[str]]:
    """One noun's states, drawn and as a table; `starts` are those in which it begins, `every` lists them all."""
    steps = [(before, verb, after) for verb, steps in moves.items() for before, after in steps.items()]
    reached = _reached(starts, steps)
    drawn = [f"    [*] --> {start}" for start in starts]
    for before in every:
        found: dict[str, list[str]] = {}
        for at, verb, after in steps:
            if at == before and before in reached:
                found.setdefault(after, []).append(verb)
        drawn += [f"    {before} --> {after}: {', '.join(verbs)}" for after, verbs in found.items()]
    ends = [state for state in every if state in reached and all(at != state for at, _, _ in steps)]
    drawn += [f"    {state} --> [*]" for state in ends]
    head = ["from", *(f"*{verb}* leads to" for verb in moves)]
    rows = [
        [f"`{state}`", *(f"`{steps[state]}`" if state in steps else "" for steps in moves.values())]
        for state in every
        if any(state in steps for steps in moves.values())
    ]
    parts: list[Sequence[str]] = [
        [f"## {title}"],
        ["```mermaid", "stateDiagram-v2", *drawn, "```"],
        table(head, rows),
        [f"Ends: {_listed(ends)}."],
    ]
    waiting = [state for state in every if state not in reached]
    if waiting:
        parts.append([f"No move leads yet to {_listed(waiting)}: channels of later versions will use them."])
    return parts


def _reached(starts: Sequence[str], steps: Sequence[tuple[str, str, str]]) -> set[str]:
    reached = set(starts)
    while fresh := {after for before, _, after in steps if before in reached} - reached:
        reached |= fresh
    return reached


def _listed(words: Sequence[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))


# Errors


def errors_page() -> str:
    """The text of docs/errors.md."""
    dialects = {dialect.name: importlib.import_module(f"gerbang.api.{dialect.name}.errors") for dialect in api.found()}
    rows: list[list[str]] = []
    for refusal in _leaves(errors.Refused):
        sentence = " ".join((refusal.__doc__ or "").split())
        answers = [module.ANSWERS.get(refusal) for module in dialects.values()]
        rows.append([f"`{refusal.__name__}`", sentence, *(_answer(answer) for answer in answers)])
    parts: list[Sequence[str]] = [
        [
            "A refusal is a class; its docstring is the message, and names in braces are replaced by values. It does not",
            "depend on HTTP: each dialect maps it to a status and a code.",
        ],
        ["```", *_tree(errors.Refused), "```"],
        ["## How each dialect answers"],
        ["*no field* means that the dialect's documents leave `field` empty for this one."],
        table(["refusal", "message", *(f"`{name}`" for name in dialects)], rows),
        ["## What only a dialect can refuse"],
        [
            "These never reach a service: the request was not understood, or something failed on our side. What HTTP itself",
            "forbids is answered as *malformed*, with the status that HTTP has for it (400, 408, 413, 429 or 431).",
        ],
    ]
    own = [
        [f"`{name}`", constant, _answer(answer)]
        for name, module in dialects.items()
        for constant, answer in _constants(module)
    ]
    return page(
        "Errors",
        "`gerbang/errors.py` and each dialect's `errors.py`",
        *parts,
        table(["dialect", "when", "answer"], own),
    )


def _below(top: type[errors.Refused]) -> list[type[errors.Refused]]:
    """The direct subclasses of a refusal in gerbang/errors.py; those of tests do not count."""
    return [each for each in top.__subclasses__() if each.__module__ == errors.__name__]


def _tree(top: type[errors.Refused], before: str = "", lead: str = "") -> list[str]:
    lines = [f"{before}{top.__name__}"]
    below = _below(top)
    for each in below:
        last = each is below[-1]
        lines += _tree(each, f"{lead}{'└── ' if last else '├── '}", f"{lead}{'    ' if last else '│   '}")
    return lines


def _leaves(top: type[errors.Refused]) -> list[type[errors.Refused]]:
    """The refusals that are raised: those without subclasses, and Invalid, which is raised with its own reason."""
    below = _below(top)
    deeper = [leaf for each in below for leaf in _leaves(each)]
    return [top, *deeper] if not below or top is errors.Invalid else deeper


def _answer(answer: Any) -> str:
    if answer is None:
        return "–"
    return f"{answer.status} `{answer.code}`" + ("" if getattr(answer, "names_field", True) else ", no field")


def _constants(module: ModuleType) -> list[tuple[str, Any]]:
    """The answers that a dialect defines as constants, with the name in lower case."""
    return [
        (name.lower().replace("_", " "), value)
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, module.Answer)
    ]


# Channels


def channels_page() -> str:
    """The text of docs/channels.md."""
    found = [channel.spec for channel in channels.found().values()]
    head = ["channel", "name", "least", "most", "longest expiry", "a longer one", "fee", "settled", "MULTIPLE"]
    parts: list[Sequence[str]] = [
        [
            "What each channel declares. The terms of a product override it for all merchants, and an agreement for one merchant.",
            f"Fees are before value added tax, which follows the law in force: {VAT_PERCENT} % now.",
        ],
        table(head, [_spec(spec) for spec in found]),
        ["## Banks, outlets and wallets that differ from their channel"],
        table(["channel", "option", "least", "most", "settled"], [row for spec in found for row in _options(spec)]),
        [
            "Working days are Monday to Friday without bank holidays, and times are those of Jakarta. Money that comes at the",
            "cut-off or later counts as the next day's.",
        ],
        ["## What each product offers"],
        [
            "A product is what a dialect offers, with callbacks of its own. An empty cell is as for the channel. `payment` and",
            "`v4-payments` also offer every channel that is not listed, unless it is left out; any other channel is offered",
            "only to merchants with whom it was agreed.",
        ],
        table(
            ["product", "channel", "options", "least", "most", "shortest expiry", "longest expiry", "fee"],
            [row for product in _products() for row in _terms(product)],
        ),
        ["## Banks of virtual accounts"],
        [
            "A dynamic number is the company code, `0000` and eight digits that we choose; those of one merchant come from an eighth",
            "of them, so that no merchant uses them up for the others. A static number is the company code, the merchant's number",
            "in four digits, and the suffix that the merchant chose. An own number, for products that have them, is another",
            f"company code, the merchant's number and {OWN_DIGITS} digits that the merchant may choose. The codes are placeholders",
            "until a bank's contract gives real ones: prefixes and ranges are data of each merchant's agreement.",
        ],
        table(
            ["bank", "name", "dynamic", "static", "digits of the suffix", "own"],
            [
                [
                    f"`{bank.code}`",
                    bank.title,
                    f"`{bank.dynamic_company}`",
                    f"`{bank.static_company}`",
                    str(bank.static_digits),
                    f"`{bank.own_company}`",
                ]
                for bank in BANKS.values()
            ],
        ),
    ]
    return page(
        "Channels", "the `ChannelSpec` of `gerbang/channels/` and the `Terms` of each dialect's products", *parts
    )


def _spec(spec: channels.ChannelSpec) -> list[str]:
    return [
        f"`{spec.name}`",
        spec.title,
        readable(spec.amount_min),
        readable(spec.amount_max),
        _span(spec.expiry_max),
        "ends earlier than its payment" if spec.expiry_is_capped else "is refused",
        _rate(spec.fee),
        _schedule(spec.settling),
        "no" if not spec.static else "open or closed amount" if spec.static_amount else "open amount only",
    ]


def _options(spec: channels.ChannelSpec) -> list[list[str]]:
    """Rows for the options whose limits or schedule differ from those of the channel."""
    own = spec.amount_min, spec.amount_max
    rows: list[list[str]] = []
    for option in dict.fromkeys([*spec.limits_of, *spec.settling_of]):
        least, most = spec.limits_of.get(option, own)
        when = _schedule(spec.settling_of.get(option, spec.settling))
        rows.append([f"`{spec.name}`", f"`{option}`", readable(least), readable(most), when])
    return rows


def _products() -> list[Product]:
    return [callback_format.product for dialect in api.found() for callback_format in dialect.callback_formats("", "")]


def _terms(product: Product) -> list[list[str]]:
    return [
        [
            f"`{product.name}`",
            f"`{channel}`",
            "" if terms.options is None else ", ".join(f"`{option}`" for option in sorted(terms.options)),
            _least(terms),
            _amount(terms.amount_max),
            "" if terms.expiry_min is None else _span(terms.expiry_min),
            "" if terms.expiry_max is None else _span(terms.expiry_max),
            "" if terms.fee is None else _rate(terms.fee),
        ]
        for channel, terms in product.terms.channels.items()
    ] + [
        [f"`{product.name}`", f"`{channel}`", "left out", "", "", "", "", ""]
        for channel in sorted(product.terms.left_out)
    ]


def _least(terms: ChannelTerms) -> str:
    static = "" if terms.static_min is None else f"{readable(terms.static_min)} if static"
    return ", ".join(filter(None, [_amount(terms.amount_min), static]))


def _amount(minor: int | None) -> str:
    return "" if minor is None else readable(minor)


def _schedule(schedule: Schedule) -> str:
    if not schedule.working_days:
        return "at once"
    days = f"{schedule.working_days} working day" + ("s" if schedule.working_days != 1 else "")
    return f"after {days}, at {schedule.at}; cut-off {schedule.cut_off}"


def _span(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 60} minutes"


def _rate(rate: Rate) -> str:
    parts = ([readable(rate.flat)] if rate.flat else []) + ([f"{rate.percent} %"] if rate.percent else [])
    return " + ".join(parts) or "none"


# The numbers in the README


def readme() -> str:
    """The README with the last measurement between its marks; unchanged if nothing was measured."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = ROOT / "benchmarks" / "last.md"
    return with_numbers(text, measured.read_text(encoding="utf-8")) if measured.exists() else text


def with_numbers(text: str, measured: str) -> str:
    """A text with the first table of the measurement, and the paragraph before it, between its two marks."""
    before, opening, rest = text.partition(NUMBERS[0])
    _, closing, after = rest.partition(NUMBERS[1])
    paragraphs = re.split(r"\n{2,}", measured.strip())
    first = next((i for i, paragraph in enumerate(paragraphs) if paragraph.startswith("|")), None)
    if not closing or first is None:
        raise ValueError(f"no table was measured, or there is no place for it: {NUMBERS[0]} … {NUMBERS[1]}")
    shown = [paragraph for paragraph in paragraphs[max(first - 1, 0) : first + 1] if not paragraph.startswith("#")]
    return "\n\n".join([f"{before}{opening}", *shown, f"{closing}{after}"])


# Banks

SURE = {
    "bank": "its own text or published client",
    "portal": "an index of its portal, or two implementations",
    "implementation": "one third-party implementation",
}
SAID = {
    "question": "asks before it gives us the money",
    "report": "says that we have the money",
    "reversal": "takes money back",
    "return": "says that a transfer of ours came back",
}
SCHEMES = {
    "symmetric": "HMAC, with a token",
    "symmetric_without_token": "HMAC, without a token",
    "asymmetric": "RSA, without a token",
}


def banks_page() -> str:
    """The text of docs/banks.md."""
    known = sorted(profiles().items())
    calls_us = [
        [f"`{name}`", each.title, SCHEMES[each.scheme], "yes" if each.external_ids else "no", _received(each)]
        for name, each in known
    ]
    called = [
        [f"`{name}`", SCHEMES[each.outbound_scheme], each.encoding, _called(each), _codes_made(each)]
        for name, each in known
    ]
    sure = [[f"`{name}`", what, SURE[certainty]] for name, each in known for what, certainty in each.certainty.items()]
    services = [[number, what] for number, what in sorted(codes.NAMES.items())]
    return page(
        "Banks over SNAP BI",
        "`gerbang/connections/snap/profiles/`",
        [
            'What each `profile` of a connection with `provider = "snap"` serves, and how sure each part is. Nothing here was tried',
            "against a real bank: every sandbox needs a contract. What is not in the last table is the standard's own rule, and a",
            "setting of the connection changes it ([connections.md](connections.md)).",
        ],
        ["## How it calls us"],
        table(["profile", "bank", "signed by", "names each call", "services"], calls_us),
        ["## How we call it"],
        table(["profile", "signed by", "in", "services at addresses of its own", "codes"], called),
        ["## Where it is known from"],
        table(["profile", "what", "from"], sure),
        ["## Services"],
        table(["service", "what it is"], services),
    )


def _received(profile: Profile) -> str:
    by_meaning = {
        said: ", ".join(sorted(service for service, each in profile.receives.items() if each == meaning))
        for meaning, said in SAID.items()
    }
    return "; ".join(f"{said} ({services})" for said, services in by_meaning.items() if services)


def _called(profile: Profile) -> str:
    own = sorted(service for service, place in profile.calls.items() if place != STANDARD.get(service))
    return ", ".join(own) or "as the standard has them"


def _codes_made(profile: Profile) -> str:
    kinds = ["virtual accounts are registered with it"] if profile.registers else []
    kinds += [f"makes those of {channel}" for channel in sorted(profile.mints)]
    return "; ".join(kinds) or "ours"


PAGES: dict[str, Callable[[], str]] = {
    "docs/states.md": states_page,
    "docs/errors.md": errors_page,
    "docs/channels.md": channels_page,
    "docs/settings.md": settings.markdown,
    "docs/banks.md": banks_page,
    "README.md": readme,
}


def out_of_date(root: Path = ROOT) -> list[str]:
    """The pages below `root` that differ from what the code prints."""
    found: list[str] = []
    for path, printed in PAGES.items():
        file = root / path
        if not file.exists() or file.read_text(encoding="utf-8") != printed():
            found.append(path)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pages, or with --check lists those that would change. The exit code is then 1 if there are any."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.print", description="Print the pages that come from the code."
    )
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is out of date")
    checking: bool = parser.parse_args(arguments).check
    stale = out_of_date()
    for path in stale:
        if not checking:
            (ROOT / path).write_text(PAGES[path](), encoding="utf-8")
        sys.stdout.write(f"{path} {'is out of date: run `make docs`' if checking else 'written'}\n")
    return int(checking and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
