"""Entities as they stand on disk: the histories of those who call them, and the files of entities themselves.

Written by hand from the event reference (section 5.10 and the message formats of Durable Functions).
"""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dfcli import replay
from dfcli.authoring.entity_id import EntityId
from dfcli.authoring.failures import TaskFailedError
from dfcli.engine.entity import Entity
from dfcli.engine.execution import Execution
from dfcli.model import history as h
from dfcli.model.payload import decode
from dfcli.model.projection import azure_history
from dfcli.model.status import InstanceSummary
from dfcli.storage.invariants import check_execution
from tests.replay.test_golden import read, without_traces

Gen = Generator[Any, Any, Any]
FOLDER = Path(__file__).parent.parent / "golden" / "entities"
FILES = sorted(FOLDER.glob("*.jsonl"))
CALLERS = [file for file in FILES if not file.stem.startswith("entity_")]
ENTITIES = [file for file in FILES if file.stem.startswith("entity_")]


def call_and_signal(c: Any) -> Gen:
    counter = EntityId("counter", "a")
    c.signal_entity(counter, "add", 5)
    return (yield c.call_entity(counter, "get"))


def failing_call(c: Any) -> Gen:
    try:
        yield c.call_entity(EntityId("counter", "a"), "divide", 0)
    except TaskFailedError as error:
        return f"{error.error_type}: {error.error_message}"


def transfer(c: Any) -> Gen:
    a, b = EntityId("account", "a"), EntityId("account", "b")
    with (yield c.lock_entities([b, a])):
        return (yield c.task_all([c.call_entity(a, "add", -10), c.call_entity(b, "add", 10)]))


def remind(c: Any) -> None:
    c.signal_entity(EntityId("bell", "a"), "ring", None, datetime(2026, 1, 5, 11, tzinfo=UTC))


APP = {f.__name__: f for f in (call_and_signal, failing_call, transfer, remind)}


@pytest.mark.parametrize("file", CALLERS, ids=lambda file: file.stem)
def test_the_history_of_a_caller_replays_to_itself(file: Path) -> None:
    key, _, history = read(file)
    view = replay.run(history, APP.get, key=key)
    assert (view.divergence, view.warnings) == (None, [])
    assert sorted(step.seq for step in view.steps) == [event.seq for event in history]


@pytest.mark.parametrize("file", CALLERS, ids=lambda file: file.stem)
def test_what_arrives_leads_to_what_was_decided_line_for_line(file: Path) -> None:
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
    for event, expected in zip(written, members, strict=True):
        wanted = {name: value for name, value in expected.items() if name not in ("InstanceId", "Exec")}
        assert without_traces(json.loads(h.encode_members(event))) == wanted


def test_the_projection_of_a_call_is_that_of_the_event_reference() -> None:
    key, _, history = read(FOLDER / "call_and_signal.jsonl")
    shown = [
        (event["EventType"], event["EventId"], event.get("InstanceId"), event.get("Name"), event.get("Input"))
        for event in azure_history(history, key.instance_id, names=True)
        if event["EventType"] in ("EventSent", "EventRaised")
    ]
    assert [item[:4] for item in shown] == [
        ("EventSent", 0, "@counter@a", "op"),
        ("EventSent", 1, "@counter@a", "op"),
        ("EventRaised", -1, None, json.loads(str(shown[1][4]))["id"]),
    ]
    assert json.loads(str(shown[0][4]))["op"] == "add"
    assert json.loads(str(shown[2][4])) == {"result": "42"}


@pytest.mark.parametrize("file", ENTITIES, ids=lambda file: file.stem)
def test_the_file_of_an_entity_is_sound_and_is_written_the_same_again(file: Path) -> None:
    _, members, history = read(file)
    assert check_execution(history) == []
    for event, expected in zip(history, members, strict=True):
        wanted = {name: value for name, value in expected.items() if name not in ("InstanceId", "Exec")}
        assert json.loads(h.encode_members(event)) == wanted


@pytest.mark.parametrize(
    ("name", "state", "waiting", "locked_by"),
    [
        ("entity_batches", None, ["ring"], None),
        ("entity_lock", 91, [], None),
        ("entity_rolled_over_1", 5, ["ring"], None),
        ("entity_rolled_over_2", 5, ["ring"], None),
    ],
)
def test_the_file_of_an_entity_tells_its_state_and_what_waits(
    name: str, state: Any, waiting: list[str], locked_by: str | None
) -> None:
    key, _, history = read(FOLDER / f"{name}.jsonl")
    entity = Entity.of(key.instance_id, history)
    assert decode(*entity.state) == state
    assert [operation.operation for operation in entity.operations_waiting()] == waiting
    summary = InstanceSummary(instance_id=key.instance_id, exec=key.exec)
    for event in history:
        summary.apply(event)
    assert summary.entity is not None
    assert decode(*summary.entity.payload) == state
    assert (summary.entity.waiting, summary.entity.locked_by) == (len(waiting), locked_by)


def test_while_it_is_locked_an_entity_serves_its_owner_alone() -> None:
    key, _, history = read(FOLDER / "entity_lock.jsonl")
    locked = Entity.of(key.instance_id, history[:5])
    assert [operation.request_id for operation in locked.next_batch(10, upto=99)] == ["r2"]
    free = Entity.of(key.instance_id, history[:7])
    assert [operation.request_id for operation in free.next_batch(10, upto=99)] == ["r1"]


def test_a_repeated_request_is_known_after_a_roll_over() -> None:
    key, _, history = read(FOLDER / "entity_rolled_over_2.jsonl")
    assert list(Entity.of(key.instance_id, history).recent) == ["key-1"]
