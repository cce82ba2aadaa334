"""Where time comes from. Everything that asks for the time is handed a `Clock`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time, in seconds since 1970 UTC."""

    recheck_seconds: float | None
    """How long a wait may last before the wall clock must be read again, since it may have jumped; None: it cannot."""

    def time(self) -> float:
        """Now. Two calls may go backwards when somebody sets the machine's clock."""
        ...


class SystemClock:
    """The machine's clock. Laptops sleep and clocks are set, so no wait trusts it for longer than a second."""

    recheck_seconds: float | None = 1.0

    def time(self) -> float:
        return time.time()


class VirtualClock:
    """A clock that stands still until it is moved."""

    recheck_seconds: float | None = None

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self.seconds = start

    def time(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move on. Negative steps are clock faults; tests make them, nobody else."""
        self.seconds += seconds
