"""Spans by the OpenTelemetry SDK: one trace per orchestration, made from committed lines alone.

A span is made when the line that ends it is durable, with the start of the line that began it; a replay makes none. Its
name, kind and attributes are those of Durable Task. Needs the `otel` extra.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from dfcli.errors import AppLoadError, InvalidArgument
from dfcli.host.tracing import History
from dfcli.model import history as h
from dfcli.model.entity_ids import is_entity_id
from dfcli.model.entity_messages import message_of, response_of
from dfcli.model.ids import ExecutionKey
from dfcli.model.time import epoch_from_timestamp
from dfcli.model.trace import TraceContext, made, span_id_of, trace_id_of

try:
    from opentelemetry import context as otel_context
    from opentelemetry import trace as otel
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator
except ImportError as missing:
    raise AppLoadError(
        "traces need OpenTelemetry, which is not installed", why=str(missing), hint="pip install 'dfcli[otel]'"
    ) from None

EXECUTIONS_MAX = 10_000
"""Executions whose open tasks are remembered; others are looked up in their histories."""
FLUSH_MILLISECONDS = 5_000


class _StableIds(IdGenerator):
    """Gives the ids that the span about to be started has by its execution and event."""

    def __init__(self) -> None:
        self.trace_id = self.span_id = 1

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Execution:
    """What is known of one execution: its first line and its open tasks."""

    __slots__ = ("calls", "lives", "open", "started")

    def __init__(self, started: h.ExecutionStarted) -> None:
        self.started = started
        self.lives: list[h.ExecutionStarted | h.ExecutionRewound] = [started]
        """Each has an id and a span of its own; the trace is that of the first."""
        self.open: dict[int, Any] = {}
        """Lines that scheduled something, by event id."""
        self.calls: dict[str, h.EventSent] = {}
        """Calls of entities, by the id of the message."""

    def life_of(self, event: h.Event) -> h.ExecutionStarted | h.ExecutionRewound:
        """The line that began the run to which a line belongs: a rewind begins another."""
        return next((life for life in reversed(self.lives) if life.seq <= event.seq), self.started)

    def rewound(self, line: h.ExecutionRewound) -> None:
        if self.lives[-1].seq < line.seq:
            self.lives.append(line)


class OtelTracing:
    """Owned by the loop's thread. The provider's processors say when and where spans go."""

    def __init__(self, provider: Any) -> None:
        self._own = provider is True
        self._provider = _own_provider() if self._own else provider
        if not isinstance(self._provider, TracerProvider):
            raise InvalidArgument(
                f"tracer_provider is {type(provider).__name__}",
                why="ids that survive a restart take a TracerProvider of opentelemetry-sdk",
                hint="tracer_provider=opentelemetry.sdk.trace.TracerProvider()",
            )
        self._ids = _StableIds()
        tracer = copy.copy(self._provider.get_tracer("dfcli"))  # the provider hands the same one to all who ask
        tracer.id_generator = self._ids  # type: ignore[attr-defined]
        self._tracer = tracer
        self._executions: OrderedDict[ExecutionKey, _Execution] = OrderedDict()

    # -- what the host asks --------------------------------------------------------------------------------------

    def committed(self, transactions: Sequence[Any], history: History) -> None:
        for transaction in transactions:
            for append in transaction.appends:
                if not is_entity_id(append.key.instance_id):  # what an entity does is told by its callers
                    for event in append.events:
                        self._tell(append.key, event, history)

    def trace_of(self, key: ExecutionKey, execution_id: str, event_id: int, history: History) -> TraceContext:
        execution = self._known(key, history)
        given = execution.started.parent_trace_context if execution is not None else None
        first_id = execution.started.execution_id if execution is not None else execution_id
        trace_id, flags, state = self._identity(first_id, given)
        return made(trace_id, span_id_of(execution_id, event_id), flags, state)

    def new_root(self, execution_id: str, name: str) -> TraceContext | None:
        decision = self._provider.sampler.should_sample(None, trace_id_of(execution_id), name).decision
        if decision.is_sampled():
            return None
        return made(trace_id_of(execution_id), span_id_of(execution_id, -1), 0)

    def current(self) -> TraceContext | None:
        span = otel.get_current_span().get_span_context()
        if not span.is_valid:
            return None
        return made(span.trace_id, span.span_id, int(span.trace_flags), span.trace_state.to_header())

    def close(self) -> None:
        if self._own:
            self._provider.shutdown()
        else:
            self._provider.force_flush(FLUSH_MILLISECONDS)

    # -- lines that begin and end something ----------------------------------------------------------------------

    def _tell(self, key: ExecutionKey, event: h.Event, history: History) -> None:
        match event:
            case h.ExecutionStarted():
                self._remember(key, event)
            case h.TaskScheduled() | h.SubOrchestrationInstanceCreated() | h.TimerCreated():
                if (execution := self._known(key, history)) is not None:
                    execution.open[event.event_id] = event
            case h.TaskCompleted() | h.TaskFailed():
                self._task_span(key, event, history)
            case h.TimerFired():
                self._timer_span(key, event, history)
            case h.SubOrchestrationInstanceCompleted() | h.SubOrchestrationInstanceFailed():
                self._child_call_span(key, event, history)
            case h.EventRaised():
                if event.sender is not None:
                    self._entity_span(key, event, history)
                elif event.carried_from is None:
                    self._moment(key, f"orchestration_event:{event.name}", otel.SpanKind.CONSUMER, event, history)
            case h.EventSent():
                self._sent(key, event, history)
            case h.ExecutionRewound():
                if (execution := self._known(key, history)) is not None:
                    execution.rewound(event)
            case h.ExecutionCompleted() | h.ContinueAsNew():
                self._execution_span(key, event, history)
            case _:
                pass

    def _task_span(self, key: ExecutionKey, event: h.TaskCompleted | h.TaskFailed, history: History) -> None:
        execution, scheduled = self._answered(key, event.task_scheduled_id, history)
        if execution is None or scheduled is None:
            return
        attributes = {
            **_of_instance("activity", scheduled.name, key, execution.started),
            "durabletask.task.task_id": scheduled.event_id,
            "durabletask.task.attempt": scheduled.attempt,
        }
        error = _error(event) if isinstance(event, h.TaskFailed) else ""
        name = f"activity:{scheduled.name}"
        self._span(execution, scheduled.event_id, name, otel.SpanKind.SERVER, scheduled, event, attributes, error)

    def _timer_span(self, key: ExecutionKey, event: h.TimerFired, history: History) -> None:
        execution, created = self._answered(key, event.timer_id, history)
        if execution is None or created is None:
            return
        name = execution.started.name
        attributes = {
            **_of_instance("timer", name, key, execution.started),
            "durabletask.fire_at": event.fire_at,
            "durabletask.task.task_id": event.timer_id,
        }
        title = f"orchestration:{name}:timer"
        self._span(execution, event.timer_id, title, otel.SpanKind.INTERNAL, created, event, attributes)

    def _child_call_span(
        self,
        key: ExecutionKey,
        event: h.SubOrchestrationInstanceCompleted | h.SubOrchestrationInstanceFailed,
        history: History,
    ) -> None:
        """The parent's side of a sub-orchestration; the child's own span is below it."""
        execution, created = self._answered(key, event.task_scheduled_id, history)
        if execution is None or created is None:
            return
        attributes = {
            **_of_instance("orchestration", created.name, key, execution.started),
            "durabletask.task.instance_id": created.child_instance_id,
            "durabletask.task.task_id": created.event_id,
        }
        error = _error(event) if isinstance(event, h.SubOrchestrationInstanceFailed) else ""
        name = f"create_orchestration:{created.name}"
        self._span(execution, created.event_id, name, otel.SpanKind.CLIENT, created, event, attributes, error)

    def _execution_span(
        self, key: ExecutionKey, event: h.ExecutionCompleted | h.ContinueAsNew, history: History
    ) -> None:
        execution = self._known(key, history)
        self._executions.pop(key, None)
        if execution is None:
            return
        started = execution.started
        status, error = "ContinuedAsNew", ""
        if isinstance(event, h.ExecutionCompleted):
            status = event.orchestration_status
            failure = event.failure_details
            if status == "Failed":
                error = str(failure) if failure is not None else "failed"
            elif status == "Terminated":
                error = "terminated"
        attributes = {**_of_instance("orchestration", started.name, key, started), "durabletask.task.status": status}
        version = f"@({started.version})" if started.version else ""
        name = f"orchestration:{started.name}{version}"
        life = execution.life_of(event)
        self._span(execution, None, name, otel.SpanKind.SERVER, life, event, attributes, error)

    def _moment(
        self,
        key: ExecutionKey,
        name: str,
        kind: otel.SpanKind,
        event: Any,
        history: History,
        more: dict[str, Any] | None = None,
    ) -> None:
        """Something that takes no time: an event sent or received."""
        execution = self._known(key, history)
        if execution is not None:
            attributes = {**_of_instance("event", event.name, key, execution.started), **(more or {})}
            number = event.event_id if event.event_id >= 0 else -1 - event.seq  # below the numbers of tasks
            self._span(execution, number, name, kind, event, event, attributes)

    def _sent(self, key: ExecutionKey, event: h.EventSent, history: History) -> None:
        """An entity's answer ends the span of its call; a signal or an event takes no time."""
        target = event.target_instance_id
        attributes = {"durabletask.event.target_instance_id": target}
        if not is_entity_id(target):
            self._moment(key, f"orchestration_event:{event.name}", otel.SpanKind.PRODUCER, event, history, attributes)
            return
        message = message_of(event)
        if message.op is not None and message.signal:
            name = f"entity:{target[1:].partition('@')[0]}:{message.op}"
            self._moment(key, name, otel.SpanKind.PRODUCER, event, history, attributes)
        elif (message.op is not None or message.lockset) and (execution := self._known(key, history)) is not None:
            execution.calls[message.id] = event

    def _entity_span(self, key: ExecutionKey, event: h.EventRaised, history: History) -> None:
        """A call of an entity, or the wait for a lock."""
        execution = self._known(key, history)
        sent = execution.calls.pop(event.name, None) if execution is not None else None
        if execution is None or sent is None:
            return
        operation = message_of(sent).op or "lock"
        name = sent.target_instance_id[1:].partition("@")[0]
        attributes = {
            **_of_instance("entity", name, key, execution.started),
            "durabletask.event.target_instance_id": sent.target_instance_id,
        }
        failure = response_of(event).failure_details
        title = f"entity:{name}:{operation}"
        error = str(failure) if failure is not None else ""
        self._span(execution, sent.event_id, title, otel.SpanKind.CLIENT, sent, event, attributes, error)

    # -- memory --------------------------------------------------------------------------------------------------

    def _remember(self, key: ExecutionKey, started: h.ExecutionStarted) -> _Execution:
        execution = self._executions[key] = _Execution(started)
        if len(self._executions) > EXECUTIONS_MAX:
            self._executions.popitem(last=False)
        return execution

    def _known(self, key: ExecutionKey, history: History) -> _Execution | None:
        """An execution, from its history when it began before this process or was forgotten."""
        execution = self._executions.get(key)
        if execution is not None:
            return execution
        recorded = history(key)
        if not recorded or not isinstance(recorded[0], h.ExecutionStarted):
            return None
        execution = self._remember(key, recorded[0])
        for event in recorded:
            if isinstance(event, h.TaskScheduled | h.SubOrchestrationInstanceCreated | h.TimerCreated):
                execution.open[event.event_id] = event
            elif isinstance(event, h.EventSent) and is_entity_id(event.target_instance_id):
                execution.calls[message_of(event).id] = event
            elif isinstance(event, h.ExecutionRewound):
                execution.rewound(event)
        return execution

    def _answered(self, key: ExecutionKey, event_id: int, history: History) -> tuple[_Execution | None, Any]:
        execution = self._known(key, history)
        return execution, execution.open.pop(event_id, None) if execution is not None else None

    # -- spans ---------------------------------------------------------------------------------------------------

    def _identity(self, first_id: str, given: TraceContext | None) -> tuple[int, int, str]:
        """Trace, flags and state of an execution that began with that id."""
        if given is None:
            return trace_id_of(first_id), 1, ""
        return given.trace_id, given.flags, given.trace_state

    def _span(
        self,
        execution: _Execution,
        event_id: int | None,
        name: str,
        kind: otel.SpanKind,
        begin: Any,
        end: Any,
        attributes: dict[str, Any],
        error: str = "",
    ) -> None:
        """Make a span that began with one line and ended with another, and hand it to the processors."""
        started = execution.started
        given = started.parent_trace_context
        execution_id = execution.life_of(begin).execution_id
        span_id = span_id_of(execution_id, event_id)
        trace_id, flags, state = self._identity(started.execution_id, given)
        if given is not None and _is_root(given, started.execution_id):
            return  # the sampler left this trace out when the instance was started
        parent = given
        if event_id is not None:
            parent = made(trace_id, span_id_of(execution_id), flags, state)
        attributes["durabletask.task.execution_id"] = execution_id
        self._ids.trace_id, self._ids.span_id = trace_id, span_id
        around = otel.set_span_in_context(_far(parent)) if parent is not None else otel_context.Context()
        span = self._tracer.start_span(
            name, context=around, kind=kind, attributes=attributes, start_time=_nanoseconds(begin.timestamp)
        )
        if error:
            span.set_status(otel.Status(otel.StatusCode.ERROR, error[:1_000]))
        span.end(_nanoseconds(end.timestamp))


