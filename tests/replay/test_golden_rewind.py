"""Rewound histories as they stand on disk, by hand from the event reference (5.9). See tests/golden/README.md."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from dfcli import replay
from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.engine.execution import Execution
from dfcli.engine.rewind import plan
from dfcli.model import history as h
from dfcli.model.projection import azure_history
from dfcli.model.status import InstanceSummary
from dfcli.storage.invariants import check_execution
from tests.replay.test_golden import ENVELOPE, read, without_traces

Gen = Generator[Any, Any, Any]
FOLDER = Path(__file__).parent.parent / "golden" / "rewind"
FILES = sorted(FOLDER.glob("*.jsonl"))


def two_steps(c: Any) -> Gen:
    reserved = yield c.call_activity("reserve")
    return (yield c.call_activity("pay", reserved))


def retried(c: Any) -> Gen:
    return (yield c.call_activity_with_retry("pay", RetryOptions(5_000, 2)))


def tidied(c: Any) -> Gen:
    try:
        return (yield c.call_activity("pay"))
    except TaskFailedError:
        yield c.call_activity("tidy")
        raise


def fan_out(c: Any) -> Gen:
    return (yield c.task_all([c.call_activity("part", n) for n in range(3)]))


def parent(c: Any) -> Gen:
    return (yield c.call_sub_orchestrator("child", c.get_input()))


def child(c: Any) -> Gen:
    return (yield c.call_activity("pay", c.get_input()))


APP = {f.__name__: f for f in (two_steps, retried, tidied, fan_out, parent, child)}


def rewound_in(history: list[h.Event]) -> h.ExecutionRewound:
    return next(event for event in history if isinstance(event, h.ExecutionRewound))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_rewound_history_replays_to_itself_and_is_sound(file: Path) -> None:
    key, _, history = read(file)
    view = replay.run(history, APP.get, key=key)
    assert (view.divergence, view.warnings) == (None, [])
    assert check_execution(history) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_rewind_of_the_history_before_it_is_the_recorded_one(file: Path) -> None:
    _, members, history = read(file)
    line = rewound_in(history)
    again = plan(history[: line.seq - 1]).line(
        seq=line.seq,
        timestamp=line.timestamp,
        reason=line.reason,
        execution_id=line.execution_id,
        parent_execution_id=line.parent_execution_id,
    )
    wanted = {name: value for name, value in members[line.seq - 1].items() if name not in ENVELOPE}
    assert json.loads(h.encode_members(again)) == wanted


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_arrives_after_the_rewind_leads_to_the_recorded_decisions_line_for_line(file: Path) -> None:
    key, members, history = read(file)
    line = rewound_in(history)
    execution = Execution.replay(APP.get, history[: line.seq], key)
    unseen: list[Any] = execution.unconsumed
    written: list[Any] = []
    for event in history[line.seq :]:
        if h.is_inbound(event):
            unseen.append(event)
            written.append(event)
        elif isinstance(event, h.OrchestratorStarted):
            written += execution.deliver(unseen, event).events
            unseen = []
    execution.close()
    for event, expected in zip(written, members[line.seq :], strict=True):
        wanted = {name: value for name, value in expected.items() if name not in ENVELOPE}
        assert without_traces(json.loads(h.encode_members(event))) == without_traces(wanted)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_summary_is_that_of_a_run_that_completed(file: Path) -> None:
    key, _, history = read(file)
    summary = InstanceSummary(instance_id=key.instance_id, exec=key.exec)
    line = rewound_in(history)
    for event in history[: line.seq]:
        summary.apply(event)
    assert (summary.status, summary.failure, summary.output.json_text) == ("Running", None, None)
    assert (summary.execution_id, summary.rewinds, summary.has_work) == (line.execution_id, 1, True)
    for event in history[line.seq :]:
        summary.apply(event)
    assert (summary.status, summary.open_tasks, summary.open_children) == ("Completed", {}, {})


def compact(events: list[dict[str, Any]]) -> str:
    short = {"OrchestratorStarted": "OS", "OrchestratorCompleted": "OC"}
    words = []
    for event in events:
        kind = str(event["EventType"])
        number = event["EventId"] if event["EventId"] >= 0 else event.get("TaskScheduledId")
        words.append(short.get(kind, kind) + (f"({number})" if number is not None else ""))
    return " ".join(words)


def test_the_projection_is_the_history_that_durable_functions_writes_after_a_rewind() -> None:
    """Its engine lets the code run on in an episode of its own; ours, in the one that sees the rewind."""
    key, _, history = read(FOLDER / "activity.jsonl")
    projected = azure_history(history, key.instance_id, names=True)
    assert compact(projected) == (
        "OS ExecutionStarted TaskScheduled(0) OC OS TaskCompleted(0) OC OS OC "
        "OS ExecutionRewound TaskScheduled(1) OC OS TaskCompleted(1) ExecutionCompleted(2) OC"
    )
    assert projected[1]["OrchestrationInstance"] == {"InstanceId": "i1", "ExecutionId": "a1b2" * 8}


def test_a_parent_keeps_the_line_of_its_failed_child_which_learns_the_new_execution_id() -> None:
    key, _, history = read(FOLDER / "parent.jsonl")
    assert compact(azure_history(history, key.instance_id, names=True)) == (
        "OS ExecutionStarted SubOrchestrationInstanceCreated(0) OC OS OC OS ExecutionRewound OC "
        "OS SubOrchestrationInstanceCompleted(0) ExecutionCompleted(1) OC"
    )
    key, _, history = read(FOLDER / "child.jsonl")
    rewound = next(
        e for e in azure_history(history, key.instance_id, names=True) if e["EventType"] == "ExecutionRewound"
    )
    assert (rewound["ParentExecutionId"], rewound["InstanceId"]) == ("a1b2" * 8, "p:1:0")
