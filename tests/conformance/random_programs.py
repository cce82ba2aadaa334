"""Random orchestrators in the vendor's style: the programs of `tests.engine.programs`, interpreted for its context.

What the vendor gets wrong is left out of them (`test_left_out.py`): each wait for an event has a name of its own, and a
`task_all` that may fail is yielded where it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from hypothesis import strategies as st

import dfcli
from dfcli.errors import TimedOut
from dfcli.host.host import Host
from dfcli.storage.settings import HubSettings
from tests.conformance.differential import app_of, compare
from tests.conformance.programs import INSTANCE
from tests.engine.programs import EVENT_NAMES, Ask, Note, Program, Race, Start, Try, Wait
from tests.engine.programs import programs as all_programs
from tests.host.running import VirtualMachine

programs = all_programs.filter(lambda program: is_comparable(program))
EVENTS_MAX = 4
"""Waits for events of one name that may be answered."""
PATIENCE_SECONDS = 5_000

scripts = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from(EVENT_NAMES), st.integers(0, EVENTS_MAX - 1)),
    max_size=6,
    unique_by=lambda step: step[1:],
).map(sorted)
"""When which event is raised."""


def is_comparable(program: Program) -> bool:
    """Whether the vendor's executor decides it rightly."""
    for statement in program:
        match statement:
            case Wait(ask):
                right = all(not _may_fail_inside(part) for part in ask.parts) if ask.kind == "all" else True
                right = right and (ask.kind == "all" or not _may_fail_inside(ask))
            case Start(ask):
                right = not _may_fail_inside(ask)
            case Try(body, handler):
                right = is_comparable(body) and is_comparable(handler)
            case _:
                right = True
        if not right:
            return False
    return True


def _may_fail_inside(ask: Ask) -> bool:
    """Whether some `task_all` in the tree may fail while parts of it still run."""
    if ask.kind == "all" and any(map(_may_fail, ask.parts)):
        return True
    return any(map(_may_fail_inside, ask.parts))


def _may_fail(ask: Ask) -> bool:
    if ask.kind == "any":
        return False
    return ask.name in ("fails", "flaky") or any(map(_may_fail, ask.parts))


def has_events(program: Program) -> bool:
    """`is_replaying` is not compared then: an event that came early is one of the vendor's errors."""
    return "Race(" in repr(program) or "kind='event'" in repr(program)


def has_empty_compounds(program: Program) -> bool:
    """Nor after a `task_all` of nothing."""
    return "kind='all', name='', number=0, parts=()" in repr(program)


def as_vendor(program: Program) -> Callable[[Any], Generator[Any, Any, Any]]:
    """The program for the vendor's context."""

    def orchestrator(context: Any) -> Generator[Any, Any, Any]:
        made = _Maker(context)
        log: list[Any] = []
        yield from _run(made, program, log)
        for task in made.later:
            log.append(_plain((yield task)))
        return log

    return orchestrator


class _Maker:
    def __init__(self, context: Any) -> None:
        self.context = context
        self.later: list[Any] = []
        self._waits = dict.fromkeys(EVENT_NAMES, 0)

    def task(self, ask: Ask) -> Any:
        context = self.context
        match ask.kind:
            case "activity":
                return context.call_activity(ask.name, ask.number)
            case "retried":
                return context.call_activity_with_retry(ask.name, df.RetryOptions(1_000, 3), ask.number)
            case "timer":
                return self.timer(ask.number)
            case "child":
                return context.call_sub_orchestrator(f"{ask.name}_child", ask.number)
            case "child-retried":
                options = df.RetryOptions(1_000, 3)
                return context.call_sub_orchestrator_with_retry(f"{ask.name}_child", options, ask.number)
            case "event":
                return self.event(ask.name)
            case "all":
                return context.task_all([self.task(part) for part in ask.parts])
            case _:
                return context.task_any([self.task(part) for part in ask.parts])

    def timer(self, seconds: int) -> Any:
        return self.context.create_timer(self.context.current_utc_datetime + timedelta(seconds=seconds))

    def event(self, name: str) -> Any:
        self._waits[name] += 1
        return self.context.wait_for_external_event(f"{name}-{self._waits[name] - 1}")


def _run(made: _Maker, program: Program, log: list[Any]) -> Generator[Any, Any, None]:
    for statement in program:
        match statement:
            case Wait(ask):
                log.append(_plain((yield made.task(ask))))
            case Start(ask, is_joined):
                task = made.task(ask)
                if is_joined:
                    made.later.append(task)
            case Race(event, seconds):
                timer = made.timer(seconds)
                winner = yield made.context.task_any([made.event(event), timer])
                if winner != timer:
                    timer.cancel()
                log.append(_plain(winner))
            case Note():
                made.context.set_custom_status(len(log))
                log.append(made.context.new_uuid())
            case Try(body, handler):
                try:
                    yield from _run(made, body, log)
                except Exception as error:
                    log.append(_plain(error))
                    yield from _run(made, handler, log)


def _plain(value: Any) -> Any:
    if hasattr(value, "is_completed"):
        return ["winner", _plain(value.result)]
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Exception) else value


async def ok(value: Any) -> Any:
    await asyncio.sleep(value)
    return f"slept {value}"


async def fails(value: Any) -> Any:
    await asyncio.sleep(value)
    raise ValueError(value)


async def flaky(value: Any) -> Any:
    await asyncio.sleep(value)
    if dfcli.activity_info().attempt < 3:
        raise ValueError("not yet")
    return "at last"


def ok_child(context: Any) -> Generator[Any, Any, Any]:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))
    return context.get_input()


def fails_child(context: Any) -> Any:
    raise KeyError(context.get_input())


def run(program: Program, script: list[tuple[int, str, int]]) -> int:
    """Play a program on our host and compare; how many episodes were compared. Raises Difference."""
    orchestrators = {"program": as_vendor(program), "ok_child": ok_child, "fails_child": fails_child}
    app = app_of(orchestrators, {"ok": ok, "fails": fails, "flaky": flaky}, {})

    async def play(host: Host) -> int:
        await host.client.start_new("program", INSTANCE)
        passed = 0
        for at, name, number in script:
            await asyncio.sleep(at - passed)
            passed = at
            with contextlib.suppress(dfcli.DfError):  # it may have ended
                await host.client.raise_event(INSTANCE, f"{name}-{number}", at)
        with contextlib.suppress(TimedOut):
            await host.client.wait(INSTANCE, timeout=PATIENCE_SECONDS)
        is_replaying = not has_events(program) and not has_empty_compounds(program)
        return compare(app, host, is_replaying=is_replaying)

    return VirtualMachine().run(app.registry, play, hub_settings=HubSettings(keep_executions=10))
