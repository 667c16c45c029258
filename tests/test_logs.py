"""The log: a failure is written with its place in the source, and never with the values of variables."""

import json
import subprocess
import sys
import time
from datetime import datetime

import structlog
from structlog.testing import capture_logs

from gerbang.logs import Seldom, set_up
from tests.support.log import forget_commands

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

LIBRARY = """
import logging
import structlog
from gerbang import logs

logs.set_up("info")

def connect(password):
    raise OSError("lost\\nin two lines")

try:
    connect("TOP" + "SECRET")
except OSError:
    logging.getLogger("asyncpg.pool").warning("pool of %d", 7, exc_info=True)
    logging.getLogger("asyncio").exception("never\\nretrieved")
structlog.get_logger().warning("ours")
"""


def test_a_failure_is_logged_without_the_secrets_in_its_variables() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert '"event": "a request failed"' in done.stderr
    assert '"name": "sign_in"' in done.stderr
    assert "TOPSECRET" not in done.stderr
    assert done.stdout == ""


def test_lines_of_libraries_have_the_shape_of_our_own() -> None:
    done = subprocess.run([sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True)
    warned, failed, ours = [json.loads(line) for line in done.stderr.splitlines()]
    assert warned["event"] == "pool of 7: OSError: lost\nin two lines"
    assert (warned["logger"], warned["level"]) == ("asyncpg.pool", "warning")
    assert (failed["event"], failed["logger"], failed["level"]) == ("never\nretrieved", "asyncio", "error")
    assert failed["exception"][0]["frames"][-1]["name"] == "connect"
    assert set(warned) == set(ours) | {"logger"}
    for line in (warned, failed, ours):
        assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None
        assert line["timestamp"].endswith("Z")
    assert "TOPSECRET" not in done.stderr


def test_a_frequent_event_is_logged_seldom_with_its_number_of_times() -> None:
    seldom = Seldom(seconds=0.5)
    with capture_logs() as lines:
        for _ in range(3):
            seldom.warning("full", most=7)
        time.sleep(0.55)
        seldom.warning("full", most=7)
    assert [(line["event"], line["most"], line["times"]) for line in lines] == [("full", 7, 1), ("full", 7, 3)]


def test_the_log_of_a_command_that_ran_in_a_test_ends_with_the_test() -> None:
    logger = structlog.get_logger()
    before = structlog.get_config()
    set_up("info")
    logger.info("a line of the command")
    assert structlog.get_config() != before
    forget_commands()
    logger.info("a line of the next test")
    assert isinstance(structlog.get_config()["logger_factory"], type(before["logger_factory"]))
