"""The app's code of one execution: a generator or coroutine that is started, stepped and dropped."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import FrameType
from typing import Any, TypeAlias

from dfcli.authoring.context import OrchestrationContext
from dfcli.authoring.interrupts import is_interrupt
from dfcli.authoring.tasks import Task
from dfcli.engine import frames
from dfcli.model.query import CodeLocation

OrchestratorFunction: TypeAlias = Callable[[OrchestrationContext], Any]
"""A generator function, an `async def`, or a plain function whose return value is the output."""

_UNWINDINGS_MAX = 100
_stubborn: list[Any] = []
"""Generators that went on yielding however often they were closed. Kept for ever, since Python would close them once
more when they are freed and complain on stderr."""


class Returned(Exception):
    """The function returned without being a generator or a coroutine."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Code:
    """Running code. `send` and `throw` are those of the generator; they raise StopIteration with the output."""

    __slots__ = ("_code", "_frame", "send", "throw")

    def __init__(self, function: OrchestratorFunction, context: OrchestrationContext) -> None:
        """Calls the function. Raises what it raises, and Returned when it has ended with that."""
        self._frame: FrameType | None = None
        code = function(context)
        if isinstance(code, AsyncGenerator):
            raise TypeError(
                "an orchestrator cannot be an async generator: write `async def` with `await`, or `def` with `yield`"
            )
        if not isinstance(code, Generator | Coroutine):
            raise Returned(code)
        self._code: Any = code
        self.send: Callable[[Any], Any] = code.send
        self.throw: Callable[[BaseException], Any] = code.throw

    def remember_frame(self) -> None:
        """Keep the outermost frame, so that its last line is known after it has returned. For replays only."""
        self._frame = getattr(self._code, "gi_frame", None) or getattr(self._code, "cr_frame", None)

    def forget_frame(self) -> None:
        self._frame = None

    @property
    def is_running(self) -> bool:
        """Whether the code is running at this moment, and not suspended or over."""
        return bool(getattr(self._code, "gi_running", False) or getattr(self._code, "cr_running", False))

    def location(self) -> CodeLocation | None:
        """Where the suspended code waits, or where it returned if its frame was remembered."""
        found = frames.suspended_location(self._code)
        if found is None and self._frame is not None:
            return frames.location(self._frame)
        return found

    def frames(self) -> list[FrameType]:
        """The suspended functions of the app, outermost first."""
        return frames.suspended_frames(self._code)

    @property
    def holds_cleanup(self) -> bool:
        return frames.holds_cleanup(self._code)

    def drop(self) -> None:
        """Unwind the suspended code: `finally` and `with` run, whatever they raise or yield is swallowed."""
        for _ in range(_UNWINDINGS_MAX):
            try:
                self._code.close()
            except BaseException as error:  # RuntimeError when it yielded again: close once more
                if is_interrupt(error):
                    raise
                if getattr(self._code, "gi_frame", None) is None and getattr(self._code, "cr_frame", None) is None:
                    break
            else:
                break
        else:
            _stubborn.append(self._code)
        self._frame = None


def not_a_task(value: Any) -> TypeError:
    """What is raised inside an orchestrator that yields or awaits something that is none of its tasks."""
    if isinstance(value, list | tuple) and value and all(isinstance(part, Task) for part in value):
        advice = "use context.task_all([...]) to wait for all of them, or context.task_any([...]) for the first"
    elif isinstance(value, Generator):
        advice = "write `yield from` before a call of a helper that is a generator itself"
    elif isinstance(value, Coroutine):
        advice = "await a coroutine in an `async def` orchestrator; from a generator it cannot be called"
        value.close()
    else:
        advice = "yield or await what context.call_activity(...), context.create_timer(...) and their like return"
    return TypeError(
        f"an orchestrator can only wait for tasks of its context, not for {type(value).__name__}: {advice}"
    )
