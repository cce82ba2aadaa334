"""Whether somebody still waits for an answer: the one place that decides, for entities and their locks."""

from __future__ import annotations

from dfcli.host.lane import Lane
from dfcli.model.history import Caller


def still_waits(lane: Lane | None, caller: Caller) -> bool:
    """Whether the execution that sent a message goes on. `lane` is that of its instance, if it is live."""
    return lane is not None and not lane.finished and lane.execution_id == caller.execution_id
