"""History events: the facts an instance's file is made of, named as Durable Functions names them.

An event here is what one line on disk says, without its envelope (`InstanceId`, `Exec`, `Crc`), which storage adds.
Times are timestamps of `model.time`. `seq` is the line's number in its file, from 1 without gaps. `event_id` is the
sequence id of a decision of the orchestrator, counted from 0 in order of scheduling, and -1 for everything else.
Payload members come in two forms of which at most one is set: `input` (strict JSON, raw bytes) and `input_text`.

*Inbound* events arrive from outside (a start, a result, a raised event) and are appended on arrival. The others are
written by an *episode*: `OrchestratorStarted`, its decisions, `OrchestratorCompleted`, consecutive and in one batch.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model.entity_events import ENTITY_RULES as ENTITY_RULES
from dfcli.model.entity_events import Caller as Caller
from dfcli.model.entity_events import EntityBatchCompleted as EntityBatchCompleted
from dfcli.model.entity_events import EntityLockGranted as EntityLockGranted
from dfcli.model.entity_events import EntityLockReleased as EntityLockReleased
from dfcli.model.entity_events import EntityOperationReceived as EntityOperationReceived
from dfcli.model.entity_events import OperationResult as OperationResult
from dfcli.model.entity_events import Sent as Sent
from dfcli.model.failure import FailureDetails
from dfcli.model.history_event import NO_EVENT_ID as NO_EVENT_ID
from dfcli.model.history_event import CarriedFrom as CarriedFrom
from dfcli.model.history_event import HistoryEvent as HistoryEvent
from dfcli.model.history_event import Parent as Parent
from dfcli.model.payload import Payload
from dfcli.model.trace import TraceContext

REPLAY_RULES = "native/1"
"""Flavour and version of the rules that new histories are replayed by."""
AZURE_RULES = "azure/1"
"""Those of apps written for the 1.x line of Azure's SDK."""


class ExecutionStarted(HistoryEvent, tag="ExecutionStarted", frozen=True, kw_only=True):
    """Inbound; always line 1. `rules` names flavour and version of the replay rules, `code_id` the app's code."""

    name: str
    execution_id: str
    version: str | None = None
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET
    parent: Parent | None = None
    tags: dict[str, str] | None = None
    scheduled_start_time: str | None = None
    origin: str | None = None
    rules: str = msgspec.field(default_factory=lambda: REPLAY_RULES)  # a factory, so that it is always written
    code_id: str | None = None
    request_id: str | None = None
    recent_requests: list[str] | None = None
    """Ids of requests that raised events to earlier generations, the newest last: a repeated one must be known."""
    custom_status: Raw | UnsetType = UNSET
    """Carried over continue-as-new."""
    custom_status_text: str | UnsetType = UNSET
    generation: int = 0
    """How many times this run continued as new."""
    parent_trace_context: TraceContext | None = None
    """The span that the execution continues: its caller's, its parent's, or that of the first generation."""
    created: str | None = None
    """When the run was started, on a later generation's line: the file that says so may have been removed by then."""


class OrchestratorStarted(HistoryEvent, tag="OrchestratorStarted", frozen=True, kw_only=True):
    """Opens an episode; its timestamp is the orchestrator's current time. The episode saw every inbound line with
    `seq <= consumed` that no earlier episode saw."""

    consumed: int


class OrchestratorCompleted(HistoryEvent, tag="OrchestratorCompleted", frozen=True, kw_only=True):
    """Closes an episode: the checkpoint. `custom_status` is there only when the episode set it."""

    custom_status: Raw | UnsetType = UNSET
    custom_status_text: str | UnsetType = UNSET


class TaskScheduled(HistoryEvent, tag="TaskScheduled", frozen=True, kw_only=True):
    """The code called an activity. `call` is the event id of the first attempt when this is a retry."""

    name: str
    version: str | None = None
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET
    call: int | None = None
    attempt: int = 1


