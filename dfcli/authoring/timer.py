"""What a timer function is told about its run, and what its decorator says of its schedule."""

from __future__ import annotations

from typing import Any

import msgspec


class TimerBinding(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of a timer function, as the decorator has it."""

    schedule: str
    """NCRONTAB with six fields (five: the second is 0), an interval `hh:mm:ss`, or `%NAME%` of a setting."""
    run_on_startup: bool = False
    use_monitor: bool | None = None
    """Whether its runs are recorded, so that missed ones are caught up; None: if they are a minute apart or more."""


class TimerRequest:
    """One run of a timer function. A test may make one."""

    def __init__(
        self,
        *,
        past_due: bool = False,
        schedule_status: dict[str, str] | None = None,
        schedule: dict[str, Any] | None = None,
    ) -> None:
        self.past_due = past_due
        """Whether this run stands for one that was missed, because no host ran or the machine slept."""
        self.schedule_status = schedule_status or {}
        """`Last`, `Next` and `LastUpdated`, as timestamps; `Last` is empty before the first run."""
        self.schedule = schedule or {"AdjustForDST": True}

    def __repr__(self) -> str:
        return f"TimerRequest(past_due={self.past_due})"
