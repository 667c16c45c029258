"""Client libraries of strangers, in an environment of their own: a line of JSON says what one shall do, a line answers."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.programs import ROOT

PYTHON = Path(sys.prefix) / "strangers" / "bin" / "python"
"""Made by `make test`, with what requirements-strangers.lock names."""


class StrangerRefused(Exception):
    """What a library raised, in its own words."""


class Strangers:
    """The program in which the libraries are. Every order gives what the library gave, or raises StrangerRefused."""

    def __init__(self) -> None:
        assert PYTHON.exists(), f"There is no {PYTHON}: `make test` installs it"
        self._program = subprocess.Popen(
            [PYTHON, "-I", ROOT / "tests/strangers/libraries.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"NO_PROXY": "*"},
            text=True,
        )

    def do(self, what: str, **how: Any) -> Any:
        orders, answers = self._program.stdin, self._program.stdout
        assert orders and answers
        print(json.dumps({"do": what, "with": how}), file=orders, flush=True)
        line = answers.readline()
        assert line, "the program of the libraries has ended; what it said is above"
        said = json.loads(line)
        if "raises" in said:
            raise StrangerRefused(said["raises"])
        return said["gives"]

    async def does(self, what: str, **how: Any) -> Any:
        """The same beside a loop that has to answer meanwhile."""
        return await asyncio.to_thread(self.do, what, **how)

    def stop(self) -> None:
        self._program.communicate(timeout=10)
