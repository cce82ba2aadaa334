"""Traces: what a host needs of whoever makes spans, and how the contexts of callers get in.

OpenTelemetry is imported by `host/otel.py` alone, which nobody imports before tracing is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, Protocol

from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.model.trace import TraceContext

callers_trace: ContextVar[TraceContext | None] = ContextVar("dfcli_callers_trace", default=None)
"""What the caller of the request that is being answered said of its trace."""

History = Callable[[ExecutionKey], Sequence[h.Event]]
"""The committed history of an execution, for what happened before this process began."""


class Tracing(Protocol):
    """Makes spans of what is committed. Called on the loop's thread, and never to fail the host."""

    def committed(self, transactions: Sequence[Any], history: History) -> None:
        """Transactions are durable."""
        ...

    def trace_of(self, key: ExecutionKey, execution_id: str, event_id: int, history: History) -> TraceContext:
        """The context in which an activity's code runs: its own span is the parent."""
        ...

    def new_root(self, execution_id: str, name: str) -> TraceContext | None:
        """What a new instance without a caller's trace records: whether its trace is sampled, once and for all."""
        ...

    def current(self) -> TraceContext | None:
        """The span that is current in the code that asks."""
        ...

    def close(self) -> None:
        """Have everything exported."""
        ...


def tracing_of(provider: Any) -> Tracing:
    """The tracing for a `tracer_provider` of the OpenTelemetry SDK; True means one that OTEL_* variables describe."""
    from dfcli.host.otel import OtelTracing

    return OtelTracing(provider)


def running_in(trace: TraceContext) -> AbstractContextManager[None]:
    """Make a span current that is recorded elsewhere, so that spans of the code inside become its children."""
    from dfcli.host.otel import running_in

    return running_in(trace)
