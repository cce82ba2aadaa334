"""What an instance is, folded from its history: one summary per instance.

The fold is a pure function of the lines, so the index made from it can be deleted and rebuilt at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec import UNSET

from dfcli.model import history as h
from dfcli.model.entity_status import EntityFacts, facts_at_start
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import NOTHING, Payload


class OrchestrationRuntimeStatus(StrEnum):
    """The states of an instance, with Durable Functions' names. `Canceled` is never produced."""

    Running = "Running"
    Completed = "Completed"
    ContinuedAsNew = "ContinuedAsNew"
    Failed = "Failed"
    Canceled = "Canceled"
    Terminated = "Terminated"
    Pending = "Pending"
    Suspended = "Suspended"


TERMINAL_STATUSES = frozenset({"Completed", "Failed", "Canceled", "Terminated"})
LIVE_STATUSES = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})
_INBOUND = frozenset(h.INBOUND_TYPES)


class InstanceSummary(msgspec.Struct, kw_only=True):
    """The newest execution of an instance, as its committed lines tell. Changed in place by `apply`.

    `complete` is False for a summary that was read from the index: the sets of open work are then empty, while
    `open_activities` and `next_timer` hold what the index remembers.
    """

    instance_id: str
    exec: int
    name: str = ""
    version: str | None = None
    execution_id: str = ""
    status: str = "Pending"
    created: str = ""
    """Timestamp of the first execution's start since the instance was started by a client."""
    updated: str = ""
    last_seq: int = 0
    last_timestamp: str = ""
    consumed: int = 0
    """The highest inbound seq an episode has seen."""
    last_inbound: int = 0
    """The highest inbound seq; above `consumed` means an episode is due."""
    input: Payload = NOTHING
    output: Payload = NOTHING
    custom_status: Payload = NOTHING
    failure: FailureDetails | None = None
    parent: h.Parent | None = None
    tags: dict[str, str] | None = None
    bytes: int = 0
    generation: int = 0
    request_id: str | None = None
    """Of the start: repeating it with the same one starts nothing more."""
    scheduled_start: str | None = None
    """No code runs before that time."""
    rewinds: int = 0
    """How often this execution was rewound."""
    open_tasks: dict[int, int] = msgspec.field(default_factory=dict)
    """Event id to seq of each scheduled activity without an answer."""
    open_timers: dict[int, str] = msgspec.field(default_factory=dict)
    """Event id to due time of each timer that has not fired."""
    open_children: dict[int, str] = msgspec.field(default_factory=dict)
    """Event id to instance id of each sub-orchestration without an answer."""
    open_activities: int = 0
    next_timer: str | None = None
    """Not after the first open timer is due. It may be before: to look for the next at each that fires costs n²."""
    suspended: bool = False
    complete: bool = True
    quarantined: str = ""
    """Why the instance is not run, when its files are damaged."""
    entity: EntityFacts | None = None
    """Of an entity: its state and what waits. Such an instance is live as long as it is there."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_STATUSES

    @property
    def has_work(self) -> bool:
        """Whether the instance needs attention without anything arriving: an episode is due or activities are open."""
        if self.entity is not None:
            return self.entity.has_work and not self.quarantined
        return self.is_live and not self.quarantined and (self.last_inbound > self.consumed or self.open_activities > 0)

    def apply(self, event: h.Event, size: int = 0) -> None:
        """Fold one more line of the execution, `size` bytes long, in order of seq."""
        self.apply_all((event,), size)

    def apply_all(self, events: Sequence[h.Event], size: int) -> None:
        """Fold the next lines of the execution, at least one and `size` bytes together. HOT: written out."""
        for event in events:
            if type(event) in _INBOUND:
                self.last_inbound = event.seq
            match event:
                case h.TaskScheduled():
                    self.open_tasks[event.event_id] = event.seq
                    self.open_activities = len(self.open_tasks)
                case h.TaskCompleted() | h.TaskFailed():
                    self.open_tasks.pop(event.task_scheduled_id, None)
                    self.open_activities = len(self.open_tasks)
                case h.OrchestratorStarted():
                    self.consumed = event.consumed
                    self.updated = event.timestamp
                    if self.status == "Pending":
                        self.status = "Running"
                case h.OrchestratorCompleted():
                    if event.custom_status is not UNSET or event.custom_status_text is not UNSET:
                        self.custom_status = _shown(Payload(event.custom_status, event.custom_status_text))
                    if self.status == "Running" and self.suspended:
                        self.status = "Suspended"  # a suspend that arrived before the first episode
                case h.TimerCreated():
                    self.open_timers[event.event_id] = event.fire_at
                    self.next_timer = min(self.next_timer or event.fire_at, event.fire_at)
                case h.TimerFired():
                    self.open_timers.pop(event.timer_id, None)
                    if not self.open_timers:
                        self.next_timer = None
                case h.SubOrchestrationInstanceCreated():
                    self.open_children[event.event_id] = event.child_instance_id
                case h.SubOrchestrationInstanceCompleted() | h.SubOrchestrationInstanceFailed():
                    self.open_children.pop(event.task_scheduled_id, None)
                case h.ExecutionStarted():
                    self._start(event)
                case h.ExecutionSuspended():
                    self.suspended = True
                    self.status = "Suspended" if self.status == "Running" else self.status
                case h.ExecutionResumed():
                    self.suspended = False
                    self.status = "Running" if self.status == "Suspended" else self.status
                case h.ExecutionCompleted():
                    self._end(event.orchestration_status)
                    self.output = Payload(event.result, event.result_text)
                    self.failure = event.failure_details
                case h.ContinueAsNew():
                    self._end("ContinuedAsNew")
                case (
                    h.EntityOperationReceived()
                    | h.EntityBatchCompleted()
                    | h.EntityLockGranted()
                    | h.EntityLockReleased()
                ):
                    self.updated = event.timestamp
                    if self.entity is not None:
                        self.entity = self.entity.after(event)
                case h.ExecutionRewound():
                    self._rewind(event)
                case _:
                    pass  # EventRaised, EventSent and ExecutionTerminated change nothing by themselves
        self.last_seq = event.seq
        self.last_timestamp = event.timestamp
        self.bytes += size

    def _start(self, event: h.ExecutionStarted) -> None:
        self.name = event.name
        self.version = event.version
        self.execution_id = event.execution_id
        self.updated = event.timestamp
        self.created = event.created or (self.created if event.generation and self.created else event.timestamp)
        self.input = h.input_of(event)
        self.custom_status = _shown(Payload(event.custom_status, event.custom_status_text))
        self.parent = event.parent
        self.tags = event.tags
        self.generation = event.generation
        self.request_id = event.request_id
        self.scheduled_start = event.scheduled_start_time
        self.status = "Running" if event.generation else "Pending"
        if event.rules == h.ENTITY_RULES:
            self.status, self.input, self.entity = "Running", NOTHING, facts_at_start(event)

    def _rewind(self, event: h.ExecutionRewound) -> None:
        """Live again, with the work that is open again."""
        self.rewinds += 1
        self.execution_id = event.execution_id
        self.status = "Suspended" if event.suspended else "Running"
        self.suspended = event.suspended
        self.updated = event.timestamp
        self.output = NOTHING
        self.failure = None
        self.open_tasks = dict(event.open_tasks)
        self.open_timers = dict(event.open_timers)
        self.open_children = dict(event.open_children)
        self.open_activities = len(self.open_tasks)
        self.next_timer = min(self.open_timers.values(), default=None)

    def _end(self, status: str) -> None:
        self.status = status
        self.open_tasks.clear()
        self.open_timers.clear()
        self.open_children.clear()
        self.open_activities = 0
        self.next_timer = None
        self.suspended = False


def next_execution(summary: InstanceSummary | None, instance_id: str, exec: int) -> InstanceSummary:
    """An empty summary for a new execution; the creation time goes on over continue-as-new."""
    created = summary.created if summary is not None and summary.status == "ContinuedAsNew" else ""
    return InstanceSummary(instance_id=instance_id, exec=exec, created=created)


def _shown(custom_status: Payload) -> Payload:
    """A custom status of null is none."""
    raw = custom_status.raw
    return NOTHING if raw is not UNSET and bytes(raw) == b"null" else custom_status
