"""What an activity may ask about the call it serves: which instance, which attempt, and a key to be safe to repeat."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from dfcli.authoring.running import current


class ActivityInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an activity."""

    instance_id: str
    name: str
    attempt: int
    """1 for the first; a retry policy counts on. A call repeated after a crash keeps its number."""
    idempotency_key: str
    """The same for every run of this one call, also after a crash; another for each retry and each other call."""

    kind: ClassVar[str] = "activity"
    is_replaying: ClassVar[bool] = False
    is_unwinding: ClassVar[bool] = False


def activity_info() -> ActivityInfo:
    """The call that the running activity serves. Raises RuntimeError outside an activity."""
    running = current.get()
    if not isinstance(running, ActivityInfo):
        raise RuntimeError("activity_info() was called outside an activity: only a running activity has one")
    return running
