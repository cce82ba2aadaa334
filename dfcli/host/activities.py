"""Running activities: plain `def` ones in threads, `async def` ones on the loop for user code.

An activity runs at least once. Its outcome comes back to the loop in batches, as the members of the history line that
records it; whether that line is written is the scheduler's decision.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import dfcli
from dfcli.authoring.activity import ActivityInfo
from dfcli.authoring.running import current
from dfcli.authoring.typed import value_of
from dfcli.host.function_extras import Extras
from dfcli.host.threads import Threads
from dfcli.host.tracing import running_in
from dfcli.model import history as h
from dfcli.model import payload as payloads
from dfcli.model.failure import FailureDetails, describe
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import Payload
from dfcli.model.trace import TraceContext
from dfcli.registry.registry import FunctionDefinition, Registry
from dfcli.storage.transaction import Dispatch

HIDDEN_FRAMES = (os.path.dirname(dfcli.__file__) + os.sep,)
"""Our own files: a user's traceback shows the user's code."""


class ActivityCall(NamedTuple):
    """One scheduled activity; `key`, `execution_id` and the line's seq say whom the result belongs to."""

    key: ExecutionKey
    execution_id: str
    scheduled: h.TaskScheduled
    code_id: str | None = None
    """The code its instance runs on."""
    trace: TraceContext | None = None
    """Where traces are made: the call's own span, for spans that the code makes."""

    @property
    def seq(self) -> int:
        """Of the line that scheduled it."""
        return self.scheduled.seq

    def dispatch(self) -> Dispatch:
        """The record that the call is about to run again."""
        return Dispatch(self.key, self.scheduled.event_id, self.scheduled.seq, self.scheduled.attempt)

    def info(self) -> ActivityInfo:
        """What the activity is told about the call."""
        return ActivityInfo(
            instance_id=self.key.instance_id,
            name=self.scheduled.name,
            attempt=self.scheduled.attempt,
            idempotency_key=f"{self.execution_id}:{self.scheduled.seq}",
        )


class Outcome(NamedTuple):
    """How a call ended: with a result, or with a failure."""

    call: ActivityCall
    result: Payload
    failure: FailureDetails | None = None


def failure_reason(name: str, failure: FailureDetails) -> str:
    """The sentence Durable Functions shows for a failed activity, two blanks included."""
    return f"Activity function '{name}' failed:  {failure.error_type}: {failure.error_message}"


def encoded(value: Any, encode: Callable[[Any], Payload] = payloads.encode) -> Payload:
    """The payload of a result. Raises TypeError or ValueError saying why it cannot be one."""
    result = encode(value)
    if result.size > payloads.PAYLOAD_BYTES_MAX:
        raise ValueError(f"PayloadTooLarge: the result has {result.size} bytes; 16 MiB are allowed")
    return result


def failed(call: ActivityCall, error: BaseException) -> Outcome:
    """The outcome of a call that raised."""
    try:
        failure = describe(error, hide=HIDDEN_FRAMES)
    except Exception:  # its own members raise: a call must be answered all the same
        failure = FailureDetails(error_type=type(error).__name__, error_message="<unprintable>")
    return Outcome(call, payloads.NOTHING, failure)


def unknown_activity(call: ActivityCall, registry: Registry) -> Outcome:
    """The outcome of a call that nothing in the app answers, in Durable Functions' words."""
    known = ", ".join(f"'{name}'" for name in registry.known("activity")) or "none"
    message = (
        f"The function '{call.scheduled.name}' doesn't exist, is disabled, or is not an activity function. "
        f"Additional info: The following are the known activity functions: {known}."
    )
    return Outcome(call, payloads.NOTHING, FailureDetails(error_type="UnknownFunction", error_message=message))


def perform(call: ActivityCall, definition: FunctionDefinition, extras: Extras) -> Outcome:
    """Run a plain function for a call, in the calling thread. `sys.exit()` in it fails the call, never the process."""
    if call.trace is not None:
        with running_in(call.trace):
            return perform(call._replace(trace=None), definition, extras)._replace(call=call)
    scheduled = call.scheduled
    token = current.set(call.info())
    try:
        if definition.has_extras:
            return Outcome(
                call, encoded(definition.function(**_arguments(call, definition, extras)), definition.encode)
            )
        if definition.parameter is None:
            return Outcome(call, encoded(definition.function(), definition.encode))
        value = value_of(scheduled.input, scheduled.input_text, definition.input_type)
        return Outcome(call, encoded(definition.function(value), definition.encode))
    except BaseException as error:
        return failed(call, error)
    finally:
        current.reset(token)


