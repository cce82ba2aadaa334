"""One trace per orchestration: the shape of the tree, what it continues, and that no replay repeats a span."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

import dfcli as df
from dfcli.cli import tracing
from dfcli.errors import AppLoadError, InvalidArgument
from dfcli.host.activities import ActivityCall
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.host.tracing import callers_trace
from dfcli.host.workers import CallMessage, to_call, to_message
from dfcli.model.history import TaskScheduled
from dfcli.model.ids import ExecutionKey
from dfcli.model.trace import context_of, span_id_of, within
from tests.host.running import VirtualMachine, in_real_time, in_virtual_time

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
app = df.DFApp()


class Traced:
    """A provider, and what it has exported."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("tests")

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def tree(self) -> list[str]:
        """Each span as the path from its root, with its error: sorted, since some take no time."""
        known = {span.context.span_id: span for span in self.spans}

        def path(span: ReadableSpan) -> str:
            above = known.get(span.parent.span_id) if span.parent is not None else None
            return f"{path(above)} > {span.name}" if above is not None else span.name

        return sorted(
            path(span) + (f" !{span.status.description}" if not span.status.is_ok else "") for span in self.spans
        )

    def named(self, name: str) -> ReadableSpan:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name}"
        return found[0]


traced: Traced


@app.activity_trigger()
def plain(number: int) -> int:
    with traced.tracer.start_as_current_span("own"):
        return number


@app.activity_trigger()
async def on_a_loop(number: int) -> int:
    with traced.tracer.start_as_current_span("own, async"):
        await asyncio.sleep(1)
        return number


@app.activity_trigger()
def moody(number: int) -> int:
    if df.activity_info().attempt < 2:
        raise ValueError("not yet")
    return number


