"""Run with `pytest`: activities are plain functions, and whole orchestrations run on a task hub of the test's own."""

import asyncio
from pathlib import Path
from typing import Any

import dfcli as df

from function_app import app, hello


def run(hub: Path, name: str, client_input: Any = None) -> df.DurableOrchestrationStatus:
    """Run one instance to its end; no port is opened."""

    async def to_the_end() -> df.DurableOrchestrationStatus:
        async with df.Host(app, hub=str(hub)) as host:
            instance_id = await host.client.start_new(name, client_input=client_input)
            return await host.client.wait(instance_id, timeout=30)

    return asyncio.run(to_the_end())


def test_a_city_is_greeted_by_name() -> None:
    assert hello("Oslo") == "Hello Oslo"


def test_three_cities_are_greeted_in_order(tmp_path: Path) -> None:
    status = run(tmp_path / "hub", "hello_orchestrator")
    assert status.runtime_status is df.OrchestrationRuntimeStatus.Completed
    assert status.output == ["Hello Seattle", "Hello Tokyo", "Hello London"]


def test_the_cities_can_be_chosen(tmp_path: Path) -> None:
    assert run(tmp_path / "hub", "hello_orchestrator", ["Oslo"]).output == ["Hello Oslo"]
