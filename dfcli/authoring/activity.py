"""What an activity may ask about the call it serves: which instance, which attempt, and a key to be safe to repeat."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec


class ActivityInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an activity."""

    instance_id: str
    name: str
    attempt: int
    """1 for the first; a retry policy counts on. A call repeated after a crash keeps its number."""
    idempotency_key: str
    """The same for every run of this one call, also after a crash; another for each retry and each other call."""


_current: ContextVar[ActivityInfo] = ContextVar("dfcli_activity")


def activity_info() -> ActivityInfo:
    """The call that the running activity serves. Raises RuntimeError outside an activity."""
    try:
        return _current.get()
    except LookupError:
        raise RuntimeError("activity_info() was called outside an activity: only a running activity has one") from None


set_current = _current.set
"""The host names the call before it runs the function; `reset_current` takes it back."""
reset_current = _current.reset
