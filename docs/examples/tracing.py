"""Tracing: one OpenTelemetry trace for each orchestration, in which spans of your own find their place."""

import asyncio

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import dfcli as df

app = df.DFApp()
exporter = InMemorySpanExporter()  # `dfcli run` with `otel = true` sends them to where the OTEL_* variables say
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("shop")


@app.orchestration_trigger(context_name="context")
def order(context):
    yield context.call_activity(charge, 10)
    yield context.call_sub_orchestrator(ship)


@app.orchestration_trigger(context_name="context")
def ship(context):
    yield context.call_activity(charge, 3)


@app.activity_trigger(input_name="amount")
def charge(amount: int) -> None:
    with tracer.start_as_current_span(f"bank {amount}"):
        pass


def show(spans, parent=None, depth=0):
    for span in spans:
        if (span.parent.span_id if span.parent else None) == parent:
            print("  " * depth + span.name)
            show(spans, span.context.span_id, depth + 1)


async def main() -> None:
    async with df.Host(app, hub=":memory:", tracer_provider=provider) as host:
        await host.client.wait(await host.client.start_new(order), timeout=10)
    show(exporter.get_finished_spans())


asyncio.run(main())

# Output:
#   orchestration:order
#     activity:charge
#       bank 10
#     create_orchestration:ship
#       orchestration:ship
#         activity:charge
#           bank 3
