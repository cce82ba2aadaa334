"""Breaking crash loops: a task that takes the host down each time it runs must not do so for ever.

A task that is handed out again after a restart was in flight when the last process ended; that is recorded before it
runs. After `crash_limit` unclean stops in a row such tasks are *suspects*: they run one at a time, with nothing beside
them, and one that takes the host down even then fails with `HostCrashed` instead of running again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from dfcli.host.activities import ActivityCall, Outcome
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import NOTHING
from dfcli.storage.taskhub import TaskInFlight


class CrashLoops:
    """Decides which calls may start now. Owned by the loop's thread."""

    def __init__(self, suspects: Iterable[TaskInFlight], crash_limit: int) -> None:
        self._crashes = {(task.instance_id, task.exec, task.task_id, task.seq): task.crashes for task in suspects}
        self._limit = crash_limit
        self._suspects: deque[ActivityCall] = deque()
        self._others: list[ActivityCall] = []
        self._alone: ActivityCall | None = None

    @property
    def is_watching(self) -> bool:
        """Whether a suspect is still to be cleared, so that calls must ask before they start."""
        return bool(self._crashes)

    def is_suspect(self, call: ActivityCall) -> bool:
        return _place(call) in self._crashes

    def admit(self, calls: Sequence[ActivityCall]) -> tuple[list[ActivityCall], list[Outcome]]:
        """The calls that may start now, and the failures of those that may not start again. The rest waits."""
        failures: list[Outcome] = []
        for call in calls:
            crashes = self._crashes.get(_place(call), 0)
            if crashes > self._limit:
                del self._crashes[_place(call)]
                failures.append(_host_crashed(call, crashes))
            elif crashes:
                self._suspects.append(call)
            else:
                self._others.append(call)
        return self._next(), failures

    def ended(self, call: ActivityCall) -> list[ActivityCall]:
        """A call came back, so the host survived it: what may start now."""
        if self._alone is None or _place(self._alone) != _place(call):
            return []
        del self._crashes[_place(call)]
        self._alone = None
        return self._next()

    def _next(self) -> list[ActivityCall]:
        if self._alone is not None:
            return []
        if self._suspects:
            self._alone = self._suspects.popleft()
            return [self._alone]
        others, self._others = self._others, []
        return others


def _place(call: ActivityCall) -> tuple[str, int, int, int]:
    return (*call.key, call.scheduled.event_id, call.scheduled.seq)


def _host_crashed(call: ActivityCall, crashes: int) -> Outcome:
    message = f"the host ended {crashes} times while this activity ran, the last time while it ran alone"
    return Outcome(call, NOTHING, FailureDetails(error_type="HostCrashed", error_message=message))
