"""The worked examples of the event reference, as they stand on disk. See tests/golden/README.md."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dfcli import replay
from dfcli.authoring.retry import RetryOptions
from dfcli.engine.execution import Execution
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey

Gen = Generator[Any, Any, Any]
FOLDER = Path(__file__).parent.parent / "golden"
FILES = sorted(FOLDER.glob("*.jsonl"))
OURS = [file for file in sorted(FOLDER.rglob("*.jsonl")) if file.parent.name != "vendor"]
ENVELOPE = ("InstanceId", "Exec")


def hello(c: Any) -> Gen:
    greetings = []
    for city in ("Tokyo", "Seattle", "Paris"):
        greetings.append((yield c.call_activity("say", city)))
    return greetings


def fan_out(c: Any) -> Gen:
    return (yield c.task_all([c.call_activity("part", n) for n in range(3)]))


def race(c: Any) -> Gen:
    timer = c.create_timer(timedelta(minutes=5))
    event = c.wait_for_external_event("approval")
    winner = yield c.task_any([timer, event])
    if winner is timer:
        return "too late"
    timer.cancel()
    return {"approved": event.result}


def retried(c: Any) -> Gen:
    result = yield c.call_activity_with_retry("F", RetryOptions(5_000, 3))
    yield c.call_activity("after", result)
    return result


async def parent(c: Any) -> Any:
    return await c.call_sub_orchestrator("child", c.get_input())


async def child(c: Any) -> Any:
    return await c.call_activity("square", c.get_input())


def counter(c: Any) -> Gen:
    yield c.call_activity("tick", c.get_input())
    if c.get_input() == 0:
        c.continue_as_new(1)
        return None
    return (yield c.wait_for_external_event("later"))


def buffered(c: Any) -> Gen:
    yield c.call_activity("prepare")
    return (yield c.wait_for_external_event("go"))


def shows(c: Any) -> Gen:
    c.set_custom_status({"done": 0})
    yield c.call_activity("say", "Tokyo")
    c.set_custom_status(None)


APP = {f.__name__: f for f in (hello, fan_out, race, retried, parent, child, counter, buffered, shows)}


def read(file: Path) -> tuple[ExecutionKey, list[dict[str, Any]], list[h.Event]]:
    lines = file.read_bytes().splitlines()
    members = [json.loads(line) for line in lines]
    key = ExecutionKey(members[0]["InstanceId"], members[0]["Exec"])
    assert all((line["InstanceId"], line["Exec"]) == key for line in members)
    return key, members, [h.decode_line(line) for line in lines]


def without_traces(value: Any) -> Any:
    """Tracebacks hold the paths and lines of whoever ran the code."""
    if isinstance(value, dict):
        return {name: without_traces(part) for name, part in value.items() if name != "StackTrace"}
    return value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_history_replays_to_itself(file: Path) -> None:
    key, _, history = read(file)
    view = replay.run(history, APP.get, key=key)
    assert (view.divergence, view.warnings) == (None, [])
    assert sorted(step.seq for step in view.steps) == [event.seq for event in history]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_arrivals_of_a_golden_history_lead_to_its_decisions_line_for_line(file: Path) -> None:
    key, members, history = read(file)
    execution = Execution(APP.get, key)
    unseen: list[Any] = []
    written: list[Any] = []
    for event in history:
        if h.is_inbound(event):
            unseen.append(event)
            written.append(event)
        elif isinstance(event, h.OrchestratorStarted):
            batch = [line for line in unseen if line.seq <= event.consumed]
            unseen = unseen[len(batch) :]
            written += execution.deliver(batch, event).events
    execution.close()
    for event, expected in zip(written, members, strict=True):
        actual = json.loads(h.encode_members(event))
        wanted = {name: value for name, value in expected.items() if name not in (*ENVELOPE, "ChildExec", "Rules")}
        actual.pop("Rules", None)
        actual.pop("ChildExec", None)
        assert without_traces(actual) == without_traces(wanted)


def test_each_kind_of_event_has_a_golden_history() -> None:
    seen = {type(event).__name__ for file in OURS for event in read(file)[2]}
    assert {kind.__name__ for kind in h.HistoryEvent.__subclasses__()} == seen


def test_the_carried_event_is_the_one_the_first_generation_left_unread() -> None:
    key, _, history = read(FOLDER / "continue_as_new_1.jsonl")
    execution = Execution(APP.get, key)
    execution.deliver([history[0]], history[1])  # type: ignore[list-item, arg-type]
    episode = execution.deliver(history[4:6], history[6])  # type: ignore[arg-type]
    assert [(event.name, event.seq) for event in episode.carried] == [("later", 5)]
