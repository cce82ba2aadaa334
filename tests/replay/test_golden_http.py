"""Durable HTTP calls: the golden histories replay, and their arrivals lead to the recorded requests and waits."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from dfcli import replay
from dfcli.authoring.retry import RetryOptions
from dfcli.engine.execution import Execution
from dfcli.model import history as h
from dfcli.model import projection
from tests.replay.test_golden import ENVELOPE, read

FOLDER = Path(__file__).parent.parent / "golden" / "http"
FILES = sorted(FOLDER.glob("*.jsonl"))


def order(c: Any) -> Generator[Any, Any, Any]:
    response = yield c.call_http(
        "post", "https://service.example/work", {"n": 1}, headers={"X-Key": {"secret": "SERVICE_KEY"}}
    )
    return [response.status_code, response.get_json()]


def stubborn(c: Any) -> Generator[Any, Any, Any]:
    response = yield c.call_http("GET", "https://service.example/", retry_options=RetryOptions(5_000, 3))
    return response["statusCode"]


APP = {"order": order, "stubborn": stubborn}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_replays_to_itself(file: Path) -> None:
    key, _, history = read(file)
    view = replay.run(history, APP.get, key=key)
    assert (view.divergence, view.warnings) == (None, [])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_arrivals_lead_to_its_decisions(file: Path) -> None:
    key, members, history = read(file)
    execution = Execution(APP.get, key)
    unseen: list[Any] = []
    written: list[Any] = []
    for event in history:
        if h.is_inbound(event):
            unseen.append(event)
            written.append(event)
        elif isinstance(event, h.OrchestratorStarted):
            written += execution.deliver(unseen, event).events
            unseen = []
    for event, expected in zip(written, members, strict=True):
        line = h.encode_members(event)
        wanted = {name: value for name, value in expected.items() if name not in (*ENVELOPE, "Rules")}
        actual = json.loads(line)
        actual.pop("Rules", None)
        assert actual == wanted


def test_the_projection_is_that_of_the_classic_host() -> None:
    """An activity `BuiltIn::HttpActivity` for each request, a timer before each poll."""
    key, _, history = read(FOLDER / "polled.jsonl")
    shown = projection.azure_history(history, key.instance_id, names=True)
    decided = [(e["EventType"], e.get("Name")) for e in shown if isinstance(e["EventId"], int) and e["EventId"] >= 0]
    assert decided == [
        ("TaskScheduled", "BuiltIn::HttpActivity"),
        ("TimerCreated", None),
        ("TaskScheduled", "BuiltIn::HttpActivity"),
        ("ExecutionCompleted", None),
    ]
