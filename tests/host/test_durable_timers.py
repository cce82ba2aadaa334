"""Durable timers: never early, hardly late, of any length, and no reason to stay once they are cancelled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model.time import epoch_from_timestamp
from tests.host.running import VirtualMachine, in_real_time, in_virtual_time

LATE_SECONDS_MAX = 0.05
YEARS = timedelta(days=365 * 100)

app = df.DFApp()


@app.orchestration_trigger()
def sleeps(context: df.DurableOrchestrationContext) -> Any:
    before = context.current_utc_datetime
    yield context.create_timer(timedelta(seconds=context.get_input()))
    return (context.current_utc_datetime - before).total_seconds()


@app.orchestration_trigger()
def naps(context: df.DurableOrchestrationContext) -> Any:
    """Ten short timers, one after the other."""
    for _ in range(10):
        yield context.create_timer(timedelta(milliseconds=30))


@app.orchestration_trigger()
def cancels(context: df.DurableOrchestrationContext) -> Any:
    deadline = context.create_timer(YEARS)
    yield context.wait_for_external_event("Go")
    deadline.cancel()
    return "done"


@app.orchestration_trigger()
def forgets(context: df.DurableOrchestrationContext) -> Any:
    """Leaves a timer open that nothing waits for."""
    context.create_timer(YEARS)
    yield context.wait_for_external_event("Go")
    return "done"


@pytest.mark.parametrize("seconds", [0, 0.001, 1, 3_600, 30 * 86_400, YEARS.total_seconds()])
def test_a_timer_of_any_length_fires_when_it_is_due(seconds: float) -> None:
    async def run(host: Host) -> Any:
        await host.client.start_new("sleeps", "s", seconds)
        return (await host.client.wait("s")).output

    assert seconds <= in_virtual_time(app, run) < seconds + LATE_SECONDS_MAX


def test_on_an_idle_host_timers_are_recorded_within_50_ms_of_their_time(tmp_path: Path) -> None:
    """In real time, and the best of three: a neighbour on the machine can hold any one of them up."""

    async def run(host: Host) -> Any:
        late = []
        for attempt in range(3):
            await host.client.start_new("naps", f"n{attempt}")
            await host.client.wait(f"n{attempt}", timeout=60)
            fired = [event for event in host.history(f"n{attempt}") if isinstance(event, h.TimerFired)]
            by = [epoch_from_timestamp(event.timestamp) - epoch_from_timestamp(event.fire_at) for event in fired]
            assert len(by) == 10
            assert min(by) >= 0, "a timer was early"
            late.append(max(by))
        return min(late)

    assert in_real_time(app, str(tmp_path / "hub"), run) <= LATE_SECONDS_MAX


@pytest.mark.parametrize("name", ["cancels", "forgets"])
def test_a_timer_that_nobody_needs_keeps_no_instance_and_no_host_waiting(name: str) -> None:
    machine = VirtualMachine()

    async def run(host: Host) -> Any:
        begun = machine.clock.time()
        await host.client.start_new(name, "c")
        await host.client.raise_event("c", "Go")
        output = (await host.client.wait("c")).output
        return output, machine.clock.time() - begun, host.is_idle

    output, seconds, is_idle = machine.run(app, run)
    assert output == "done"
    assert seconds < 1
    assert is_idle


def test_timers_that_fell_due_while_no_host_ran_fire_at_the_start_in_their_order() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        for seconds in (300, 100, 200):
            await host.client.start_new("sleeps", f"s{seconds}", seconds)
        await host.client.get_status_all()

    async def finish(host: Host) -> Any:
        begun = machine.clock.time()
        updated = {}
        for seconds in (100, 200, 300):
            status = await host.client.wait(f"s{seconds}")
            assert status.output >= seconds
            updated[seconds] = status.last_updated_time
        return list(updated.values()), machine.clock.time() - begun

    machine.run(app, begin, clean=False)
    machine.clock.advance(3_600)
    ended, seconds = machine.run(app, finish)
    assert ended == sorted(ended)
    assert seconds < LATE_SECONDS_MAX
