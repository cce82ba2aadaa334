"""Which executions are in memory, and which goes first when there are too many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from dfcli.engine.execution import Execution
from dfcli.host.lane import Lane

LOOKED_AT_MAX = 64
"""Lanes that are looked at for one that is dropped without running its clean-up."""


class Residency:
    """The lanes with a resident execution, least recently used first. Owned by the loop's thread."""

    def __init__(self, limit: int, commit_now: Callable[[], None]) -> None:
        self._limit = limit
        self._commit_now = commit_now
        self._lanes: OrderedDict[str, Lane] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lanes)

    def lanes(self) -> list[Lane]:
        return list(self._lanes.values())

    def keep(self, lane: Lane, execution: Execution) -> None:
        """Take in an execution that has been loaded."""
        lane.execution = execution
        self._lanes[lane.key.instance_id] = lane

    def touch(self, lane: Lane) -> None:
        """It has just been used."""
        self._lanes.move_to_end(lane.key.instance_id)

    def make_room(self) -> None:
        """Keep the number of resident executions below the limit, before one more comes in."""
        if len(self._lanes) < self._limit:
            return
        if not self._evict_one():
            self._commit_now()  # what cannot be evicted has lines that are not committed yet
            self._evict_one()

    def drop(self, lane: Lane) -> None:
        """Forget a resident execution; it comes back by replay."""
        self._lanes.pop(lane.key.instance_id, None)
        execution, lane.execution = lane.execution, None
        if execution is not None:
            execution.close()

    def drop_all(self) -> None:
        """Forget every execution whose lines are committed, after committing what is queued. On a full disk those
        that are not stay as they are."""
        self._commit_now()
        for lane in self.lanes():
            if not lane.uncommitted:
                self.drop(lane)

    def _evict_one(self) -> bool:
        """Drop the execution that has waited longest; those suspended inside try or with only when nothing else is."""
        candidates = (lane for lane in self._lanes.values() if lane.is_evictable)
        spared: Lane | None = None
        for seen, lane in enumerate(candidates):
            if lane.execution is not None and not lane.execution.holds_cleanup:
                self.drop(lane)
                return True
            spared = spared or lane
            if seen > LOOKED_AT_MAX:
                break
        if spared is not None:
            self.drop(spared)
            return True
        return False
