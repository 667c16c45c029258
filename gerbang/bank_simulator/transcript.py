"""What was said between the bank and its partner, in order: every request and answer with its headers."""

from collections import deque
from datetime import datetime
from typing import Literal

import msgspec

from gerbang.clock import wib

KEPT_MAX = 1_000


class Exchange(msgspec.Struct):
    """One request and its answer."""

    number: int
    at: str
    by: Literal["bank", "partner"]
    """Who called."""
    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int | None = None
    """None: there was no answer."""
    answer: str = ""
    failure: str = ""
    """Why there was no answer, or what the bank did to it on purpose."""
    faults: list[str] = []

    @property
    def document(self) -> dict[str, object]:
        """The answer as a JSON object; an empty one where it is none."""
        try:
            return msgspec.json.decode(self.answer, type=dict[str, object])
        except msgspec.DecodeError:
            return {}

    @property
    def code(self) -> str:
        """The responseCode of the answer; "" if it has none."""
        code = self.document.get("responseCode")
        return code if isinstance(code, str) else ""


class Transcript:
    """The last exchanges, the oldest first."""

    def __init__(self) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=KEPT_MAX)
        self._count = 0

    def begin(
        self,
        at: datetime,
        by: Literal["bank", "partner"],
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        faults: frozenset[str] = frozenset(),
    ) -> Exchange:
        """Adds a request; whoever gets its answer puts it into what is returned."""
        self._count += 1
        made = Exchange(
            number=self._count,
            at=wib(at).isoformat(timespec="seconds"),
            by=by,
            service=service,
            method=method,
            path=path,
            headers=headers,
            body=body.decode("utf-8", "replace"),
            faults=sorted(faults),
        )
        self.exchanges.append(made)
        return made

    def forget(self) -> None:
        """Begins anew."""
        self.exchanges.clear()
        self._count = 0
