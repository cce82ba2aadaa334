"""One line per transition of a running host, and per line its functions log: text on a terminal, JSON lines elsewhere.

The host's loop only queues; a thread formats and writes, so that a slow terminal or a full pipe never slows the work.
A reader who cannot follow loses lines, is told how many, and loses nothing else: the history has them all.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections import deque
from typing import Any

from dfcli.cli import terminal
from dfcli.cli.log_text import text_of
from dfcli.env.environment import spawn_thread
from dfcli.host.log_context import LEVELS, LogLine
from dfcli.host.log_file import line_of_entry
from dfcli.host.transitions import Transition

QUEUED_MAX = 20_000
BATCH = 500
CLOSE_SECONDS = 2.0


def claim_stdout() -> int | None:
    """Keep stdout for the lines of JSON; whatever else this process and its children print goes to stderr from now on.

    The descriptor to write them to; None when stdout is a terminal, where both belong together, or is no file. Lines
    of a `print` would otherwise stand between, and within, those that a program reads.
    """
    if terminal.is_terminal(sys.stdout):
        return None
    try:
        sys.stdout.flush()
        own = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    return own


class TransitionLog:
    """Writes to stdout from `begin` to `close`; what is told before is written after the first line."""

    def __init__(self, level: str = "info", descriptor: int | None = None) -> None:
        """`descriptor` is what `claim_stdout` gave."""
        self._descriptor = descriptor
        self._levels = frozenset(LEVELS[LEVELS.index(level) :])
        self._as_text = descriptor is None and terminal.is_terminal(sys.stdout)
        self._coloured = terminal.colours(sys.stdout)
        self._queue: deque[Any] = deque()
        self._skipped = 0
        self._more = threading.Condition()
        self._begun = False
        self._closing = False
        self._thread = spawn_thread("dfcli-transitions", self._write_all)

    def tell(self, entry: Transition | LogLine) -> None:
        """Queue one line, if its level is wanted. Cheap: called on the host's loop for each committed fact."""
        if entry.level in self._levels:
            self._put(entry)

    def begin(self, fact: dict[str, Any]) -> None:
        """Write from now on, this about the host first."""
        if not self._as_text:
            self._queue.appendleft({"kind": "host", **fact})
        with self._more:
            self._begun = True
            self._more.notify()

    def announce(self, fact: dict[str, Any]) -> None:
        """A line about the host itself, for readers of JSON; on a terminal the banner has said it."""
        if not self._as_text:
            self._put({"kind": "host", **fact})

    def close(self) -> None:
        """Write what is queued, unless nobody reads it."""
        with self._more:
            self._begun = self._closing = True
            self._more.notify()
        self._thread.join(CLOSE_SECONDS)

    def _put(self, entry: Any) -> None:
        if len(self._queue) >= QUEUED_MAX:
            self._skipped += 1
            return
        self._queue.append(entry)
        if len(self._queue) == 1:
            with self._more:
                self._more.notify()

    def _write_all(self) -> None:
        while True:
            with self._more:
                self._more.wait_for(lambda: self._begun and (self._queue or self._closing), timeout=0.5)
                if self._closing and not self._queue:
                    return
                if not self._begun:
                    continue
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]
            if batch and not self._write(batch):
                return

    def _write(self, batch: list[Any]) -> bool:
        lines = b"".join(map(self._line, batch))
        skipped, self._skipped = self._skipped, 0
        if skipped:
            lines += self._line({"kind": "host", "verb": "skipped", "detail": f"{skipped} lines"})
        view = memoryview(lines)
        try:
            descriptor = sys.stdout.fileno() if self._descriptor is None else self._descriptor
            while view:
                view = view[os.write(descriptor, view) :]
        except (OSError, ValueError):  # nobody reads any more: the host goes on without
            return False
        return True

    def _line(self, entry: Any) -> bytes:
        if not self._as_text:
            return line_of_entry(entry)
        if isinstance(entry, dict):
            return f"… {entry['detail']} {entry['verb']}\n".encode()
        return f"{text_of(entry, self._coloured)}\n".encode("utf-8", "backslashreplace")
