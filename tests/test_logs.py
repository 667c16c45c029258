"""The log: what went wrong is told with its place in the source, and never with what was in the variables there."""

import subprocess
import sys
import time

from structlog.testing import capture_logs

from gerbang.logs import Seldom

PROGRAM = """
import structlog
from gerbang import logs

logs.set_up("info")

def sign_in(merchant_secret):
    raise ValueError("no")

try:
    sign_in("TOP" + "SECRET")
except ValueError:
    structlog.get_logger().exception("a request failed", path="/v1")
"""


def test_a_failure_is_logged_without_the_secrets_that_were_at_hand() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert '"event": "a request failed"' in done.stderr
    assert '"name": "sign_in"' in done.stderr
    assert "TOPSECRET" not in done.stderr
    assert done.stdout == ""


def test_what_happens_often_is_told_seldom_and_with_how_often_it_happened() -> None:
    seldom = Seldom(seconds=0.2)
    with capture_logs() as told:
        for _ in range(3):
            seldom.warning("full", most=7)
        time.sleep(0.25)
        seldom.warning("full", most=7)
    assert [(line["event"], line["most"], line["times"]) for line in told] == [("full", 7, 1), ("full", 7, 3)]
