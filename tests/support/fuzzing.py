"""Sends a running server what schemathesis makes of a contract, valid and invalid, and notes each answer that it does not allow."""

import re
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import Any, cast

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.support.gateways import DOCUMENTS_DAY, Shop
from tests.support.openapi import read_openapi

Ready = Callable[[Case[Any], str], None]
_hooks, _config = cast("Any", hooks), cast("Any", SchemathesisConfig)
"""Parts of schemathesis that have no types."""
SEED = 20250330
ACCEPTED = [200, 201, 202, 400, 401, 404, 409, 422]
"""Statuses for a request that is valid by the schema. Business rules are not in the schema, so it may still be refused."""


def contract(name: str) -> dict[str, Any]:
    return read_openapi((resources.files(f"gerbang.api.{name}") / "openapi.yaml").read_text("utf-8"))


@dataclass
class Findings:
    """The result of one run: the count of answers by operation and status, and each violation of the contract."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    faults: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def requests(self) -> int:
        return sum(self.answers.values())

    @property
    def succeeded(self) -> set[str]:
        return {operation for operation, status in self.answers if 200 <= status < 300}

    def record(self, recorder: ScenarioRecorder) -> None:
        for case_id, sent in recorder.interactions.items():
            if sent.response is not None:
                case = cast("Case[Any]", cast("Any", recorder.cases[case_id]).value)
                self.answers[case.operation.label, sent.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                case = cast("Case[Any]", cast("Any", recorder.cases[case_id]).value)
                if check.failure_info is not None and not (check.name == REJECTION and is_empty_value(case)):
                    failure = check.failure_info.failure
                    fault = f"{failure.operation}: {check.name}: {failure.message}"
                    self.faults.setdefault(fault, check.failure_info.code_sample or "")


REJECTION = "negative_data_rejection"


def is_empty_value(case: Case[Any]) -> bool:
    """Whether the invalid value is blank text or an empty list, which the API treats as absent though the schema forbids it."""
    if case.meta is None:
        return False
    value: Any = case.body
    for name in re.findall("/properties/([^/]+)", case.meta.phase.data.location or ""):
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return value == [] or (isinstance(value, str) and not value.strip())


def fuzz(
    document: dict[str, Any], base_url: str, keys: dict[str, dict[str, str]], ready: Ready, *, examples: int
) -> Findings:
    """Sends what schemathesis generates from a contract: its examples, boundary values, random values, chains of links.

    `keys` maps each security scheme to its credentials. `examples` is the number of random requests per operation.
    """
    settings = {
        "seed": SEED,
        "base-url": base_url,
        "continue-on-failure": True,
        "request-timeout": 10,
        # A NUL in a path or header is not valid HTTP; test_fuzz_bodies.py sends it in bodies.
        "generation": {
            "deterministic": True,
            "allow-x00": False,
            "max-examples": examples,
            "no-shrink": True,
            "database": "none",
        },
        "phases": {"stateful": {"max-steps": 6}},
        "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
        "auth": {"openapi": keys},
    }
    schema = schemathesis.openapi.from_dict(document, config=_config.from_dict(settings))
    findings = Findings()
    schemathesis.openapi.format("date-time", _INSTANTS)
    with _made_ready(ready):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                findings.record(event.recorder)
            elif isinstance(event, events.NonFatalError):
                findings.faults[f"{event.label}: {event.value!r}"] = ""
            elif isinstance(event, events.FatalError):
                raise event.exception
    return findings


_INSTANTS = st.integers(1, 6 * 86_400).map(
    lambda seconds: (DOCUMENTS_DAY + timedelta(hours=2, seconds=seconds)).isoformat().replace("+00:00", "Z")
)
"""Instants within six days. Most random ones are past or centuries ahead and would be refused before other checks."""


def unchanged(_case: Case[Any], _wrong: str) -> None:
    """Leaves the request as generated."""


@contextmanager
def _made_ready(ready: Ready) -> Generator[None]:
    """Calls `ready` before each request is sent, with the JSON pointer of its intentionally invalid value, "" if none."""

    def before_call(_context: Any, case: Case[Any], _kwargs: dict[str, Any]) -> None:
        if case.meta is None:
            return
        wrong = case.meta.phase.data.location if case.meta.generation.mode.is_negative else ""
        if wrong is not None and (wrong == "" or case.meta.phase.data.parameter_location == ParameterLocation.BODY):
            ready(case, wrong)

    _hooks.hook(before_call)
    try:
        yield
    finally:
        _hooks.unregister(before_call)


def merchant_keys(shop: Shop) -> dict[str, dict[str, str]]:
    return {"merchantId": {"api_key": str(shop.merchant_id)}, "merchantSecret": {"api_key": shop.secret}}


def operations(document: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}


def report_of(findings: Findings) -> str:
    return "\n\n".join(f"{fault}\n{sample}" for fault, sample in findings.faults.items())
