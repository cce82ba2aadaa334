"""What this process has seen begin and not yet end, for whoever tells of ends: names, and how long it took.

A memory for onlookers, bounded, and empty after a restart: what is missing is told without its name.
"""

from __future__ import annotations

from collections import OrderedDict

from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.time import epoch_from_timestamp

EXECUTIONS_MAX = 50_000


class OpenWork:
    """Owned by the loop's thread. Executions that were heard of longest ago are forgotten first."""

    def __init__(self, executions_max: int = EXECUTIONS_MAX) -> None:
        self._executions_max = executions_max
        self._starts: OrderedDict[ExecutionKey, h.ExecutionStarted | None] = OrderedDict()
        self._open: dict[ExecutionKey, dict[int, h.HistoryEvent]] = {}

    def began(self, key: ExecutionKey, started: h.ExecutionStarted) -> None:
        """An execution has begun."""
        self._remember(key)
        self._starts[key] = started

    def opened(self, key: ExecutionKey, event: h.HistoryEvent) -> None:
        """A task of the execution has been scheduled."""
        open_tasks = self._open.get(key)
        if open_tasks is None:
            self._remember(key)
            open_tasks = self._open[key] = {}
        open_tasks[event.event_id] = event

    def answered(self, key: ExecutionKey, event_id: int) -> h.HistoryEvent | None:
        """Forget a task that has its answer: the line that scheduled it."""
        open_tasks = self._open.get(key)
        return open_tasks.pop(event_id, None) if open_tasks is not None else None

    def ended(self, key: ExecutionKey) -> h.ExecutionStarted | None:
        """Forget an execution: its first line."""
        self._open.pop(key, None)
        return self._starts.pop(key, None)

    def __len__(self) -> int:
        return len(self._starts)

    def _remember(self, key: ExecutionKey) -> None:
        self._starts.setdefault(key, None)
        if len(self._starts) > self._executions_max:
            oldest, _ = self._starts.popitem(last=False)
            self._open.pop(oldest, None)


def seconds_between(earlier: str, later: str) -> float:
    """Seconds between two timestamps."""
    return epoch_from_timestamp(later) - epoch_from_timestamp(earlier)
