"""What the app's functions log carries their instance, and a replay logs nothing twice."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import dfcli as df
from dfcli.authoring.http import HttpRequest
from dfcli.host.host import Host
from dfcli.host.log_context import LogLine, line_of, record_of
from dfcli.host.settings import HostSettings
from tests.host.running import in_real_time, in_virtual_time

app = df.DFApp()
log = logging.getLogger("tests.app")


@app.activity_trigger()
def plain(number: int) -> int:
    log.info("plain %d", number)
    if df.activity_info().attempt == 1:
        raise ValueError(number)
    return number


@app.activity_trigger()
async def in_a_loop(number: int) -> int:
    log.info("async %d", number)
    await asyncio.create_task(helps(number))
    return number


async def helps(number: int) -> None:
    log.info("helper %d", number)


@app.orchestration_trigger()
def mother(context: df.DurableOrchestrationContext) -> Any:
    log.info("begins")
    yield context.call_activity_with_retry("plain", df.RetryOptions(10, 2), 1)
    log.info("goes on")
    yield context.call_activity("in_a_loop", 2)
    try:
        yield context.wait_for_external_event("go")
    finally:
        log.info("unwinds")
    log.info("ends")


@app.orchestration_trigger()
def careful(context: df.DurableOrchestrationContext) -> Any:
    logger = context.create_replay_safe_logger(log)
    logger.info("once %d", 1, extra={"more": "x"})
    yield context.wait_for_external_event("go")
    logger.warning("twice")


@app.route(route="go")
@app.durable_client_input(client_name="client")
async def go(req: Any, client: Any) -> str:
    log.info("asked")
    return str(await client.start_new("careful"))


@app.route(route="plain")
def plain_http(req: Any) -> str:
    log.info("asked plainly")
    return ""


class Kept(logging.Handler):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.lines: list[LogLine] = []
        self.places: list[str] = []
        self.addFilter(df.LogContext(**options))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(line_of(record))
        self.places.append(f"{record.filename}:{record.funcName}")

    def told(self) -> list[tuple[str, str, str, str, int]]:
        return [(e.message, e.instance_id, e.function_name, e.function_kind, e.attempt) for e in self.lines]


@pytest.fixture
def kept() -> Iterator[Kept]:
    yield from listening()


@pytest.fixture
def kept_with_replays() -> Iterator[Kept]:
    yield from listening(replay=True)


def listening(**options: Any) -> Iterator[Kept]:
    handler = Kept(**options)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)


async def through(host: Host) -> None:
    await host.client.start_new("mother", instance_id="m")
    await asyncio.sleep(1)
    await host.client.raise_event("m", "go")
    await host.client.wait("m", 60)


EXPECTED = [
    ("begins", "m", "mother", "orchestrator", 0),
    ("plain 1", "m", "plain", "activity", 1),
    ("plain 1", "m", "plain", "activity", 2),
    ("goes on", "m", "mother", "orchestrator", 0),
    ("async 2", "m", "in_a_loop", "activity", 1),
    ("helper 2", "m", "in_a_loop", "activity", 1),
    ("unwinds", "m", "mother", "orchestrator", 0),
    ("ends", "m", "mother", "orchestrator", 0),
]


def test_each_line_names_instance_function_and_attempt_on_threads_and_on_a_loop(kept: Kept, tmp_path: Any) -> None:
    in_real_time(app, str(tmp_path / "hub"), through)
    assert kept.told() == EXPECTED


@pytest.mark.parametrize("always", [False, True])
def test_a_replay_logs_nothing_twice_and_a_dropped_generator_logs_nothing(kept: Kept, always: bool) -> None:
    in_virtual_time(app, through, settings=HostSettings(always_replay=always))
    assert kept.told() == EXPECTED


def test_replayed_lines_are_shown_and_marked_where_they_are_asked_for(kept_with_replays: Kept) -> None:
    in_virtual_time(app, through, settings=HostSettings(always_replay=True))
    lines = [line for line in kept_with_replays.lines if line.function_kind == "orchestrator"]
    assert [line.message for line in lines if not line.is_replay] == ["begins", "goes on", "unwinds", "ends"]
    assert {line.message for line in lines if line.is_replay} == {"begins", "goes on"}


def test_a_replay_safe_logger_says_each_line_once_and_where_it_stands(kept_with_replays: Kept) -> None:
    async def scenario(host: Host) -> None:
        instance_id = await host.client.start_new("careful")
        await asyncio.sleep(1)
        await host.client.raise_event(instance_id, "go")
        await host.client.wait(instance_id, 60)

    in_virtual_time(app, scenario, settings=HostSettings(always_replay=True))
    assert [line.message for line in kept_with_replays.lines] == ["once 1", "twice"]
    assert set(kept_with_replays.places) == {"test_logging.py:careful"}


def test_an_http_function_is_named_and_what_it_starts_names_itself(kept: Kept, tmp_path: Any) -> None:
    async def scenario(host: Host) -> str:
        functions = {function.name: function for function in host.registry.all}
        await host.run_http_function(functions["plain_http"], HttpRequest("GET", "http://x/"))
        started = await host.run_http_function(functions["go"], HttpRequest("GET", "http://x/"))
        await asyncio.sleep(0.05)
        return str(started)

    started = in_real_time(app, str(tmp_path / "hub"), scenario)
    assert sorted(kept.told()) == [
        ("asked", "", "go", "http", 0),
        ("asked plainly", "", "plain_http", "http", 0),
        ("once 1", started, "careful", "orchestrator", 0),
    ]


def test_outside_of_functions_a_record_has_the_members_and_they_are_empty(kept: Kept) -> None:
    log.info("outside")
    threading.Thread(target=log.info, args=("elsewhere",)).start()
    assert kept.told()[0] == ("outside", "", "", "", 0)


def test_a_line_that_cannot_be_formatted_or_written_says_so_and_raises_nothing(kept: Kept) -> None:
    for message, argument in (("%d apples", "no"), ("half a surrogate \ud800, %s", "x" * 100_000)):
        kept.handle(logging.LogRecord("a", logging.INFO, "", 0, message, (argument,), None))
    assert "cannot be formatted: TypeError" in kept.lines[0].message
    assert "\\ud800" in kept.lines[1].message
    assert "more characters)" in kept.lines[1].message


def test_a_workers_line_comes_back_as_a_record_with_its_context() -> None:
    line = LogLine(
        timestamp="", level="warning", logger="a", message="100%", exception="Traceback", instance_id="i",
        function_name="f", function_kind="activity", attempt=2,
    )  # fmt: skip
    record = record_of(line)
    assert df.LogContext().filter(record)
    again = line_of(record)
    assert (again.message, again.exception, again.level) == ("100%", "Traceback", "warning")
    assert (again.instance_id, again.function_name, again.attempt) == ("i", "f", 2)