@contextmanager
def running_in(trace: TraceContext) -> Iterator[None]:
    """Make the span of a context current."""
    token = otel_context.attach(otel.set_span_in_context(_far(trace)))
    try:
        yield
    finally:
        otel_context.detach(token)


def _far(trace: TraceContext) -> otel.Span:
    """A span that is recorded by somebody else, or at another time."""
    return otel.NonRecordingSpan(
        otel.SpanContext(
            trace.trace_id,
            trace.span_id,
            is_remote=True,
            trace_flags=otel.TraceFlags(trace.flags),
            trace_state=otel.TraceState.from_header([trace.trace_state]) if trace.trace_state else None,
        )
    )


def _is_root(given: TraceContext, execution_id: str) -> bool:
    """Whether the context is the mark of `new_root`, and no caller's."""
    return given.span_id == span_id_of(execution_id, -1)


def _of_instance(sort: str, name: str, key: ExecutionKey, started: h.ExecutionStarted) -> dict[str, Any]:
    found: dict[str, Any] = {
        "durabletask.type": sort,
        "durabletask.task.name": name,
        "durabletask.task.instance_id": key.instance_id,
        "durabletask.task.execution_id": started.execution_id,
    }
    if started.version:
        found["durabletask.task.version"] = started.version
    return found


def _error(event: h.TaskFailed | h.SubOrchestrationInstanceFailed) -> str:
    return str(event.failure_details) if event.failure_details is not None else event.reason


def _nanoseconds(timestamp: str) -> int:
    return round(epoch_from_timestamp(timestamp) * 1_000_000) * 1_000


def exporter_class() -> Any:
    """The exporter that `otel` means, which is a package of its own. Raises AppLoadError when it is not there."""
    try:
        return import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter
    except ImportError as error:
        raise AppLoadError(
            "traces cannot be exported",
            why=f"no OTLP exporter is installed: {error}",
            hint="pip install opentelemetry-exporter-otlp-proto-http",
        ) from None


def _own_provider() -> TracerProvider:
    """As the OTEL_* variables say; spans go by OTLP over HTTP."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = exporter_class()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter()))
    return provider
