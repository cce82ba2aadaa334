"""Tasks: what an orchestrator yields or awaits. Each completes once, when the engine hands over what arrived.

A task knows its outcome and who watches it, nothing of histories. The engine completes tasks through `succeed` and
`fail`; orchestrators only read them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Iterable
from typing import Any

from dfcli.authoring.failures import TaskCancelledError

RUNNING = 0
SUCCEEDED = 1
FAILED = 2


class TaskState(enum.Enum):
    """Where a task stands, with the names of Durable Functions."""

    RUNNING = RUNNING
    SUCCEEDED = SUCCEEDED
    FAILED = FAILED


_STATES = (TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.FAILED)


class Task:
    """Something an orchestrator can wait for with `yield` (in a generator) or `await` (in an `async def`)."""

    __slots__ = ("_outcome", "_schedule", "_state", "_watchers", "expected_type", "id", "name")

    kind = "task"

    def __init__(self, id: int, name: str = "", expected_type: Any = None) -> None:
        self.id: Any = id
        """The event id of the decision that made it, -1 when none did; a list of ids for `task_all` and `task_any`."""
        self.name = name
        self.expected_type = expected_type
        self._state = RUNNING
        self._outcome: Any = None
        self._watchers: list[_Compound] | None = None
        self._schedule: Callable[[], None] | None = None
        """What is done once the code first waits for it, where that schedules; None: it is scheduled."""

    def __await__(self) -> Generator[Task, Any, Any]:
        return (yield self)

    @property
    def is_completed(self) -> bool:
        """Whether it has ended, well or not."""
        return self._state != RUNNING

    is_complete = is_completed

    @property
    def is_failed(self) -> bool:
        return self._state == FAILED

    is_faulted = is_failed

    @property
    def state(self) -> TaskState:
        return _STATES[self._state]

    @property
    def result(self) -> Any:
        """The value, the exception object of a failed task (nothing is raised), or None while it runs."""
        return self._outcome

    def get_result(self) -> Any:
        """The value. Raises the failure of a failed task, ValueError while the task runs."""
        if self._state == FAILED:
            raise self._outcome
        if self._state == RUNNING:
            raise ValueError(f"{self!r} has not completed: yield it before you ask for its result")
        return self._outcome

    def get_exception(self) -> BaseException | None:
        """The failure of a failed task, None otherwise."""
        return self._outcome if self._state == FAILED else None

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"<{self.kind}{name}, {_STATES[self._state].name.lower()}>"


class ActivityTask(Task):
    """A called activity. With a retry policy: all its attempts; `id` is the first one's."""

    __slots__ = ()
    kind = "activity"


class SubOrchestrationTask(Task):
    """A called sub-orchestration."""

    __slots__ = ()
    kind = "sub-orchestration"


class TimerTask(Task):
    """A durable timer."""

    __slots__ = ("_on_cancel", "is_cancelled")
    kind = "timer"

    def __init__(self, id: int, on_cancel: Callable[[TimerTask], None]) -> None:
        super().__init__(id)
        self.is_cancelled = False
        self._on_cancel = on_cancel

    def cancel(self) -> None:
        """Give it up: it never fires, and waiting for it raises TaskCancelledError.

        Raises ValueError when the timer has already fired.
        """
        if self.is_cancelled:
            return
        if self._state != RUNNING:
            raise ValueError("Cannot cancel a completed task.")
        self.is_cancelled = True
        self._schedule = None
        self._on_cancel(self)
        fail(self, TaskCancelledError("the timer was cancelled"))


class EventTask(Task):
    """A wait for an external event."""

    __slots__ = ("since",)
    kind = "event"

    def __init__(self, name: str, expected_type: Any, since: str) -> None:
        super().__init__(-1, name, expected_type)
        self.since = since
        """The orchestrator's time when it began to wait, as a timestamp."""


class _Compound(Task):
    """A task made of others. Completing one of n children costs O(1)."""

    __slots__ = ("children", "is_scheduled")

    def __init__(self, children: Iterable[Task]) -> None:
        super().__init__(-1)
        self.is_scheduled = False
        """Whether `schedule` has gone through it."""
        self.children: list[Task] = _tasks(self.kind, children)
        self.id = [child.id for child in self.children]

    def _watch(self) -> None:
        for child in self.children:
            if child._state == RUNNING:
                if child._watchers is None:
                    child._watchers = [self]
                else:
                    child._watchers.append(self)

    def child_completed(self, child: Task) -> bool:
        """Take note of one more completed child. Returns whether this completed the compound."""
        raise NotImplementedError


