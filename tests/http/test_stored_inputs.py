"""The setting `store_inputs`: whether a status query's history shows what activities were handed."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.real import App


@pytest.mark.parametrize(("value", "expected"), [("true", '"Bo"'), ("false", None), ("", None)])
def test_inputs_of_activities_are_shown_where_the_setting_says_so(value: str, expected: Any, tmp_path: Path) -> None:
    app = App(str(tmp_path / "app"))
    if value:
        task = f'{{"storeInputsInOrchestrationHistory": {value}}}'
        (tmp_path / "app" / "host.json").write_text(f'{{"version": "2.0", "extensions": {{"durableTask": {task}}}}}')
    with app.running() as host:
        app("start", "hello", "--id", "a", "--input", '"Bo"', "--wait")
        base = f"{host.facts[0]['url']}/runtime/webhooks/durabletask/instances/a?showHistory=true"
        with urllib.request.urlopen(base) as answer:
            events = json.load(answer)["historyEvents"]
        assert [e["Input"] for e in events if e["EventType"] == "TaskCompleted"] == [expected]
        with urllib.request.urlopen(f"{base}&showInput=false") as answer:
            assert all("Input" not in event for event in json.load(answer)["historyEvents"])