def _arguments(call: ActivityCall, definition: FunctionDefinition, extras: Extras) -> dict[str, Any]:
    """By name, for a function that takes more than its input."""
    arguments = extras(definition, attempt=call.scheduled.attempt)
    if definition.parameter is not None:
        arguments[definition.parameter] = value_of(
            call.scheduled.input, call.scheduled.input_text, definition.input_type
        )
    return arguments


class Activities:
    """Hands calls to user code and collects the outcomes; owned by the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        threads: Threads,
        user_loop: Callable[[], asyncio.AbstractEventLoop],
        take: Callable[[Sequence[Outcome]], None],
        async_max: int,
        extras: Extras,
    ) -> None:
        self._loop = loop
        self.extras = extras
        self._threads = threads
        self._user_loop = user_loop
        self._take = take
        self._outcomes: deque[Outcome] = deque()
        self._is_taking = False
        self._async_calls: deque[tuple[ActivityCall, FunctionDefinition]] = deque()
        self._async_free = async_max
        self._async_tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, calls: Sequence[tuple[ActivityCall, FunctionDefinition]]) -> None:
        """Begin calls; from the loop's thread, after the commit that scheduled them."""
        plain: list[Callable[[], None]] = []
        has_async = False
        for call, definition in calls:
            if definition.is_async:
                self._async_calls.append((call, definition))
                has_async = True
            else:
                plain.append(_PlainCall(self, call, definition))
        if plain:
            self._threads.run(plain)
        if has_async:
            self._user_loop().call_soon_threadsafe(self._begin_async)

    def finish(self, outcome: Outcome) -> None:
        """Hand in an outcome, from any thread. One wake-up of the loop takes all that have come in by then."""
        self._outcomes.append(outcome)
        if not self._is_taking and not self._closed:
            self._is_taking = True
            try:
                self._loop.call_soon_threadsafe(self._hand_over)
            except RuntimeError:  # the loop has ended: the activity runs again at the next start
                self._closed = True

    def renew(self) -> None:
        """Nothing to do: each call brings its function."""

    def close(self) -> None:
        """Outcomes from now on are dropped."""
        self._closed = True

    def _hand_over(self) -> None:
        self._is_taking = False
        outcomes = self._outcomes
        taken = [outcomes.popleft() for _ in range(len(outcomes))]
        if taken and not self._closed:
            self._take(taken)

    def _begin_async(self) -> None:
        """On the user loop: start as many waiting calls as are allowed at a time."""
        while self._async_calls and self._async_free > 0 and not self._closed:
            self._async_free -= 1
            call, definition = self._async_calls.popleft()
            task = asyncio.get_running_loop().create_task(self._perform_async(call, definition))
            self._async_tasks.add(task)
            task.add_done_callback(self._async_tasks.discard)

    async def _perform_async(self, call: ActivityCall, definition: FunctionDefinition) -> None:
        scheduled = call.scheduled
        current.set(call.info())  # the task has a context of its own, so nothing needs to be taken back
        try:
            coroutine: Coroutine[Any, Any, Any]
            if definition.has_extras:
                coroutine = definition.function(**_arguments(call, definition, self.extras))
            elif definition.parameter is None:
                coroutine = definition.function()
            else:
                coroutine = definition.function(value_of(scheduled.input, scheduled.input_text, definition.input_type))
            with running_in(call.trace) if call.trace is not None else nullcontext():
                outcome = Outcome(call, encoded(await coroutine, definition.encode))
        except BaseException as error:
            outcome = failed(call, error)
        self._async_free += 1
        self.finish(outcome)
        if self._async_calls:
            self._begin_async()


class _PlainCall:
    """A call bound to where its outcome goes; lighter than a closure and a future."""

    __slots__ = ("_activities", "_call", "_definition")

    def __init__(self, activities: Activities, call: ActivityCall, definition: FunctionDefinition) -> None:
        self._activities = activities
        self._call = call
        self._definition = definition

    def __call__(self) -> None:
        self._activities.finish(perform(self._call, self._definition, self._activities.extras))
