"""What is written to the log: one line an event, with its facts, on standard error."""

import logging
import sys

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
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _briefly(record: logging.LogRecord) -> bool:
    """A library's warning takes one line: a database that is gone for a minute would fill pages with its insides."""
    failure = record.exc_info[1] if record.exc_info else None
    if failure is not None and record.levelno < logging.ERROR:
        record.msg, record.args = "%s: %s: %s", (record.getMessage(), type(failure).__name__, failure)
        record.exc_info = record.exc_text = None
    return True
