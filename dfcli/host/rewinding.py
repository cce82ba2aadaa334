"""Rewinding an instance with the sub-orchestrations that failed below it: one transaction, or nothing.

What is to be done is made out from committed histories alone and without waiting, so that nothing changes meanwhile.
It is verified before it is written: the app's code must repeat what is left of each history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dfcli.engine.execution import Execution
from dfcli.engine.nondeterminism import NonDeterminismError
from dfcli.engine.rewind import RewindPlan, plan
from dfcli.errors import InvalidArgument, NotFound, WrongState
from dfcli.host.arrivals import child_ended
from dfcli.host.draft import Draft
from dfcli.host.lane import Lane, Rewound, in_quarantine
from dfcli.host.scheduler import Scheduler
from dfcli.model import history as h
from dfcli.model.entity_messages import message_of
from dfcli.model.rewound import RewindReport, VoidedLine
from dfcli.model.status import InstanceSummary
from dfcli.storage.taskhub import TaskHub


class NotSettled(Exception):
    """The end of an instance that matters is not durable yet: look again once it is."""


@dataclass
class _Target:
    """One instance that is rewound."""

    summary: InstanceSummary
    history: Sequence[h.Event]
    plan: RewindPlan
    line: h.ExecutionRewound
    lane: Lane
    new_children: list[str]
    answers: list[h.Inbound] = field(default_factory=list)
    """About children that have ended since it failed."""


class Rewinding:
    """One rewind: `gather`, then `verify`, then `write`. Belongs to the loop's thread."""

    def __init__(self, hub: TaskHub, scheduler: Scheduler, reason: str) -> None:
        self._hub = hub
        self._scheduler = scheduler
        self._reason = reason
        self._targets: list[_Target] = []
        self._dropped: dict[str, None] = {}
        self._verified = False
        self._warnings: list[str] = []
        self._episode: list[h.Event] = []
        self._open_tasks: list[h.TaskScheduled] = []

    # -- what is to be done --------------------------------------------------------------------------------------

    def gather(self, instance_id: str, cut: int | None = None, parent_execution_id: str | None = None) -> None:
        """Make out what is rewound. NotFound, WrongState, Quarantined, InvalidArgument for a cut that is none."""
        summary = self._settled(instance_id)
        if summary is None:
            raise NotFound(f'No orchestration with instance ID "${instance_id}" found.', hint="dfcli list")
        if summary.quarantined:
            raise in_quarantine(instance_id, summary.quarantined)
        if summary.status != "Failed":
            raise WrongState(
                f'This orchestration has status {summary.status}, but only orchestrations in the "Failed" state can be '
                "rewound.",
                hint=f"dfcli status {instance_id}",
            )
        history = self._hub.history(instance_id, summary.exec)
        if cut is not None and not 1 < cut <= history[-1].seq:
            raise InvalidArgument(
                f"{instance_id!r} cannot be rewound to before event {cut}",
                why=f"its history has events 2 to {history[-1].seq} that it could be",
                hint=f"dfcli inspect {instance_id}",
            )
        self._add(summary, history, cut, parent_execution_id)

    def _add(
        self, summary: InstanceSummary, history: list[h.Event], cut: int | None, parent_execution_id: str | None
    ) -> None:
        planned = plan(history, cut=cut)
        lost = {
            created.seq
            for created in planned.open_children.values()
            if (child := self._child(summary, created)) is None or child.status == "Terminated"
        }
        if lost:
            planned = plan(history, cut=cut, lost=lost)
        lane = Lane.of(summary)
        line = planned.line(
            seq=lane.next_seq(),
            timestamp=lane.stamp(self._scheduler.now()),
            reason=self._reason,
            execution_id=self._scheduler.new_id(),
            parent_execution_id=parent_execution_id,
            code_id=self._scheduler.codes.code_id,
        )
        lane.execution_id = line.execution_id
        new = [created.child_instance_id for created in planned.dropped_children if created.seq in lost]
        target = _Target(summary, history, planned, line, lane, new)
        self._targets.append(target)
        for created in planned.dropped_children:
            child = self._child(summary, created)
            if child is not None and child.is_live:
                self._dropped[created.child_instance_id] = None
        for created in planned.open_children.values():
            child = self._child(summary, created)
            if child is None or child.is_live:
                continue  # its end will tell
            if child.status == "Failed" and not child.quarantined:
                self.gather(created.child_instance_id, parent_execution_id=line.execution_id)
                continue
            now, rules = self._scheduler.now(), self._scheduler.codes.registry.rules
            answer = child_ended(lane, created.event_id, child.status, child.output, child.failure, now, rules)
            target.answers.append(answer)

    def _child(self, parent: InstanceSummary, created: h.SubOrchestrationInstanceCreated) -> InstanceSummary | None:
        """The sub-orchestration that a line has scheduled, unless it was purged or another one has its id."""
        child = self._settled(created.child_instance_id)
        link = child.parent if child is not None else None
        if link is None or (link.instance_id, link.exec, link.seq) != (parent.instance_id, parent.exec, created.seq):
            return None
        return child

    def _settled(self, instance_id: str) -> InstanceSummary | None:
        lane = self._scheduler.lanes.get(instance_id)
        if lane is not None and lane.finished:
            raise NotSettled(instance_id)
        return self._hub.summary(instance_id)

    # -- whether it can be done ----------------------------------------------------------------------------------

    def verify(self) -> None:
        """Run the code against what is left of each history, and one step further. Raises NonDeterminismError and
        UnknownOrchestrator with the instance's id; nothing is written."""
        for target in self._targets:
            registry = self._scheduler.codes.registry_of(target.line.code_id)
            lines = [*target.history, target.line, *target.answers]
            instance_id = target.summary.instance_id
            if refused := self._scheduler.refused(target.lane):
                self._warnings.append(f"{instance_id} does not go on: {refused}")
            try:
                execution = Execution.replay(registry.lookup, lines, target.lane.key)
            except NonDeterminismError as error:
                error.why = f"{instance_id} cannot be rewound on this code: {error.why}"
                error.hint = "repair the code so that it still repeats what stays, or choose an earlier cut with --from"
                raise
            try:
                self._warnings += [f"{instance_id}: event {line.seq}: {text}" for line, text in execution.differences]
                if target is self._targets[0]:
                    self._look_ahead(execution, lines[-1])
            finally:
                execution.close()
        self._verified = True

    def _look_ahead(self, execution: Execution, last: h.Event) -> None:
        """The episode that the rewind leads to."""
        self._open_tasks = list(execution.open_tasks.values())
        started = h.OrchestratorStarted(seq=last.seq + 1, event_id=-1, timestamp=last.timestamp, consumed=last.seq)
        self._episode = execution.deliver(execution.unconsumed, started).events

    def report(self) -> RewindReport:
        """What is done, or would be."""
        first = self._targets[0]
        again = [event for event in self._episode if isinstance(event, h.TaskScheduled)]
        tasks: Sequence[h.TaskScheduled] = [*again, *(self._open_tasks or first.plan.open_tasks.values())]
        end = next((event for event in self._episode if isinstance(event, h.ExecutionCompleted)), None)
        if not self._verified:
            voided = (event for event in first.plan.voided if isinstance(event, h.TaskScheduled))
            tasks = [*voided, *first.plan.open_tasks.values()]
        section = first.plan.critical_section
        anew = [e.child_instance_id for e in self._episode if isinstance(e, h.SubOrchestrationInstanceCreated)]
        return RewindReport(
            instance_id=first.summary.instance_id,
            cut=first.plan.cut,
            voided=[_voided(event) for event in first.plan.voided],
            runs_again=[f"{task.name} #{task.event_id}" for task in sorted(tasks, key=lambda task: task.event_id)],
            rewound_children=[target.summary.instance_id for target in self._targets[1:]],
            new_children=list(dict.fromkeys(anew or first.new_children)),
            ended_children=list(self._dropped),
            critical_section=", ".join(message_of(section).lockset or ()) if section is not None else "",
            fails_again=str(end.failure_details or "") if end is not None else "",
            verified=self._verified,
            warnings=self._warnings,
        )

    # -- doing it ------------------------------------------------------------------------------------------------

    def write(self, draft: Draft) -> None:
        """Put it all into one transaction, and give everybody concerned a turn."""
        scheduler = self._scheduler
        for target in self._targets:
            lane = target.lane
            lane.rewound = Rewound([*target.history, target.line])
            lane.suspended = target.line.suspended
            lane.code_id = target.line.code_id
            scheduler.lanes[lane.key.instance_id] = lane
            for event in (target.line, *target.answers):
                lane.receive(event)
            draft.send(lane)
            scheduler.ready(lane)
        for instance_id in self._dropped:
            terminate(scheduler, instance_id, "its parent was rewound", draft)


