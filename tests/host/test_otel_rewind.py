"""Traces of executions that are rewound: the same trace, and a span of its own for each time that something ran."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import dfcli as df
from dfcli.host.host import Host
from dfcli.host.tracing import callers_trace
from dfcli.model.trace import context_of
from tests.host.running import VirtualMachine

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
app = df.DFApp()
broken: set[str] = set()
ran_in: list[int] = []


@app.activity_trigger()
def work(name: str) -> str:
    ran_in.append(otel.get_current_span().get_span_context().span_id)
    if name in broken:
        raise ValueError("broken")
    return name


@app.orchestration_trigger()
def parent(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("work", "before")
    yield context.call_activity("work", "breaks")
    yield context.call_sub_orchestrator("child")


@app.orchestration_trigger()
def child(context: df.DurableOrchestrationContext) -> Any:
    yield context.call_activity("work", "in the child")


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("caller", [False, True])
def test_what_a_rewind_repeats_is_a_span_of_its_own_in_the_same_trace(killed: bool, caller: bool) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    machine = VirtualMachine()
    ran_in.clear()

    async def fail(host: Host) -> None:
        token = callers_trace.set(context_of(CALLER) if caller else None)
        await host.client.start_new("parent", instance_id="p")
        callers_trace.reset(token)
        await host.client.wait("p", 60)

    async def rewind(host: Host) -> None:
        await host.rewind("p")
        await host.client.wait("p", 60)
        await asyncio.sleep(1)

    async def both(host: Host) -> None:
        await fail(host)
        broken.clear()
        await rewind(host)

    broken.add("breaks")
    if killed:
        machine.run(app, fail, clean=False, tracer_provider=provider)
        broken.clear()
        machine.run(app, rewind, tracer_provider=provider)
    else:
        machine.run(app, both, tracer_provider=provider)
    spans = exporter.get_finished_spans()
    ids = [span.context.span_id for span in spans]
    assert len(set(ids)) == len(ids) == 8, [span.name for span in spans]
    assert len({span.context.trace_id for span in spans}) == 1
    assert sorted(ran_in) == sorted(span.context.span_id for span in spans if span.name == "activity:work")
    known = {span.context.span_id: span for span in spans}
    lives = [span for span in spans if span.name == "orchestration:parent"]
    assert [span.status.is_ok for span in lives] == [False, True]
    above = [known[span.parent.span_id] for span in spans if span.name == "activity:work" and span.parent]
    assert [span is lives[0] for span in above] == [True, True, False, False]
    assert above[2] is lives[1]
    assert above[3].name == "orchestration:child"
