"""Dropping a suspended execution: what Python runs then, and that nothing of it counts."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator, Iterator
from typing import Any

import pytest

import dfcli as df
from dfcli.engine import code
from dfcli.model import history as h
from tests.engine.driver import Driver
from tests.engine.outcomes import started

Gen = Generator[Any, Any, Any]


class Tape:
    """What user code did, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []


@contextlib.contextmanager
def guard(tape: Tape) -> Iterator[None]:
    try:
        yield
    finally:
        tape.lines.append("left")


def dropped(function: Any) -> Driver:
    driver = started(function)
    before = list(driver.history)
    driver.execution.close()
    gc.collect()  # a generator that complains when it is freed would fail the test through its warning
    assert driver.history == before
    return driver


def test_finally_and_with_run_when_an_execution_is_dropped() -> None:
    tape = Tape()

    def careful(context: Any) -> Gen:
        with guard(tape):
            try:
                yield context.call_activity("a")
            finally:
                tape.lines.append("finally")

    dropped(careful)
    assert tape.lines == ["finally", "left"]


@pytest.mark.parametrize(
    "call", ["call_activity", "call_sub_orchestrator", "wait_for_external_event", "continue_as_new"]
)
def test_the_context_refuses_every_call_meanwhile(call: str) -> None:
    tape = Tape()

    def compensates(context: Any) -> Gen:
        try:
            yield context.call_activity("a")
        finally:
            try:
                getattr(context, call)("undo")
                tape.lines.append("was allowed")
            except Exception:
                tape.lines.append("could be caught")

    driver = dropped(compensates)
    assert tape.lines == []
    assert driver.execution.open_children == {}
    assert list(driver.execution.open_tasks) == [0]


def test_a_custom_status_set_while_it_is_dropped_does_not_count() -> None:
    def shows(context: Any) -> Gen:
        try:
            yield context.call_activity("a")
        finally:
            context.set_custom_status("dropped")

    dropped(shows)


def test_whatever_the_unwinding_raises_is_swallowed() -> None:
    def exits(context: Any) -> Gen:
        try:
            yield context.call_activity("a")
        finally:
            raise SystemExit(1)

    dropped(exits)


def test_a_generator_that_yields_again_while_it_is_dropped_is_survived() -> None:
    tape = Tape()

    def again(context: Any) -> Gen:
        task = context.call_activity("a")
        for n in range(3):
            try:
                yield task
            except GeneratorExit:
                tape.lines.append(str(n))

    dropped(again)
    assert tape.lines == ["0", "1", "2"]


def test_a_generator_that_never_gives_up_is_left_alone() -> None:
    tape = Tape()

    def stubborn(context: Any) -> Gen:
        task = context.call_activity("a")
        while not tape.lines:
            with contextlib.suppress(GeneratorExit):
                yield task

    dropped(stubborn)
    assert len(code._stubborn) == 1
    tape.lines.append("enough")
    code._stubborn.pop().close()


@pytest.mark.parametrize(
    "call", ["call_activity", "call_sub_orchestrator", "wait_for_external_event", "call_activity_with_retry"]
)
def test_code_that_catches_everything_in_a_loop_can_be_left(call: str) -> None:
    tape = Tape()
    more = [df.RetryOptions(1, 2)] if call == "call_activity_with_retry" else []

    def deaf(context: Any) -> Gen:
        while not tape.lines:
            with contextlib.suppress(BaseException):
                yield getattr(context, call)("again", *more)

    dropped(deaf)
    tape.lines.append("enough")
    while code._stubborn:
        code._stubborn.pop().close()


def test_code_that_catches_everything_cannot_hold_up_a_termination() -> None:
    tape = Tape()

    def deaf(context: Any) -> Gen:
        while not tape.lines:
            with contextlib.suppress(BaseException):
                yield context.wait_for_external_event("go")

    driver = started(deaf)
    driver.arrive(h.ExecutionTerminated, reason="stop")
    driver.episode()
    assert driver.shape()[-3:] == ["OrchestratorStarted", "ExecutionCompleted(0)", "OrchestratorCompleted"]
    tape.lines.append("enough")
    while code._stubborn:
        code._stubborn.pop().close()


