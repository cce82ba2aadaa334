"""What a host would do to a task hub, drawn from a seed: instances that start, take steps, end, and are purged.

Keeps, as the engine does, every live instance's state in memory and ahead of the disk: `lanes` are folds of all that
was submitted, committed or not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.env.clock import VirtualClock
from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey, child_instance_id
from dfcli.model.status import InstanceSummary, next_execution
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.taskhub import TaskHub
from dfcli.storage.transaction import Append, Dispatch, Purge, Transaction
from tests.simulation.twin import Twin, Violation

NASTY_IDS = (
    "order-42",
    "Order-42",
    "CON",
    "..",
    "%2e",
    "-dash",
    "caf\u00e9",
    "cafe\u0301",
    "😀",
    "x" * 256,
    "x" * 255 + "y",
    "É" * 256,
    "a b",
    "nul",
    "a.1",
    "order-42.1.jsonl",
    "~tilde",
    'quote"and{brace}',
    "line\u2028separator",
)
PAYLOAD_SIZES = (0, 1, 10, 10, 10, 100, 300, 1_000)


class Workload:
    """Draws one operation after another and submits it."""

    def __init__(
        self, random: Random, clock: VirtualClock, twin: Twin, *, inline_bytes_max: int, with_rewinds: bool
    ) -> None:
        self.random = random
        self.clock = clock
        self.twin = twin
        self.ids = [*random.sample(NASTY_IDS, 5), "plain-1", "plain-2"]
        self._inline_bytes_max = inline_bytes_max
        self._number = 0
        self.lanes: dict[str, InstanceSummary] = {}
        self.events: dict[str, list[h.EventRaised]] = {}
        """Of each lane's execution, the raised events: continue-as-new carries the unread ones over."""
        self.failed: dict[str, tuple[int, InstanceSummary]] = {}
        """Of each lane that has failed, the line of its end, and what it was just before."""
        self._hub: TaskHub
        self._operations: list[tuple[int, Callable[[], None]]] = [
            (6, self.start),
            (12, self.episode),
            (8, self.answer),
            (4, self.raise_event),
            (1, self.suspend_or_resume),
            (1, self.terminate),
            (2, self.purge),
            (1, self.dispatch),
        ]
        if with_rewinds:
            self._operations.append((12, self.rewind))

    def attach(self, hub: TaskHub) -> None:
        """Go on with a hub that was just opened, from what it has."""
        self._hub = hub
        self.lanes = {}
        self.events = {}
        self.failed = {}
        for instance_id, executions in self.twin.instances.items():
            newest = max(executions)
            lane = next_execution(None, instance_id, newest)
            for event in executions[newest].events:
                self._note_failure(lane, event)
                lane.apply(event)
            self.lanes[instance_id] = lane
            self.events[instance_id] = [e for e in executions[newest].events if isinstance(e, h.EventRaised)]

    def step(self) -> None:
        weights = [weight for weight, _ in self._operations]
        self.random.choices([operation for _, operation in self._operations], weights)[0]()

    # -- operations: each finds something to do or does nothing

    def start(self) -> None:
        instance_id = self.random.choice(self.ids)
        lane = self.lanes.get(instance_id)
        if lane is not None and lane.is_live:
            return
        number = self._next_exec(instance_id)
        self._submit([(ExecutionKey(instance_id, number), [self._started(1)])])

    def episode(self) -> None:
        due = [lane for lane in self.lanes.values() if lane.is_live and lane.last_inbound > lane.consumed]
        if due:
            self._run(self.random.choice(due))

    def answer(self) -> None:
        lane = self._any_live()
        if lane is None:
            return
        seq, now = lane.last_seq + 1, self._now()
        key = ExecutionKey(lane.instance_id, lane.exec)
        if lane.open_tasks and self.random.random() < 0.8:
            task = self.random.choice(list(lane.open_tasks))
            if self.random.random() < 0.2:
                event: h.Event = h.TaskFailed(
                    seq=seq, event_id=-1, timestamp=now, task_scheduled_id=task, reason="it broke"
                )
            else:
                event = h.TaskCompleted(
                    seq=seq, event_id=-1, timestamp=now, task_scheduled_id=task, result=self._payload()
                )
            self._submit([(key, [event])])
        elif lane.open_timers:
            timer = self.random.choice(list(lane.open_timers))
            fired = h.TimerFired(seq=seq, event_id=-1, timestamp=now, timer_id=timer, fire_at=lane.open_timers[timer])
            self._submit([(key, [fired])])

    def raise_event(self) -> None:
        lane = self._any_live()
        if lane is not None:
            self._submit([(ExecutionKey(lane.instance_id, lane.exec), [self._raised(lane.last_seq + 1)])])

    def suspend_or_resume(self) -> None:
        lane = self._any_live()
        if lane is not None:
            kind = h.ExecutionResumed if lane.suspended else h.ExecutionSuspended
            event = kind(seq=lane.last_seq + 1, event_id=-1, timestamp=self._now())
            self._submit([(ExecutionKey(lane.instance_id, lane.exec), [event])])

    def terminate(self) -> None:
        lane = self._any_live()
        if lane is not None:
            seq, now = lane.last_seq + 1, self._now()
            events: list[h.Event] = [
                h.ExecutionTerminated(seq=seq, event_id=-1, timestamp=now),
                h.OrchestratorStarted(seq=seq + 1, event_id=-1, timestamp=now, consumed=seq),
                h.ExecutionCompleted(
                    seq=seq + 2, event_id=0, timestamp=now, orchestration_status="Terminated", result=self._payload()
                ),
                h.OrchestratorCompleted(seq=seq + 3, event_id=-1, timestamp=now),
            ]
            self._submit([(ExecutionKey(lane.instance_id, lane.exec), events), *self._tell_parent(lane)])

    def rewind(self) -> None:
        """Back to just before the end: what was open is open again. As the host does, only of ends that are durable."""
        failed = [lane for lane in self.lanes.values() if lane.status == "Failed" and lane.instance_id in self.failed]
        if not failed or self.twin.acknowledged < len(self.twin.pending):
            return
        lane = self.random.choice(failed)
        end, before = self.failed[lane.instance_id]
        rewound = h.ExecutionRewound(
            seq=lane.last_seq + 1,
            event_id=-1,
            timestamp=self._now(),
            execution_id=f"{self.random.getrandbits(64):016x}",
            cut=end,
            voids=[(end, end)],
            open_tasks=dict(before.open_tasks),
            open_timers=dict(before.open_timers),
            open_children=dict(before.open_children),
            suspended=before.suspended,
        )
        self._submit([(ExecutionKey(lane.instance_id, lane.exec), [rewound])])

    def purge(self) -> None:
        ended = [lane for lane in self.lanes.values() if not lane.is_live or self.random.random() < 0.05]
        if ended:
            chosen = self.random.sample(ended, self.random.randint(1, min(2, len(ended))))
            self._submit([], purges=[Purge(lane.instance_id, lane.exec) for lane in chosen])

    def dispatch(self) -> None:
        lane = self._any_live()
        if lane is not None and lane.open_tasks:
            task, seq = self.random.choice(list(lane.open_tasks.items()))
            self._submit([], dispatches=[Dispatch(ExecutionKey(lane.instance_id, lane.exec), task, seq, 1)])

    # -- one episode

    def _run(self, lane: InstanceSummary) -> None:
        """Between 0 and 4 decisions, then perhaps the end of the execution."""
        now, seq = self._now(), lane.last_seq + 1
        key = ExecutionKey(lane.instance_id, lane.exec)
        events: list[h.Event] = [h.OrchestratorStarted(seq=seq, event_id=-1, timestamp=now, consumed=lane.last_inbound)]
        elsewhere: list[tuple[ExecutionKey, list[h.Event]]] = []
        for _ in range(self.random.choice((0, 1, 1, 2, 4))):
            event, others = self._decision(lane, seq + len(events), now, elsewhere)
            events.append(event)
            elsewhere += others
        fate = self.random.random()
        if fate < 0.25:
            status = self.random.choice(("Completed", "Completed", "Failed"))
            events.append(
                h.ExecutionCompleted(
                    seq=seq + len(events),
                    event_id=seq + len(events),
                    timestamp=now,
                    orchestration_status=status,
                    result=self._payload(),
                )
            )
            if all(other.instance_id != self._parent_id(lane) for other, _ in elsewhere):
                elsewhere += self._tell_parent(lane)
        elif fate < 0.4 and not elsewhere:
            events.append(
                h.ContinueAsNew(seq=seq + len(events), event_id=seq + len(events), timestamp=now, input=self._payload())
            )
            elsewhere.append(self._next_generation(lane, now))
        events.append(
            h.OrchestratorCompleted(
                seq=seq + len(events),
                event_id=-1,
                timestamp=now,
                custom_status=self._payload() if self.random.random() < 0.2 else UNSET,
            )
        )
        self._submit([(key, events), *elsewhere])

    def _decision(
        self, lane: InstanceSummary, seq: int, now: str, taken: list[tuple[ExecutionKey, list[h.Event]]]
    ) -> tuple[h.Event, list[tuple[ExecutionKey, list[h.Event]]]]:
        kind = self.random.random()
        if kind < 0.5:
            task = h.TaskScheduled(seq=seq, event_id=seq, timestamp=now, name="SayHello", input=self._payload())
            return task, []
        if kind < 0.7:
            due = timestamp_from_epoch(self.clock.time() + self.random.randint(1, 100))
            return h.TimerCreated(seq=seq, event_id=seq, timestamp=now, fire_at=due), []
        if kind < 0.85:
            key = ExecutionKey(lane.instance_id, lane.exec)
            child = child_instance_id(key, lane.execution_id, seq)
            parent = h.Parent(
                instance_id=key.instance_id,
                exec=key.exec,
                execution_id=lane.execution_id,
                task_scheduled_id=seq,
                seq=seq,
            )
            child_exec = self._next_exec(child)
            created = h.SubOrchestrationInstanceCreated(
                seq=seq, event_id=seq, timestamp=now, name="Child", child_instance_id=child, child_exec=child_exec
            )
            return created, [(ExecutionKey(child, child_exec), [self._started(1, parent=parent)])]
        target = self._any_live()
        busy = {key.instance_id for key, _ in taken}
        others: list[tuple[ExecutionKey, list[h.Event]]] = []
        name = target.instance_id if target is not None else "nobody"
        if target is not None and target is not lane and target.instance_id not in busy:
            others = [(ExecutionKey(target.instance_id, target.exec), [self._raised(target.last_seq + 1)])]
        sent = h.EventSent(seq=seq, event_id=seq, timestamp=now, target_instance_id=name, name="go")
        return sent, others

    def _next_generation(self, lane: InstanceSummary, now: str) -> tuple[ExecutionKey, list[h.Event]]:
        """The first lines of the execution after continue-as-new: its start, and the events that nobody read."""
        events: list[h.Event] = [self._started(1, lane=lane)]
        for event in self.events.get(lane.instance_id, []):
            if event.seq > lane.consumed or self.random.random() < 0.3:
                events.append(
                    h.EventRaised(
                        seq=len(events) + 1,
                        event_id=-1,
                        timestamp=now,
                        name=event.name,
                        input=event.input,
                        carried_from=h.CarriedFrom(exec=lane.exec, seq=event.seq),
                    )
                )
        return ExecutionKey(lane.instance_id, lane.exec + 1), events

    def _tell_parent(self, lane: InstanceSummary) -> list[tuple[ExecutionKey, list[h.Event]]]:
        """The result line in a live parent's history: in the same batch as the child's end."""
        parent = lane.parent
        waiting = self.lanes.get(parent.instance_id) if parent is not None else None
        if parent is None or waiting is None or not waiting.is_live or waiting.execution_id != parent.execution_id:
            return []
        if parent.task_scheduled_id not in waiting.open_children:
            return []
        done = h.SubOrchestrationInstanceCompleted(
            seq=waiting.last_seq + 1,
            event_id=-1,
            timestamp=self._now(),
            task_scheduled_id=parent.task_scheduled_id,
            result=self._payload(),
        )
        return [(ExecutionKey(waiting.instance_id, waiting.exec), [done])]

    @staticmethod
    def _parent_id(lane: InstanceSummary) -> str | None:
        return lane.parent.instance_id if lane.parent is not None else None

    # -- parts

    def _submit(
        self,
        appends: list[tuple[ExecutionKey, list[h.Event]]],
        *,
        purges: list[Purge] | None = None,
        dispatches: list[Dispatch] | None = None,
    ) -> None:
        self._number += 1
        rides_along = not appends and not purges and self.random.random() < 0.5
        transaction = Transaction(
            [Append(key, events) for key, events in appends],
            purges or [],
            dispatches or [],
            effects=None if rides_along else self._number,
        )
        self._hub.submit(transaction)
        for purge in purges or ():
            self.lanes.pop(purge.instance_id, None)
            self.events.pop(purge.instance_id, None)
        expected = [Append(key, self._follow(key, events)) for key, events in appends]
        if not rides_along:
            self.twin.pending.append(
                Transaction(expected, transaction.purges, transaction.dispatches, transaction.effects)
            )

    def _follow(self, key: ExecutionKey, events: list[h.Event]) -> list[h.Event]:
        """Fold what was submitted; as it must be recorded, with times that never step back (I28)."""
        lane = self.lanes.get(key.instance_id)
        if lane is None or lane.exec != key.exec:
            lane = self.lanes[key.instance_id] = next_execution(lane, key.instance_id, key.exec)
            self.events[key.instance_id] = []
        recorded = []
        for event in events:
            if event.timestamp < lane.last_timestamp:
                event = msgspec.structs.replace(event, timestamp=lane.last_timestamp)
            recorded.append(event)
            self._note_failure(lane, event)
            lane.apply(event)
            if isinstance(event, h.EventRaised):
                self.events[key.instance_id].append(event)
        return recorded

    def _note_failure(self, lane: InstanceSummary, event: h.Event) -> None:
        if isinstance(event, h.ExecutionCompleted) and event.orchestration_status == "Failed":
            self.failed[lane.instance_id] = event.seq, copy.deepcopy(lane)

    def _next_exec(self, instance_id: str) -> int:
        number = self._hub.next_exec(instance_id)
        upto = max(
            (p.upto_exec for t in self.twin.pending for p in t.purges if p.instance_id == instance_id), default=0
        )
        known = [exec_ for exec_ in self.twin.instances.get(instance_id, {}) if exec_ > upto]
        lane = self.lanes.get(instance_id)
        waiting = self.twin.pending[self.twin.acknowledged :]
        to_purge = [p.upto_exec for t in waiting for p in t.purges if p.instance_id == instance_id]
        highest = max([*known, lane.exec if lane is not None else 0, *to_purge])
        if number <= highest:
            raise Violation(f"I4: execution {number} of {instance_id!r} was handed out, {highest} exists")
        return number

    def _any_live(self) -> InstanceSummary | None:
        live = [lane for lane in self.lanes.values() if lane.is_live]
        return self.random.choice(live) if live else None

    def _started(
        self, seq: int, *, parent: h.Parent | None = None, lane: InstanceSummary | None = None
    ) -> h.ExecutionStarted:
        return h.ExecutionStarted(
            seq=seq,
            event_id=-1,
            timestamp=self._now(),
            name="Hello",
            execution_id=f"{self.random.getrandbits(64):016x}",
            input=self._payload(),
            parent=lane.parent if lane is not None else parent,
            generation=lane.generation + 1 if lane is not None else 0,
            created=lane.created if lane is not None else None,
        )

    def _raised(self, seq: int) -> h.EventRaised:
        return h.EventRaised(seq=seq, event_id=-1, timestamp=self._now(), name="go", input=self._payload())

    def _payload(self) -> Raw | UnsetType:
        size = self.random.choice(PAYLOAD_SIZES)
        if self.random.random() < 0.06:
            size = self._inline_bytes_max + self.random.randint(-60, 60)
        if size == 0:
            return UNSET
        self._number += 1
        return Raw(b'"%b"' % (b"%d-" % self._number).ljust(size, b"x"))

    def _now(self) -> str:
        self.clock.advance(0.000_001)
        return timestamp_from_epoch(self.clock.time())
