"""One line per transition: in Durable Functions' words, with what one filters by."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.open_work import OpenWork
from dfcli.host.settings import HostSettings
from dfcli.host.transitions import Transition
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from tests.host.running import VirtualMachine, in_virtual_time

app = df.DFApp()


@app.activity_trigger()
def moody(number: int) -> str:
    if df.activity_info().attempt == 1:
        raise ValueError("first line\nsecond line")
    return "x" * number


@app.orchestration_trigger()
def mother(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity_with_retry("moody", df.RetryOptions(1000, 2), 3)
    yield context.call_sub_orchestrator("child", {"a": 1}, "c")
    yield context.create_timer(timedelta(seconds=30))
    yield context.wait_for_external_event("Approved")
    return "done"


@app.orchestration_trigger()
def child(context: df.DurableOrchestrationContext) -> Any:
    yield context.create_timer(timedelta(seconds=2))
    return [1, 2]


@app.orchestration_trigger()
def fails(context: df.DurableOrchestrationContext) -> Any:
    raise RuntimeError("no\nmore")


@app.orchestration_trigger()
def eternal(context: df.DurableOrchestrationContext) -> Any:
    number = context.get_input() or 0
    yield context.create_timer(timedelta(seconds=1))
    if number < 1:
        context.continue_as_new(number + 1)
    else:
        yield context.wait_for_external_event("never")


async def story(host: Host) -> None:
    await host.client.start_new("mother", instance_id="m")
    await asyncio.sleep(60)
    await host.client.suspend("m", "lunch")
    await host.client.resume("m", "back")
    await host.client.raise_event("m", "approve", 1)
    await host.client.raise_event("m", "approved", "yes")
    await host.client.wait("m", 60)


def told(*, of: str = "m", **settings: Any) -> list[Transition]:
    seen: list[Transition] = []
    in_virtual_time(app, story, on_transition=seen.append, hub_name="myhub", settings=HostSettings(**settings))
    return [transition for transition in seen if transition.instance_id == of]


def words(transition: Transition) -> str:
    name = transition.function_name or transition.event_name
    return " ".join(part for part in (transition.kind, name, transition.verb) if part)


def test_the_story_of_an_instance_is_told_in_the_fields_words() -> None:
    assert [words(transition) for transition in told()] == [
        "orchestrator mother started",
        "activity moody scheduled",
        "activity moody failed",
        "timer waits for",
        "timer fired",
        "activity moody scheduled",
        "activity moody completed",
        "sub-orchestration child scheduled",
        "sub-orchestration child completed",
        "timer waits for",
        "timer fired",
        "orchestrator suspended",
        "orchestrator resumed",
        "event approve buffered",
        "event approved received",
        "orchestrator mother completed",
    ]
    assert [words(transition) for transition in told(of="c")] == [
        "orchestrator child started",
        "timer waits for",
        "timer fired",
        "orchestrator child completed",
    ]


def test_a_line_says_what_one_filters_by() -> None:
    story = told()
    assert {transition.hub_name for transition in story} == {"myhub"}
    assert [transition.sequence for transition in story] == sorted(transition.sequence for transition in story)
    failed, fired, done = story[2], story[10], story[-1]
    assert (failed.level, failed.task_event_id) == ("warning", 0)
    assert failed.detail.startswith("#0 Activity function 'moody' failed:  ValueError: first line")
    assert "\n" not in failed.detail
    assert round(fired.duration_ms or 0) == 30_000
    assert (done.runtime_status, done.output_bytes) == ("Completed", 6)
    assert done.duration_ms is not None
    assert done.duration_ms >= 60_000
    assert (story[6].task_event_id, story[6].output_bytes, story[6].detail) == (2, 5, "#2 attempt 2")
    assert story[7].input_bytes == 7
    assert story[11].runtime_status == "Suspended"
    assert story[13].detail == 'the code waits for "Approved"'


def test_payloads_are_shown_only_where_the_settings_ask_for_them() -> None:
    assert all(not transition.input and not transition.output for transition in told())
    shown = told(log_payloads=True)
    assert bytes(shown[7].input) == b'{"a":1}'  # type: ignore[arg-type]
    assert bytes(shown[-1].output) == b'"done"'  # type: ignore[arg-type]


def test_the_ends_of_episodes_are_told_in_detail_only() -> None:
    assert "awaited" not in {transition.verb for transition in told()}
    assert [t.verb for t in told(log_details=True)[:3]] == ["started", "scheduled", "awaited"]


def test_failures_terminations_and_new_generations_are_told() -> None:
    seen: list[Transition] = []

    async def scenario(host: Host) -> int:
        await host.client.start_new("fails", instance_id="f")
        await host.client.start_new("eternal", instance_id="e")
        await asyncio.sleep(10)
        await host.client.terminate("e", "enough")
        await host.client.wait("e", 60)
        return host.failures

    assert in_virtual_time(app, scenario, on_transition=seen.append) == 1
    failed = next(t for t in seen if t.instance_id == "f" and t.verb == "failed")
    assert (failed.level, failed.runtime_status, failed.detail) == ("error", "Failed", "RuntimeError: no")
    assert [(t.verb, t.level) for t in seen if t.instance_id == "e" and t.kind == "orchestrator"] == [
        ("started", "info"),
        ("continued as new", "info"),
        ("asked to terminate", "warning"),
        ("terminated", "warning"),
    ]


def test_after_a_restart_an_activity_that_ran_is_still_named() -> None:
    machine = VirtualMachine()
    slow = df.DFApp()

    @slow.activity_trigger()
    async def sleeps(number: int) -> int:
        await asyncio.sleep(100)
        return number

    @slow.orchestration_trigger()
    def waits(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.call_activity("sleeps", 1))

    async def begin(host: Host) -> None:
        await host.client.start_new("waits", instance_id="w")
        await asyncio.sleep(1)

    async def finish(host: Host) -> None:
        await host.client.wait("w", 600)

    machine.run(slow, begin, clean=False)
    seen: list[Transition] = []
    machine.run(slow, finish, on_transition=seen.append)
    assert words(seen[0]) == "activity sleeps completed"
    assert seen[0].duration_ms is not None
    assert seen[0].duration_ms > 100_000


def test_the_memory_of_open_work_is_bounded() -> None:
    memory = OpenWork(executions_max=10)
    for number in range(100):
        key = ExecutionKey(f"i{number}", 1)
        memory.opened(key, h.TaskScheduled(seq=3, event_id=0, timestamp="", name="a"))
    assert len(memory) == 10
    assert memory.answered(ExecutionKey("i1", 1), 0) is None
    assert memory.answered(ExecutionKey("i99", 1), 0) is not None
