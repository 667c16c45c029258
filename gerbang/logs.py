"""What is written to the log: one line an event, with its facts, on standard error."""

import logging
import sys
import time

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def set_up(level: str) -> None:
    """Sets the weight from which on things are written, for our own lines and the libraries'."""
    weight = logging.getLevelNamesMapping()[level.upper()]
    lines = logging.StreamHandler()
    lines.addFilter(_briefly)
    logging.basicConfig(
        level=max(weight, logging.WARNING), format="%(levelname)s %(name)s %(message)s", handlers=[lines]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            # Without the variables of each frame: among them are secrets, tokens and what merchants sent.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(weight),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _briefly(record: logging.LogRecord) -> bool:
    """A library's warning takes one line: a database that is gone for a minute would fill pages with its insides."""
    failure = record.exc_info[1] if record.exc_info else None
    if failure is not None and record.levelno < logging.ERROR:
        record.msg, record.args = "%s: %s: %s", (record.getMessage(), type(failure).__name__, failure)
        record.exc_info = record.exc_text = None
    return True


class Seldom:
    """A warning that is written at most once a minute, however often it is meant, with how often that was."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._times = 0

    def warning(self, event: str, **facts: object) -> None:
        self._times += 1
        now = time.perf_counter()
        if now >= self._next:
            structlog.get_logger().warning(event, times=self._times, **facts)
            self._next, self._times = now + self._seconds, 0
