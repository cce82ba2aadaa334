"""Tasks as orchestrators of Azure apps see them: ours, with the state in the SDK's own enumeration."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from dfcli.authoring.running import current
from dfcli.authoring.tasks import FAILED, RUNNING, Task, WhenAllTask

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=type)


def with_azures_states(names: tuple[str, ...]) -> Callable[[C], C]:
    """Of a class of contexts: the tasks that these methods give compare equal, and identical, to `TaskState`."""

    def decorate(context: C) -> C:
        for name in names:
            setattr(context, name, _giving(getattr(context, name)))
        return context

    return decorate


def _giving(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        task = method(*args, **kwargs)
        kind = task.__class__
        task.__class__ = _made.get(kind) or _azures(kind)
        return task

    return call


def will_be_part(task: WhenAllTask) -> None:
    """A `task_all` becomes a part of another compound: it is noticed when Azure's SDK would complete it twice."""
    if task._state == RUNNING and not isinstance(task, _PartOfCompound):
        made: Any = _azures(_PartOfCompound)
        task.__class__ = made


class _PartOfCompound(WhenAllTask):
    """It has failed with its first failure; the last of its other parts succeeds."""

    __slots__ = ()

    def child_completed(self, child: Task) -> bool:
        if self._state != FAILED:
            return super().child_completed(child)
        self._missing -= 1
        running: Any = current.get()
        if not self._missing and child._state != FAILED and running is not None:
            running.decisions.note("completed twice")
        return False


_made: dict[type[Task], type[Task]] = {}


def _azures(kind: type[Task]) -> type[Task]:
    """A task's class with those states and the same layout, so that a task can be made one of it."""
    from azure.durable_functions.models.Task import TaskState

    states = (TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.FAILED)
    members = {"__slots__": (), "state": property(lambda task: states[task._state])}
    made: type[Task] = type(kind.__name__, (kind,), members)
    _made[kind] = _made[made] = made
    return made