class WhenAllTask(_Compound):
    """Completes when every child has: with their results in order, or with the failure that arrived first.

    With `fails_fast` it completes with the first failure, as Azure's 1.x SDK has it; of children that have failed
    before, that is the first in order. Without children it gives None there.
    """

    __slots__ = ("_fails_fast", "_failure", "_missing")
    kind = "task_all"

    def __init__(self, children: Iterable[Task], *, fails_fast: bool = False) -> None:
        super().__init__(children)
        self._failure: BaseException | None = None
        self._fails_fast = fails_fast
        self._missing = sum(child._state == RUNNING for child in self.children)
        failed = [child._outcome for child in self.children if child._state == FAILED]
        if failed:
            self._failure = failed[0] if fails_fast else min(failed, key=_arrival)
        if self._missing and not (failed and fails_fast):
            self._watch()
        else:
            self._complete()

    @property
    def completed_children(self) -> int:
        return len(self.children) - self._missing

    def child_completed(self, child: Task) -> bool:
        if self._state != RUNNING:
            return False
        if child._state == FAILED and self._failure is None:
            self._failure = child._outcome
        self._missing -= 1
        if self._missing and not (self._fails_fast and self._failure is not None):
            return False
        self._complete()
        return True

    def _complete(self) -> None:
        if self._failure is not None:
            self._state, self._outcome = FAILED, self._failure
        else:
            results = [child._outcome for child in self.children]
            self._state, self._outcome = SUCCEEDED, results or (None if self._fails_fast else results)


class WhenAnyTask(_Compound):
    """Completes with its first completed child, the task itself, which may have failed: look, or yield it."""

    __slots__ = ()
    kind = "task_any"

    def __init__(self, children: Iterable[Task]) -> None:
        super().__init__(children)
        if not self.children:
            raise ValueError("task_any needs at least one task: with none it would never complete")
        winner = next((child for child in self.children if child._state != RUNNING), None)
        if winner is None:
            self._watch()
        else:
            self._state, self._outcome = SUCCEEDED, winner

    def child_completed(self, child: Task) -> bool:
        if self._state != RUNNING:
            return False
        self._state, self._outcome = SUCCEEDED, child
        return True


def succeed(task: Task, value: Any) -> None:
    """Complete a running task. The engine's to call."""
    task._state = SUCCEEDED
    task._outcome = value
    if task._watchers is not None:
        _tell(task)


def fail(task: Task, error: BaseException) -> None:
    """Complete a running task with a failure. The engine's to call."""
    task._state = FAILED
    task._outcome = error
    if task._watchers is not None:
        _tell(task)


def schedule(task: Task) -> None:
    """The code waits for a task: schedule what of it is not scheduled yet, in order. The engine's to call.

    Also of a compound that is complete already: what it holds was asked for.
    """
    compounds: list[_Compound] = []
    rest = [task]
    while rest:
        part = rest.pop()
        if isinstance(part, _Compound):
            if not part.is_scheduled:
                part.is_scheduled = True
                compounds.append(part)
                rest.extend(reversed(part.children))
        elif part._schedule is not None:
            act, part._schedule = part._schedule, None
            act()
    for compound in reversed(compounds):
        compound.id = [child.id for child in compound.children]


def waiting_parts(task: Task) -> list[Task]:
    """The running tasks, compounds taken apart, whose completion `task` waits for, in order and each once."""
    parts: dict[Task, None] = {}
    rest = [task]
    while rest:
        part = rest.pop()
        if part._state != RUNNING:
            continue
        if isinstance(part, _Compound):
            rest.extend(reversed(part.children))
        else:
            parts[part] = None
    return list(parts)


def _tell(task: Task) -> None:
    """Tell watchers, and theirs, in order; without recursion, for compounds nest to any depth."""
    completed = [task]
    for child in completed:
        watchers, child._watchers = child._watchers, None
        for watcher in watchers or ():
            if watcher.child_completed(child):
                completed.append(watcher)


def _tasks(kind: str, children: Iterable[Task]) -> list[Task]:
    try:
        tasks = list(children)
    except TypeError:
        raise TypeError(f"{kind} takes a list of tasks, not {type(children).__name__}") from None
    for position, task in enumerate(tasks):
        if not isinstance(task, Task):
            raise TypeError(f"{kind} takes a list of tasks; item {position} is {type(task).__name__}")
    return tasks


def _arrival(error: BaseException) -> int:
    """The seq of the line that brought the failure: which of several failures came first."""
    seq = getattr(error, "seq", 0)
    return seq if isinstance(seq, int) else 0