def test_coroutines_are_dropped_the_same_way() -> None:
    tape = Tape()

    async def inner(context: Any) -> None:
        try:
            await context.call_activity("a")
        finally:
            tape.lines.append("inner")
            await context.call_activity("undo")

    async def outer(context: Any) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(tape.lines.append, "outer")
            await inner(context)

    dropped(outer)
    assert tape.lines == ["inner", "outer"]


def test_dropping_twice_or_before_the_start_is_nothing() -> None:
    driver = Driver({"o": lambda _: 1}).start("o")
    driver.execution.close()
    driver = started(lambda c: (yield c.call_activity("a")))
    driver.execution.close()
    driver.execution.close()
    assert driver.execution.waits() == []


def test_a_terminated_run_is_unwound_without_a_trace_in_its_history() -> None:
    def compensates(context: Any) -> Gen:
        try:
            yield context.call_activity("a")
        finally:
            yield context.call_activity("undo")

    driver = started(compensates)
    driver.arrive(h.ExecutionTerminated, reason="stop")
    driver.episode()
    assert driver.shape()[-3:] == ["OrchestratorStarted", "ExecutionCompleted(1)", "OrchestratorCompleted"]
    driver.replayed()


# -- which executions are better kept --------------------------------------------------------------------------------


def plain(context: Any) -> Gen:
    yield context.call_activity("a")


def after_a_try(context: Any) -> Gen:
    with contextlib.suppress(ValueError):
        context.new_uuid()
    try:
        context.new_uuid()
    finally:
        pass
    yield context.call_activity("a")


def before_a_try(context: Any) -> Gen:
    yield context.call_activity("a")
    try:
        yield context.call_activity("b")
    finally:
        pass


def in_a_loop_after_a_comprehension(context: Any) -> Gen:
    while True:
        yield context.task_all([context.call_activity("a", n) for n in range(3)])


def through_a_helper(context: Any) -> Gen:
    yield from plain(context)


def in_a_handler(context: Any) -> Gen:
    try:
        raise ValueError
    except ValueError as error:
        del error
        yield context.call_activity("a")


async def awaiting(context: Any) -> None:
    await context.call_activity("a")


async def awaiting_a_helper(context: Any) -> None:
    await awaiting(context)


def in_try(context: Any) -> Gen:
    try:
        yield context.call_activity("a")
    finally:
        pass


def in_except(context: Any) -> Gen:
    try:
        yield context.call_activity("a")
    except ValueError:
        context.new_uuid()


def in_with(context: Any) -> Gen:
    with contextlib.suppress(ValueError):
        yield context.call_activity("a")


def helper_in_try(context: Any) -> Gen:
    try:
        yield from plain(context)
    finally:
        pass


def try_in_helper(context: Any) -> Gen:
    yield from in_try(context)


def in_a_handler_inside_a_try(context: Any) -> Gen:
    try:
        try:
            raise ValueError
        except ValueError:
            yield context.call_activity("a")
    finally:
        pass


async def awaiting_in_try(context: Any) -> None:
    try:
        await awaiting(context)
    finally:
        pass


async def awaiting_in_async_with(context: Any) -> None:
    async with contextlib.AsyncExitStack():
        await context.call_activity("a")


async def awaiting_a_try(context: Any) -> None:
    await awaiting_in_try(context)


@pytest.mark.parametrize(
    "function",
    [
        plain,
        after_a_try,
        before_a_try,
        in_a_loop_after_a_comprehension,
        through_a_helper,
        in_a_handler,
        awaiting,
        awaiting_a_helper,
    ],
)
def test_code_outside_try_and_with_can_be_dropped_without_running_any_of_it(function: Any) -> None:
    driver = started(function)
    assert not driver.execution.holds_cleanup
    driver.execution.close()
    assert not driver.execution.holds_cleanup


@pytest.mark.parametrize(
    "function",
    [
        in_try,
        in_except,
        in_with,
        helper_in_try,
        try_in_helper,
        in_a_handler_inside_a_try,
        awaiting_in_try,
        awaiting_in_async_with,
        awaiting_a_try,
    ],
)
def test_code_inside_try_or_with_is_told_apart_through_helpers_and_awaits(function: Any) -> None:
    driver = started(function)
    assert driver.execution.holds_cleanup
    driver.execution.close()
