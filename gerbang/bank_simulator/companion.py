"""The bank beside a gateway: `gerbang run --bank bca` starts it in a process of its own, and it ends with the gateway."""

import contextlib
import select
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from gerbang.bank_simulator.wiring import FILE
from gerbang.settings import SettingsWrong

STARTS_SECONDS_MAX = 30.0
ENDS_SECONDS_MAX = 5.0


@contextmanager
def beside(folder: Path, profile: str, port: int, gateway_url: str, say: Callable[[str], None]) -> Generator[Path]:
    """Runs the bank until the end of the `with` statement, and gives the connections file for its gateway.

    `say` gets what the bank prints when it has started. Raises SettingsWrong if it does not start.
    """
    options = ["--data", str(folder), "--profile", profile, "--port", str(port), "--gateway", gateway_url, "--beside"]
    # A session of its own: Ctrl-C is the gateway's to handle, and the bank ends when its standard input does, also where
    # the gateway was killed.
    process = subprocess.Popen(
        [sys.executable, "-m", "gerbang", "bank", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None, "both are pipes"
    try:
        ready, _, _ = select.select([process.stdout], [], [], STARTS_SECONDS_MAX)
        line = process.stdout.readline().decode() if ready else ""
        if not line:
            raise SettingsWrong(f"The bank {profile} did not start, so the gateway was not started either.")
        say(line.rstrip())
        yield folder.absolute() / FILE
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(ENDS_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
