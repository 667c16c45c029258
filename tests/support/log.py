"""How the log is printed in tests, where no command has set it up."""

import structlog


def log_plainly() -> None:
    """Prints lines as structlog does by itself, but tracebacks as Python does.

    Those that structlog prints, with colours and the values of variables, take longer than most tests do.
    """
    structlog.reset_defaults()
    *before, _ = structlog.get_config()["processors"]
    printed = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, printed])


def forget_commands() -> None:
    """Ends the log that a command has set up in the test's process: it writes to an output that ends with the test."""
    if isinstance(structlog.get_config()["logger_factory"], structlog.WriteLoggerFactory):
        log_plainly()
