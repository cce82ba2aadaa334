"""Random orchestrators: programs as data, and one interpreter for each of the two ways to write an orchestrator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from dfcli.authoring.failures import TaskCancelledError, TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import Task, TimerTask

EVENT_NAMES = ("red", "Blue")
ACTIVITY_NAMES = ("ok", "fails", "flaky")
"""`flaky` fails twice and then succeeds."""


@dataclass(frozen=True)
class Ask:
    """A task: `kind` is activity, retried, timer, child, child-retried, event, all or any."""

    kind: str
    name: str = ""
    number: int = 0
    parts: tuple[Ask, ...] = ()


@dataclass(frozen=True)
class Wait:
    """`result = yield task`."""

    ask: Ask


@dataclass(frozen=True)
class Start:
    """A task that is made now and waited for at the end, or never."""

    ask: Ask
    is_joined: bool


@dataclass(frozen=True)
class Try:
    body: tuple[Statement, ...]
    handler: tuple[Statement, ...]


@dataclass(frozen=True)
class Race:
    """An event against a timer that is cancelled when it loses."""

    event: str
    seconds: int


@dataclass(frozen=True)
class Note:
    """A custom status and an id, both from the program's own progress."""


Statement = Wait | Start | Try | Race | Note
Program = tuple[Statement, ...]

_leaves = st.one_of(
    st.builds(Ask, st.sampled_from(["activity", "retried"]), st.sampled_from(ACTIVITY_NAMES), st.integers(0, 9)),
    st.builds(Ask, st.just("timer"), number=st.integers(-5, 50)),
    st.builds(Ask, st.sampled_from(["child", "child-retried"]), st.sampled_from(["ok", "fails"]), st.integers(0, 9)),
    st.builds(Ask, st.just("event"), st.sampled_from(EVENT_NAMES)),
)
asks = st.recursive(
    _leaves,
    lambda parts: st.one_of(
        st.builds(lambda p: Ask("all", parts=tuple(p)), st.lists(parts, max_size=4)),
        st.builds(lambda p: Ask("any", parts=tuple(p)), st.lists(parts, min_size=1, max_size=4)),
    ),
    max_leaves=5,
)
statements: st.SearchStrategy[Statement] = st.recursive(
    st.one_of(
        st.builds(Wait, asks),
        st.builds(Start, asks, st.booleans()),
        st.builds(Race, st.sampled_from(EVENT_NAMES), st.integers(0, 30)),
        st.builds(Note),
    ),
    lambda inner: st.builds(
        Try, st.lists(inner, min_size=1, max_size=3).map(tuple), st.lists(inner, max_size=2).map(tuple)
    ),
    max_leaves=6,
)
programs: st.SearchStrategy[Program] = st.lists(statements, max_size=5).map(tuple)


def task_of(context: Any, ask: Ask) -> Task:
    retry = RetryOptions(1000, 3, backoff_coefficient=2)
    task: Task
    match ask.kind:
        case "activity":
            task = context.call_activity(ask.name, ask.number)
        case "retried":
            task = context.call_activity_with_retry(ask.name, retry, ask.number)
        case "timer":
            task = context.create_timer(timedelta(seconds=ask.number))
        case "child":
            task = context.call_sub_orchestrator(ask.name, ask.number)
        case "child-retried":
            task = context.call_sub_orchestrator_with_retry(ask.name, retry, ask.number)
        case "event":
            task = context.wait_for_external_event(ask.name)
        case "all":
            task = context.task_all([task_of(context, part) for part in ask.parts])
        case _:
            task = context.task_any([task_of(context, part) for part in ask.parts])
    return task


def plain(value: Any) -> Any:
    """A result as JSON: the winner of a race as its own result, a failure as its text."""
    if isinstance(value, Task):
        return ["winner", plain(value.result)]
    if isinstance(value, list):
        return [plain(part) for part in value]
    return f"{type(value).__name__}: {value}" if isinstance(value, Exception) else value


def as_generator(program: Program) -> Callable[[Any], Generator[Task, Any, Any]]:
    """The program with `yield`."""

    def orchestrator(context: Any) -> Generator[Task, Any, Any]:
        log: list[Any] = []
        later: list[Task] = []
        yield from _run(context, program, log, later)
        for task in later:
            log.append(plain((yield task)))
        return log

    return orchestrator


def as_coroutine(program: Program) -> Callable[[Any], Awaitable[Any]]:
    """The same program with `await`: each statement by the generator's interpreter, each task awaited."""

    async def orchestrator(context: Any) -> Any:
        log: list[Any] = []
        later: list[Task] = []
        steps = _run(context, program, log, later)
        value: Any = None
        error: Exception | None = None
        while True:
            try:
                task = steps.throw(error) if error is not None else steps.send(value)
            except StopIteration:
                break
            value, error = None, None
            try:
                value = await task
            except (TaskFailedError, TaskCancelledError) as caught:
                error = caught
        for task in later:
            log.append(plain(await task))
        return log

    return orchestrator


def _run(context: Any, program: Program, log: list[Any], later: list[Task]) -> Generator[Task, Any, None]:
    for statement in program:
        match statement:
            case Wait(ask):
                log.append(plain((yield task_of(context, ask))))
            case Start(ask, is_joined):
                task = task_of(context, ask)
                if is_joined:
                    later.append(task)
            case Race(event, seconds):
                timer: TimerTask = context.create_timer(timedelta(seconds=seconds))
                winner = yield context.task_any([context.wait_for_external_event(event), timer])
                if winner is not timer:
                    timer.cancel()
                log.append(plain(winner))
            case Note():
                context.set_custom_status(len(log))
                log.append(context.new_uuid())
            case Try(body, handler):
                try:
                    yield from _run(context, body, log, later)
                except TaskFailedError as error:
                    log.append(plain(error))
                    yield from _run(context, handler, log, later)
