"""An orchestrator that holds up the whole host is named; not when a debugger holds it up."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import dfcli as df
from dfcli.host.settings import HostSettings
from tests.host.running import in_virtual_time

app = df.DFApp()
ALWAYS = -1.0


@app.orchestration_trigger()
def slow(context: df.DurableOrchestrationContext) -> str:
    return context.instance_id


@pytest.mark.parametrize("debugger", [None, "debugpy", "pydevd"])
def test_an_orchestrator_that_blocks_is_named_unless_a_debugger_is_there(
    debugger: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(host: df.Host) -> None:
        await host.client.start_new("slow", instance_id="a")
        await host.client.wait("a")

    if debugger is not None:
        monkeypatch.setitem(sys.modules, debugger, ModuleType(debugger))
    in_virtual_time(app, scene, settings=HostSettings(block_warning_seconds=ALWAYS))
    assert ("'slow' ran for" in caplog.text) is (debugger is None)
