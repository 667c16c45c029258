"""The log: one line of JSON for each event, on standard error."""

import json
import logging
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from structlog.tracebacks import ExceptionDictTransformer

# Local variables are left out of tracebacks: they hold secrets, tokens and merchants' data.
_traced = ExceptionDictTransformer(show_locals=False)


class LibraryLines(logging.Formatter):
    """Formats a library's record as one line of JSON with the members of our own lines, and `logger` for its origin."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line: dict[str, object] = {"logger": record.name, "event": record.getMessage()}
        line |= {"level": record.levelname.lower(), "timestamp": at}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _traced(record.exc_info)
        return json.dumps(line)


def set_up(level: str) -> None:
    """Configures the log with the lowest level to write (`debug` to `error`); of libraries, a warning at least."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    lines = logging.StreamHandler()
    lines.addFilter(_briefly)
    lines.setFormatter(LibraryLines())
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[lines])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(_traced),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


@contextmanager
def on_standard_error() -> Generator[None]:
    """Inside this `with` statement, warnings and errors are written to standard error and nothing else is.

    For commands that print a result, which programs read from standard output.
    """
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**before)


def _briefly(record: logging.LogRecord) -> bool:
    """Replaces the traceback of a library's warning by one line: a lost database would fill the log with tracebacks."""
    failure = record.exc_info[1] if record.exc_info else None
    if failure is not None and record.levelno < logging.ERROR:
        record.msg, record.args = "%s: %s: %s", (record.getMessage(), type(failure).__name__, failure)
        record.exc_info = record.exc_text = None
    return True


class Seldom:
    """A log line that is written at most once in `seconds`, with the number of times that it was requested."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._times = 0

    def warning(self, event: str, **spec: object) -> None:
        self._log(logging.WARNING, event, spec)

    def error(self, event: str, **spec: object) -> None:
        self._log(logging.ERROR, event, spec)

    def _log(self, level: int, event: str, spec: dict[str, object]) -> None:
        self._times += 1
        now = time.perf_counter()
        if now >= self._next:
            structlog.get_logger().log(level, event, times=self._times, **spec)
            self._next, self._times = now + self._seconds, 0