class TaskCompleted(HistoryEvent, tag="TaskCompleted", frozen=True, kw_only=True):
    """Inbound: an activity answered."""

    task_scheduled_id: int
    result: Raw | UnsetType = UNSET
    result_text: str | UnsetType = UNSET


class TaskFailed(HistoryEvent, tag="TaskFailed", frozen=True, kw_only=True):
    """Inbound: an activity raised. `reason` is the sentence a person reads, in Durable Functions' form."""

    task_scheduled_id: int
    reason: str
    details: str = ""
    failure_details: FailureDetails | None = None


class SubOrchestrationInstanceCreated(HistoryEvent, tag="SubOrchestrationInstanceCreated", frozen=True, kw_only=True):
    """The code called a sub-orchestration; the child's first line stands in the same batch."""

    name: str
    child_instance_id: str
    child_exec: int | None = None
    """Known to storage only; None while the decision has not been committed."""
    version: str | None = None
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET
    call: int | None = None
    attempt: int = 1


class SubOrchestrationInstanceCompleted(
    HistoryEvent, tag="SubOrchestrationInstanceCompleted", frozen=True, kw_only=True
):
    """Inbound: a child ended well; in the same batch as the child's own end."""

    task_scheduled_id: int
    result: Raw | UnsetType = UNSET
    result_text: str | UnsetType = UNSET


class SubOrchestrationInstanceFailed(HistoryEvent, tag="SubOrchestrationInstanceFailed", frozen=True, kw_only=True):
    """Inbound: a child failed, was terminated, or could not start because its id is taken."""

    task_scheduled_id: int
    reason: str
    details: str = ""
    failure_details: FailureDetails | None = None


class TimerCreated(HistoryEvent, tag="TimerCreated", frozen=True, kw_only=True):
    """The code created a timer, or a retry waits. `call` is the first attempt's event id for a retry's delay."""

    fire_at: str
    call: int | None = None

    @property
    def follows_last_attempt(self) -> bool:
        """Whether it stands between a retry policy's last failure and the code, for no time (`azure/1`)."""
        return self.call is not None and self.fire_at == self.timestamp


class TimerFired(HistoryEvent, tag="TimerFired", frozen=True, kw_only=True):
    """Inbound: a timer is due. `timer_id` is the event id of its TimerCreated."""

    timer_id: int
    fire_at: str


class EventSent(HistoryEvent, tag="EventSent", frozen=True, kw_only=True):
    """The code sent an event to another instance; its EventRaised stands in the same batch if that one lives."""

    target_instance_id: str
    name: str
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET


class EventRaised(HistoryEvent, tag="EventRaised", frozen=True, kw_only=True):
    """Inbound: an external event. Names match without regard to case."""

    name: str
    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET
    request_id: str | None = None
    carried_from: CarriedFrom | None = None
    sender: str | None = None
    """The entity that answers a call or grants a lock; `name` is then the request's id. No external event."""


class ExecutionSuspended(HistoryEvent, tag="ExecutionSuspended", frozen=True, kw_only=True):
    """Inbound: hold every event until resumed."""

    reason: str = ""


class ExecutionResumed(HistoryEvent, tag="ExecutionResumed", frozen=True, kw_only=True):
    """Inbound: hand over what was held, in order."""

    reason: str = ""


class ExecutionTerminated(HistoryEvent, tag="ExecutionTerminated", frozen=True, kw_only=True):
    """Inbound: end now, without running the code again."""

    reason: str = ""


