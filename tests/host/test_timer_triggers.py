"""Timer functions in virtual time: when they run, what they are told, and what a stop, a crash and a reload leave."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import AppLoadError
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.registry.registry import Registry
from tests.host.running import VirtualMachine

START = 1_767_225_600.0  # 2026-01-01T00:00:00Z
HOURLY = "0 0 * * * *"


class Runs:
    """An app with one timer function that writes down its runs."""

    def __init__(self, machine: VirtualMachine, schedule: str = HOURLY, lasts: float = 0.0, **binding: Any) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.requests: list[df.TimerRequest] = []
        self.ended = 0
        self.app = df.DFApp()

        @self.app.timer_trigger(schedule=schedule, arg_name="timer", **binding)
        async def tick(timer: df.TimerRequest) -> None:
            now = datetime.fromtimestamp(machine.clock.time(), UTC)
            self.seen.append((now.strftime("%d %H:%M:%S"), timer.past_due))
            self.requests.append(timer)
            await asyncio.sleep(lasts)
            self.ended += 1


async def for_hours(hours: float) -> None:
    await asyncio.sleep(hours * 3600 + 1)


def run_for(machine: VirtualMachine, app: df.DFApp, hours: float, **options: Any) -> None:
    machine.run(app, lambda _: for_hours(hours), **options)


def test_a_function_runs_at_its_times_and_is_told_of_them() -> None:
    machine = VirtualMachine()
    runs = Runs(machine)
    run_for(machine, runs.app, 3)
    assert runs.seen == [("01 01:00:00", False), ("01 02:00:00", False), ("01 03:00:00", False)]
    assert runs.requests[0].schedule_status["Last"] == ""
    assert runs.requests[1].schedule_status["Last"].startswith("2026-01-01T01:00:00")
    assert runs.requests[1].schedule_status["Next"] == "2026-01-01T02:00:00.000000Z"


def test_plain_functions_and_names_for_the_client_and_context_work_too() -> None:
    machine = VirtualMachine()
    app = df.DFApp()
    seen: list[Any] = []

    @app.durable_client_input(client_name="client")
    @app.schedule(schedule=HOURLY, arg_name="timer")
    def tick(client: Any, timer: df.TimerRequest, context: df.Context) -> None:
        seen.append((client.task_hub_name, timer.past_due, context.function_name, len(context.invocation_id)))

    run_for(machine, app, 1)
    assert seen == [("default", False, "tick", 32)]


def test_runs_that_were_missed_while_no_host_ran_are_caught_up_once() -> None:
    machine = VirtualMachine()
    run_for(machine, Runs(machine).app, 1.5)
    machine.clock.advance(5 * 3600)
    runs = Runs(machine)
    run_for(machine, runs.app, 1)
    assert runs.seen == [("01 06:30:01", True), ("01 07:00:00", False)]
    assert runs.requests[0].schedule_status["Last"].startswith("2026-01-01T01:00:00")


def test_runs_missed_before_the_first_one_are_caught_up_too() -> None:
    machine = VirtualMachine()
    run_for(machine, Runs(machine).app, 0.5)
    machine.clock.advance(3600)
    runs = Runs(machine)
    run_for(machine, runs.app, 0.1)
    assert [late for _, late in runs.seen] == [True]


def test_nothing_is_caught_up_when_nothing_was_missed_or_when_it_is_not_wanted() -> None:
    machine = VirtualMachine()
    run_for(machine, Runs(machine).app, 1.2)
    runs = Runs(machine)
    run_for(machine, runs.app, 0.1)
    assert runs.seen == []
    machine = VirtualMachine()
    run_for(machine, Runs(machine, use_monitor=False).app, 1.5)
    machine.clock.advance(5 * 3600)
    runs = Runs(machine, use_monitor=False)
    run_for(machine, runs.app, 1)
    assert runs.seen == [("01 07:00:00", False)]


def test_a_run_that_a_crash_cuts_off_is_due_at_the_next_start() -> None:
    machine = VirtualMachine()
    runs = Runs(machine, lasts=100)
    machine.run(runs.app, lambda _: for_hours(1.01), clean=False)
    assert (len(runs.seen), runs.ended) == (1, 0)
    again = Runs(machine)
    run_for(machine, again.app, 0.1)
    assert [late for _, late in again.seen] == [True]


def test_a_run_that_a_stop_cuts_off_is_due_at_the_next_start_and_one_that_ends_in_time_is_not() -> None:
    for lasts, repeated in ((100, [True]), (40, [])):
        machine = VirtualMachine()
        runs = Runs(machine, lasts=lasts)
        run_for(machine, runs.app, 1.01, settings=HostSettings(drain_seconds=10))
        assert runs.ended == (0 if repeated else 1)
        again = Runs(machine)
        run_for(machine, again.app, 0.1)
        assert [late for _, late in again.seen] == repeated


def test_one_run_at_a_time_and_what_passes_meanwhile_is_left_out() -> None:
    machine = VirtualMachine()
    runs = Runs(machine, lasts=2.5 * 3600)
    run_for(machine, runs.app, 8)
    assert runs.seen == [("01 01:00:00", False), ("01 04:00:00", False), ("01 07:00:00", False)]


def test_a_sleep_of_the_machine_is_caught_up_once() -> None:
    machine = VirtualMachine()
    machine.clock.recheck_seconds = 1.0
    runs = Runs(machine)

    async def scene(host: Host) -> None:
        await asyncio.sleep(10)
        machine.clock.advance(4 * 3600 + 600)
        await asyncio.sleep(3600)

    machine.run(runs.app, scene)
    assert [late for _, late in runs.seen] == [True, False]


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    machine = VirtualMachine()
    runs = Runs(machine)

    async def scene(host: Host) -> None:
        await for_hours(1)
        machine.clock.advance(-1800)
        await for_hours(1)

    machine.run(runs.app, scene)
    assert runs.seen == [("01 01:00:00", False)]


def test_intervals_keep_their_beat_over_slow_runs_and_restarts() -> None:
    machine = VirtualMachine()
    runs = Runs(machine, "00:10:00", lasts=15 * 60)
    run_for(machine, runs.app, 0.8)
    assert [time for time, _ in runs.seen] == ["01 00:10:00", "01 00:30:00"]
    again = Runs(machine, "00:10:00")
    run_for(machine, again.app, 0.2)
    assert again.seen == [("01 00:50:00", False), ("01 01:00:00", False)]


def test_run_on_startup_runs_at_the_start_and_at_a_reload_only_what_is_new() -> None:
    machine = VirtualMachine()
    runs = Runs(machine, run_on_startup=True)

    async def scene(host: Host) -> None:
        await asyncio.sleep(1)
        await host.reload(Registry.from_app(Runs(machine, run_on_startup=True).app))
        await asyncio.sleep(1)
        assert host.timer_triggers.next_run("TICK") == "2026-01-01T01:00:00.000000Z"

    machine.run(runs.app, scene)
    assert runs.seen == [("01 00:00:00", False)]


def test_a_reload_changes_schedules_keeps_those_that_stay_and_refuses_bad_ones_whole() -> None:
    machine = VirtualMachine()
    old, same, other = Runs(machine), Runs(machine), Runs(machine, "0 30 * * * *")

    async def scene(host: Host) -> None:
        await host.reload(Registry.from_app(same.app))
        await for_hours(1)
        assert (len(old.seen), len(same.seen)) == (0, 1)
        with pytest.raises(AppLoadError):
            await host.reload(Registry.from_app(Runs(machine, "%NOWHERE%").app))
        assert host.registry.timers[0].timer.schedule == HOURLY  # type: ignore[union-attr]
        await host.reload(Registry.from_app(other.app))
        await asyncio.sleep(3600)
        await host.reload(Registry.from_app(df.DFApp()))
        await for_hours(5)

    machine.run(old.app, scene)
    assert (len(same.seen), other.seen) == (1, [("01 01:30:00", False)])


def test_a_function_that_fails_is_logged_counts_as_run_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    machine = VirtualMachine()
    app = df.DFApp()

    @app.timer_trigger(schedule=HOURLY, arg_name="timer")
    def breaks(timer: df.TimerRequest) -> None:
        raise SystemExit("no")

    with caplog.at_level(logging.ERROR, "dfcli.host"):
        run_for(machine, app, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "timer function breaks failed; it runs again at its next time"
    ] * 2
    again = Runs(machine)
    run_for(machine, again.app, 0.1)
    assert again.seen == []


def test_schedules_count_as_idle_and_running_functions_do_not() -> None:
    machine = VirtualMachine()
    runs = Runs(machine, lasts=60)

    async def scene(host: Host) -> None:
        await asyncio.sleep(10)
        assert host.is_idle
        await asyncio.sleep(3600)
        assert not host.is_idle
        await asyncio.sleep(60)
        assert host.is_idle

    machine.run(runs.app, scene)


def test_times_are_those_of_the_zone() -> None:
    machine = VirtualMachine()
    runs = Runs(machine, "0 0 9 * * *")
    run_for(machine, runs.app, 9, settings=HostSettings(time_zone="Europe/Rome"))
    assert runs.seen == [("01 08:00:00", False)]
    with pytest.raises(AppLoadError, match="the time zone 'Mars/Base' is not known"):
        run_for(machine, runs.app, 1, settings=HostSettings(time_zone="Mars/Base"))


def test_a_record_that_cannot_be_read_or_written_costs_no_run(caplog: pytest.LogCaptureFixture) -> None:
    machine = VirtualMachine()
    run_for(machine, Runs(machine).app, 1)
    path = "/hub/schedules/tick.json"
    file = machine.files.open(path, write=True)
    file.truncate(10)
    file.close()
    runs = Runs(machine)
    run_for(machine, runs.app, 1)
    assert len(runs.seen) == 1
    assert "the record of timer tick cannot be read" in caplog.text


def test_a_function_can_start_an_instance_each_time() -> None:
    machine = VirtualMachine()
    app = df.DFApp()

    @app.orchestration_trigger()
    def nightly(context: df.DurableOrchestrationContext) -> str:
        return "done"

    @app.timer_trigger(schedule=HOURLY, arg_name="timer")
    @app.durable_client_input(client_name="starter")
    async def tick(timer: df.TimerRequest, starter: df.DurableOrchestrationClient) -> None:
        await starter.start_new(nightly)

    async def scene(host: Host) -> int:
        await for_hours(3)
        return len(await host.client.get_status_all())

    assert machine.run(app, scene) == 3


def test_a_run_that_fails_because_the_host_stops_is_due_at_the_next_start() -> None:
    machine = VirtualMachine()
    app = df.DFApp()
    told: list[str] = []

    @app.timer_trigger(schedule=HOURLY, arg_name="timer")
    @app.durable_client_input(client_name="client")
    async def tick(timer: df.TimerRequest, client: df.DurableOrchestrationClient) -> None:
        await asyncio.sleep(5)
        try:
            await client.start_new("nothing")
        except df.DfError as error:
            told.append(error.code)
            raise

    run_for(machine, app, 1)
    assert told == ["unavailable"], "the host was stopping when the function asked"
    again = Runs(machine)
    run_for(machine, again.app, 0.1)
    assert [late for _, late in again.seen] == [True]