def terminate(scheduler: Scheduler, instance_id: str, reason: str, draft: Draft, *, recursive: bool = True) -> bool:
    """End a live instance, and what lives below it, within a transaction; whether it was live."""
    lane = scheduler.lane(instance_id)
    if lane is None or lane.finished:
        return False
    children = open_children(scheduler, lane) if recursive else []
    lane.receive(
        h.ExecutionTerminated(seq=lane.next_seq(), event_id=-1, timestamp=lane.stamp(scheduler.now()), reason=reason)
    )
    scheduler.run_now(lane, draft)
    for child in children:
        terminate(scheduler, child, reason, draft)
    return True


def open_children(scheduler: Scheduler, lane: Lane) -> list[str]:
    """Ids of the sub-orchestrations that a live instance has scheduled and that have not told their end."""
    if lane.execution is not None:
        return [created.child_instance_id for created in lane.execution.open_children.values()]
    summary = InstanceSummary(instance_id=lane.key.instance_id, exec=lane.key.exec)
    for event in scheduler.whole_history(lane):
        summary.apply(event)
    return list(summary.open_children.values())


def _voided(event: h.Event) -> VoidedLine:
    return VoidedLine(
        seq=event.seq,
        event_type=type(event).__name__,
        event_id=event.event_id if event.event_id >= 0 else int(getattr(event, "task_scheduled_id", -1)),
        name=str(getattr(event, "name", "")),
    )