class ExecutionRewound(HistoryEvent, tag="ExecutionRewound", frozen=True, kw_only=True):
    """Inbound: a failed run goes back to before its failure and on from there, in the same file (`model/voids.py`).

    `voids` are ranges of seqs, ends included, that a replay passes over; `cut` is the first line that the code is to
    see otherwise. The execution has a new id from here on. `open_…` is the work that is open again: what is neither
    voided nor answered.
    """

    reason: str = ""
    execution_id: str
    cut: int
    voids: list[tuple[int, int]]
    parent_execution_id: str | None = None
    """Of a sub-orchestration that is rewound with its parent: the id that the parent has from now on."""
    code_id: str | None = None
    """The code on which it goes on."""
    open_tasks: dict[int, int] = msgspec.field(default_factory=dict)
    """Event id to seq, as in the summary of an instance."""
    open_timers: dict[int, str] = msgspec.field(default_factory=dict)
    open_children: dict[int, str] = msgspec.field(default_factory=dict)
    suspended: bool = False


class ExecutionCompleted(HistoryEvent, tag="ExecutionCompleted", frozen=True, kw_only=True):
    """The run ended: `orchestration_status` is Completed, Failed or Terminated. `result` is its output.

    `caused_by` is the seq of the failure line whose exception escaped the code, when there is one.
    """

    orchestration_status: str
    result: Raw | UnsetType = UNSET
    result_text: str | UnsetType = UNSET
    failure_details: FailureDetails | None = None
    caused_by: int | None = None


class ContinueAsNew(HistoryEvent, tag="ContinueAsNew", frozen=True, kw_only=True):
    """The run goes on as a new execution; `input` is its input."""

    input: Raw | UnsetType = UNSET
    input_text: str | UnsetType = UNSET


EntityEvent: TypeAlias = EntityOperationReceived | EntityBatchCompleted | EntityLockGranted | EntityLockReleased

ENTITY_TYPES = (EntityOperationReceived, EntityBatchCompleted, EntityLockGranted, EntityLockReleased)

Event: TypeAlias = (
    ExecutionStarted
    | OrchestratorStarted
    | OrchestratorCompleted
    | TaskScheduled
    | TaskCompleted
    | TaskFailed
    | SubOrchestrationInstanceCreated
    | SubOrchestrationInstanceCompleted
    | SubOrchestrationInstanceFailed
    | TimerCreated
    | TimerFired
    | EventSent
    | EventRaised
    | ExecutionSuspended
    | ExecutionResumed
    | ExecutionTerminated
    | ExecutionRewound
    | ExecutionCompleted
    | ContinueAsNew
    | EntityEvent
)

Inbound: TypeAlias = (
    ExecutionStarted
    | TaskCompleted
    | TaskFailed
    | SubOrchestrationInstanceCompleted
    | SubOrchestrationInstanceFailed
    | TimerFired
    | EventRaised
    | ExecutionSuspended
    | ExecutionResumed
    | ExecutionTerminated
    | ExecutionRewound
)

INBOUND_TYPES = (
    ExecutionStarted,
    TaskCompleted,
    TaskFailed,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TimerFired,
    EventRaised,
    ExecutionSuspended,
    ExecutionResumed,
    ExecutionTerminated,
    ExecutionRewound,
)

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)

encode_members = msgspec.json.Encoder().encode
"""An event as JSON bytes in the order tag, seq, event id, timestamp, members; storage adds the envelope."""


def decode_line(line: bytes) -> Event:
    """The event of one history line, envelope ignored. Raises msgspec.ValidationError for an unknown event type.

    The event's payloads are views into `line`, which they keep alive.
    """
    return _decoder.decode(line)


def is_inbound(event: Event) -> bool:
    """Whether the event arrived from outside, as against being written by an episode."""
    return isinstance(event, INBOUND_TYPES)


def input_of(
    event: ExecutionStarted | TaskScheduled | SubOrchestrationInstanceCreated | EventRaised | ContinueAsNew,
) -> Payload:
    """The payload handed in with an event."""
    return Payload(event.input, event.input_text)


def result_of(event: TaskCompleted | SubOrchestrationInstanceCompleted | ExecutionCompleted) -> Payload:
    """The payload an event answers with."""
    return Payload(event.result, event.result_text)
