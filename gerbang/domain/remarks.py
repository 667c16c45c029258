"""Codes inside the remarks of banks: a reference or a number stands anywhere in the text, cut up or with zeros before
it.

A code and a text are compared as runs of letters and runs of digits, without what stands between them. So a code is
found whatever a bank puts before, behind or into it, and `INV-1` is not found in `INV-10`.
"""

import re
from collections.abc import Container, Iterable
from itertools import accumulate

import msgspec

CODE_CHARACTERS_MIN = 8
"""Shorter codes are not looked for: days, times and the numbers of branches look like them."""
_RUNS = re.compile(r"[A-Z]+|[0-9]+")


def normal(code: str) -> str:
    """A code as it is compared: letters and digits only, in capitals, without zeros at its beginning."""
    return "".join(_RUNS.findall(code.upper())).lstrip("0")


class Codes(msgspec.Struct, frozen=True):
    """Codes that are looked for in texts."""

    known: Container[str]
    """In their normal form."""
    lengths: frozenset[int]
    longest: int

    @classmethod
    def of(cls, known: Container[str], *more: Iterable[str]) -> "Codes":
        """Those of `more`, all of which `known` contains."""
        lengths = frozenset(length for codes in more for code in codes if (length := len(code)) >= CODE_CHARACTERS_MIN)
        return cls(known, lengths, max(lengths, default=0))

    def found_in(self, text: str) -> list[str]:
        """The codes that stand in a text, the longest first. It takes as long as the text and the longest code are."""
        runs = _RUNS.findall(text.upper())
        squeezed = "".join(runs)
        ends = list(accumulate(map(len, runs)))
        found: list[str] = []
        start = 0
        for place, run in enumerate(runs):
            begin = start + len(run) - len(run.lstrip("0"))
            start = ends[place]
            for following in range(place, len(runs)):
                length = ends[following] - begin
                if length > self.longest:
                    break
                if length in self.lengths and (code := squeezed[begin : ends[following]]) in self.known:
                    found.append(code)
        return sorted(set(found), key=lambda code: (-len(code), code)) if len(found) > 1 else found
