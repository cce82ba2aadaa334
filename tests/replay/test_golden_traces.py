"""A history that continues a trace replays like any other, and its spans have the ids they had when it was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dfcli.engine.execution import Execution
from dfcli.host.otel import OtelTracing
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.storage.transaction import Append, Transaction

FILE = Path(__file__).parent.parent / "golden" / "traced" / "traced_child.jsonl"
LINES = FILE.read_bytes().splitlines()
HISTORY = [h.decode_line(line) for line in LINES]
KEY = ExecutionKey("p:1:0", 1)


async def child(context: Any) -> Any:
    return await context.call_activity("square", context.get_input())


def test_it_replays_and_is_written_as_it_was_read() -> None:
    execution = Execution.replay(lambda _: child, HISTORY, KEY)
    assert execution.is_finished
    assert execution.differences == []
    for line, event in zip(LINES, HISTORY, strict=True):
        members = json.loads(line)
        del members["InstanceId"], members["Exec"]
        assert json.loads(h.encode_members(event)) == members


def test_its_spans_have_the_ids_of_before() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    OtelTracing(provider).committed([Transaction(appends=[Append(KEY, HISTORY)])], lambda _: HISTORY)
    found = [
        (span.name, f"{span.context.span_id:016x}", f"{span.parent.span_id:016x}" if span.parent else "")
        for span in exporter.get_finished_spans()
    ]
    assert found == [
        ("activity:square", "7248d897ee66bf1a", "2cad59b55d247a06"),
        ("orchestration:child", "2cad59b55d247a06", "b7ad6b7169203331"),
    ]
    assert {f"{span.context.trace_id:032x}" for span in exporter.get_finished_spans()} == {
        "0af7651916cd43dd8448eb211c80319c"
    }
