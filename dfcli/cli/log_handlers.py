"""The log of a running host and its user's code.

What the app's functions log joins the transitions, so that one stream tells an instance's story; all else goes to
stderr. Both go into the hub's log file.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from dfcli.cli import terminal
from dfcli.host.log_context import LogContext, LogLine, line_of, record_of


class VisibleFormatter(logging.Formatter):
    """One entry is one line, tracebacks aside, and holds nothing that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = terminal.visible_lines(super().format(record))
        return "\n".join([first, *(f"    {line}" for line in rest)])


class FunctionRecords(logging.Handler):
    """Hands the records of the app's functions to `tell`; with `all_of_them`, every record."""

    def __init__(self, tell: Callable[[LogLine], None], *, all_of_them: bool = False) -> None:
        super().__init__()
        self._tell = tell
        self._all_of_them = all_of_them

    def emit(self, record: logging.LogRecord) -> None:
        if self._all_of_them or not _is_nobodys(record):
            self._tell(line_of(record))


def log_to_stderr(level: str, *, replay: bool = False) -> None:
    """Send what is logged outside the app's functions to stderr.

    User code that sets up logging by itself keeps what it sets up.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    handler.addFilter(LogContext(replay=replay))
    handler.addFilter(_is_nobodys)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in ("asyncio", "watchdog"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _is_nobodys(record: logging.LogRecord) -> bool:
    return not getattr(record, "function_kind", None)


def log_to(tell: Callable[[LogLine], None], *, replay: bool, all_of_them: bool = False) -> logging.Handler:
    """Add a handler that tells of records as lines; `logging.getLogger().removeHandler` ends it."""
    handler = FunctionRecords(tell, all_of_them=all_of_them)
    handler.addFilter(LogContext(replay=replay))
    logging.getLogger().addHandler(handler)
    return handler


def from_worker(line: LogLine) -> None:
    """What a function in a worker process has logged, as if it had been logged here."""
    logging.getLogger(line.logger).handle(record_of(line))