@app.orchestration_trigger()
def mother(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("plain", 1)
    yield context.call_activity("on_a_loop", 2)
    yield context.call_activity_with_retry("moody", df.RetryOptions(1000, 2), 3)
    yield context.create_timer(timedelta(seconds=5))
    yield context.call_sub_orchestrator("daughter", 4)
    yield context.wait_for_external_event("Go")


@app.orchestration_trigger()
def daughter(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("plain", 1)


@app.orchestration_trigger()
def fails(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_sub_orchestrator("breaks", 1)


@app.orchestration_trigger()
def breaks(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("moody", 1)


@app.orchestration_trigger()
def twice(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("plain", 1)
    if not context.get_input():
        context.continue_as_new(1)


@app.entity_trigger(context_name="context")
def counter(context: Any) -> None:
    context.set_result(1)


@app.orchestration_trigger()
def counts(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_entity(df.EntityId("counter", "a"), "get")
    context.signal_entity(df.EntityId("counter", "a"), "add", 1)


@pytest.fixture(autouse=True)
def _provider() -> None:
    global traced
    traced = Traced()


async def story(host: Host) -> None:
    await host.client.start_new("mother", instance_id="m")
    await asyncio.sleep(60)
    await host.client.raise_event("m", "go")
    await host.client.wait("m", 60)


TREE = sorted(
    f"orchestration:mother{path}"
    for path in (
        "",
        " > activity:plain",
        " > activity:plain > own",
        " > activity:on_a_loop",
        " > activity:on_a_loop > own, async",
        " > activity:moody !ValueError: not yet",
        " > orchestration:mother:timer",
        " > activity:moody",
        " > orchestration:mother:timer",
        " > create_orchestration:daughter",
        " > create_orchestration:daughter > orchestration:daughter",
        " > create_orchestration:daughter > orchestration:daughter > activity:plain",
        " > create_orchestration:daughter > orchestration:daughter > activity:plain > own",
        " > orchestration_event:go",
    )
)


@pytest.mark.parametrize("always", [False, True])
def test_an_orchestration_is_one_trace_with_a_span_for_each_thing_it_did(always: bool) -> None:
    in_virtual_time(app, story, tracer_provider=traced.provider, settings=HostSettings(always_replay=always))
    assert traced.tree() == TREE
    assert len({span.context.trace_id for span in traced.spans}) == 1
    timer = [span for span in traced.spans if span.name.endswith(":timer")][-1]
    assert round(((timer.end_time or 0) - (timer.start_time or 0)) / 1e9) == 5
    root = traced.named("orchestration:mother")
    assert root.kind is otel.SpanKind.SERVER
    assert root.attributes is not None
    assert root.attributes["durabletask.task.instance_id"] == "m"
    assert root.attributes["durabletask.task.status"] == "Completed"


def test_threads_run_activities_within_their_spans(tmp_path: Any) -> None:
    async def scenario(host: Host) -> None:
        await host.client.wait(await host.client.start_new("daughter"), 10)

    in_real_time(app, str(tmp_path / "hub"), scenario, tracer_provider=traced.provider)
    assert traced.tree() == [
        "orchestration:daughter",
        "orchestration:daughter > activity:plain",
        "orchestration:daughter > activity:plain > own",
    ]


def test_a_kill_in_the_middle_neither_loses_nor_repeats_nor_renames_a_span() -> None:
    machine = VirtualMachine()

    async def begin(host: Host) -> None:
        await host.client.start_new("mother", instance_id="m")
        await asyncio.sleep(4.5)  # the second timer has been created and has not fired

    async def finish(host: Host) -> None:
        await asyncio.sleep(60)
        await host.client.raise_event("m", "go")
        await host.client.wait("m", 60)

    machine.run(app, begin, clean=False, tracer_provider=traced.provider)
    before = len(traced.spans)
    machine.run(app, finish, tracer_provider=traced.provider)
    assert 0 < before < len(traced.spans)
    assert traced.tree() == TREE
    ids = [span.context.span_id for span in traced.spans]
    assert len(set(ids)) == len(ids)


def test_a_callers_trace_is_continued_with_its_state() -> None:
    async def scenario(host: Host) -> Any:
        token = callers_trace.set(context_of(CALLER, "vendor=1"))
        instance_id = await host.client.start_new("fails", instance_id="f")
        callers_trace.reset(token)
        await host.client.wait(instance_id, 60)
        return [host.hub.history(i)[0].parent_trace_context for i in ("f", "f:1:0")]  # type: ignore[union-attr]

    given, of_child = in_virtual_time(app, scenario, tracer_provider=traced.provider)
    assert (given.trace_parent, given.trace_state) == (CALLER, "vendor=1")
    assert of_child.trace_id == given.trace_id
    assert {span.context.trace_id for span in traced.spans} == {given.trace_id}
    root = traced.named("orchestration:fails")
    assert root.parent is not None
    assert root.parent.span_id == given.span_id
    assert root.context.trace_state.to_header() == "vendor=1"


def test_errors_are_marked_on_every_span_up_to_the_root() -> None:
    async def scenario(host: Host) -> None:
        await host.client.wait(await host.client.start_new("fails"), 60)

    in_virtual_time(app, scenario, tracer_provider=traced.provider)
    failed = {span.name for span in traced.spans if span.status.status_code is otel.StatusCode.ERROR}
    assert failed == {
        "orchestration:fails",
        "create_orchestration:breaks",
        "orchestration:breaks",
        "activity:moody",
    }


def test_the_programs_own_span_is_continued_by_what_it_starts() -> None:
    async def scenario(host: Host) -> None:
        with traced.tracer.start_as_current_span("program"):
            instance_id = await host.client.start_new("daughter")
        await host.client.wait(instance_id, 60)

    in_virtual_time(app, scenario, tracer_provider=traced.provider)
    assert traced.tree() == [
        "program",
        "program > orchestration:daughter",
        "program > orchestration:daughter > activity:plain",
        "program > orchestration:daughter > activity:plain > own",
    ]


def test_generations_stand_in_one_trace() -> None:
    async def scenario(host: Host) -> None:
        await host.client.wait(await host.client.start_new("twice"), 60)

    in_virtual_time(app, scenario, tracer_provider=traced.provider)
    assert len({span.context.trace_id for span in traced.spans}) == 1
    statuses = [(span.attributes or {}).get("durabletask.task.status") for span in traced.spans]
    assert sorted(str(status) for status in statuses if status) == ["Completed", "ContinuedAsNew"]


def test_calls_of_entities_are_spans_and_signals_moments() -> None:
    async def scenario(host: Host) -> None:
        await host.client.wait(await host.client.start_new("counts"), 60)

    in_virtual_time(app, scenario, tracer_provider=traced.provider)
    assert traced.tree() == [
        "orchestration:counts",
        "orchestration:counts > entity:counter:add",
        "orchestration:counts > entity:counter:get",
    ]


def test_a_trace_that_is_not_sampled_makes_no_span_nor_do_activities_in_it() -> None:
    global traced
    traced = Traced(ALWAYS_OFF)

    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("fails", instance_id="f")
        await host.client.wait(instance_id, 60)
        return host.hub.history("f")[0].parent_trace_context  # type: ignore[union-attr]

    mark = in_virtual_time(app, scenario, tracer_provider=traced.provider)
    assert traced.spans == []
    assert mark.flags == 0


@pytest.mark.parametrize("fault", [RuntimeError("exporter"), ValueError("any")])
def test_tracing_that_fails_is_turned_off_and_fails_nothing_else(
    fault: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("opentelemetry.sdk.trace.Tracer.start_span", refuse)

    async def scenario(host: Host) -> Any:
        instance_id = await host.client.start_new("counts")
        return (await host.client.wait(instance_id, 60)).runtime_status.name

    assert in_virtual_time(app, scenario, tracer_provider=traced.provider) == "Completed"
    assert caplog.text.count("tracing has failed") == 1


def test_without_a_provider_a_callers_trace_is_kept_and_handed_on_and_nothing_is_made() -> None:
    async def scenario(host: Host) -> Any:
        token = callers_trace.set(context_of(CALLER))
        await host.client.start_new("fails", instance_id="f")
        callers_trace.reset(token)
        await host.client.start_new("fails", instance_id="g")
        await host.client.wait("f", 60)
        await host.client.wait("g", 60)
        return [host.hub.history(i)[0] for i in ("f", "f:1:0", "g", "g:1:0")]

    f, child, g, other = in_virtual_time(app, scenario)
    assert f.parent_trace_context.trace_parent == CALLER
    assert child.parent_trace_context == within(f.execution_id, f.parent_trace_context, 0)
    assert g.parent_trace_context is None
    assert other.parent_trace_context is None
    assert traced.spans == []


def test_a_provider_that_cannot_give_stable_ids_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="tracer_provider"):
        Host(app, hub=":memory:", tracer_provider=otel.NoOpTracerProvider())


@pytest.mark.parametrize(
    "header",
    [
        *("", "00", CALLER.upper(), CALLER.replace("0af7", "0bg7"), "ff" + CALLER[2:], CALLER + "x"),
        *("00-" + "0" * 32 + CALLER[35:], CALLER[:36] + "0" * 16 + "-01"),
    ],
)
def test_a_header_that_is_no_trace_is_no_trace(header: str) -> None:
    assert context_of(header) is None


def test_a_trace_of_a_later_version_is_read_as_ours_and_a_bad_state_is_dropped() -> None:
    context = context_of("cc" + CALLER[2:] + "-more", "a=\x00")
    assert context is not None
    assert (context.trace_parent, context.trace_state) == (CALLER, "")


def test_ids_of_spans_differ_and_are_the_same_in_every_process() -> None:
    ids = {span_id_of("e" * 32, number) for number in range(-100, 1000)} | {span_id_of("e" * 32)}
    assert len(ids) == 1101
    assert f"{span_id_of('e' * 32, 0):016x}" == "d77d8079fcc8e358"


def test_a_run_exports_traces_only_where_it_is_asked_to() -> None:
    assert not tracing.wanted(False, {})
    assert not tracing.wanted(True, {"OTEL_SDK_DISABLED": "true"})
    assert not tracing.wanted(True, {"OTEL_TRACES_EXPORTER": "none"})
    with pytest.raises(AppLoadError, match="traces cannot be exported"):  # the exporter is no part of the extra
        tracing.wanted(True, {})
    assert not tracing.wanted(False, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})


def test_nothing_of_opentelemetry_is_imported_unless_it_is_used() -> None:
    program = (
        "import asyncio, sys, dfcli as df\n"
        "async def main():\n"
        "    async with df.Host(df.DFApp(), hub=':memory:'): pass\n"
        "asyncio.run(main())\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_worker_is_told_in_which_span_its_call_runs() -> None:
    scheduled = TaskScheduled(seq=3, event_id=0, timestamp="", name="a")
    call = ActivityCall(ExecutionKey("i", 1), "e" * 32, scheduled, None, context_of(CALLER, "vendor=1"))
    message = msgspec.msgpack.decode(msgspec.msgpack.encode(to_message(1, call)), type=CallMessage)
    assert to_call(message) == call
