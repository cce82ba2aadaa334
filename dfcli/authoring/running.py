"""Which function of the app runs now, for whoever is asked from inside of it: logs, traces, `activity_info()`.

The host sets `current` around user code. Tasks that user code starts inherit it; threads that it starts do not.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import ClassVar, Protocol

import msgspec


class RunningFunction(Protocol):
    """What is known of the function: the orchestrator's own state, an activity's call, or a `FunctionCall`."""

    @property
    def kind(self) -> str:
        """`orchestrator`, `activity`, `entity`, `http` or `timer`."""
        ...

    @property
    def name(self) -> str: ...

    @property
    def instance_id(self) -> str:
        """Empty for a function that belongs to no instance."""
        ...

    @property
    def attempt(self) -> int:
        """Of an activity, from 1; 0 for all else."""
        ...

    @property
    def is_replaying(self) -> bool: ...

    @property
    def is_unwinding(self) -> bool:
        """An orchestrator that is being dropped runs its `finally:` blocks: nothing it does counts."""
        ...


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a function that has no state of its own to be asked: HTTP, timer or entity."""

    kind: str
    name: str
    instance_id: str = ""
    attempt: ClassVar[int] = 0
    is_replaying: ClassVar[bool] = False
    is_unwinding: ClassVar[bool] = False


current: ContextVar[RunningFunction | None] = ContextVar("dfcli_running_function", default=None)
