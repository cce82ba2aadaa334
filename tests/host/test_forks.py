"""An activity that forks and lets the child return: the child ends there, and does none of its parent's work."""

from __future__ import annotations

import os
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from tests.host.running import in_real_time

app = df.DFApp()


@app.activity_trigger()
def forks(_: None) -> int:
    return os.fork()


@app.activity_trigger()
def signs(file: str) -> int:
    with open(file, "a") as opened:
        opened.write(f"{os.getpid()}\n")
    return 1


@app.orchestration_trigger()
def forks_before_others(context: df.DurableOrchestrationContext) -> Any:
    file = context.get_input()
    calls = [context.call_activity("forks"), *(context.call_activity("signs", file) for _ in range(5))]
    return (yield context.task_all(calls))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_that_returns_runs_none_of_the_calls_that_wait(tmp_path: Any) -> None:
    file = str(tmp_path / "signed")

    async def scene(host: Host) -> None:
        await host.client.start_new("forks_before_others", "a", file)
        child, *rest = (await host.client.wait("a", 30)).output
        assert rest == [1] * 5
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    in_real_time(app, str(tmp_path / "hub"), scene, settings=HostSettings(activity_threads=1))
    with open(file) as opened:
        assert opened.read().split() == [str(os.getpid())] * 5
