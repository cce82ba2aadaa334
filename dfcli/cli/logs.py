"""The log of a running host and its user's code: lines on stderr that a terminal can be shown."""

from __future__ import annotations

import logging
import sys

from dfcli.cli import terminal


class VisibleFormatter(logging.Formatter):
    """One entry is one line, tracebacks aside, and holds nothing that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = terminal.visible_lines(super().format(record))
        return "\n".join([first, *(f"    {line}" for line in rest)])


def log_to_stderr(level: str) -> None:
    """Send the log of this process to stderr. User code that sets up logging by itself keeps what it sets up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(VisibleFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in ("asyncio", "watchdog"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
