"""A lane: one live instance as the host holds it, ahead of the disk by what is queued to be committed.

One lane per instance, one episode at a time. A lane outlives its resident execution: when that is evicted, the lane
stays, small, and the execution comes back by replay.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence

from dfcli.engine.execution import Execution
from dfcli.errors import Quarantined
from dfcli.model.history import Event, EventRaised, ExecutionStarted, Inbound, Parent
from dfcli.model.ids import ExecutionKey
from dfcli.model.status import InstanceSummary
from dfcli.model.voids import Voids, execution_id_at, execution_ids

NO_CODE = "no host is running"
"""Why a command's host parks what it would have to run."""
RECENT_REQUESTS_MAX = 256
"""Request ids that a run remembers over continue-as-new."""


class Rewound:
    """The ids that a rewound execution has had, and what is left of what it did under them."""

    __slots__ = ("_ids", "_voids")

    def __init__(self, history: Sequence[Event]) -> None:
        self._ids = execution_ids(history)
        self._voids = Voids.of(history)

    @classmethod
    def of(cls, history: Sequence[Event]) -> Rewound | None:
        """None for an execution that was never rewound."""
        found = cls(history)
        return found if found._voids is not None else None

    def stands(self, execution_id: str, seq: int) -> bool:
        """Whether a line written under that id still counts."""
        return execution_id_at(self._ids, seq) == execution_id and not (self._voids is not None and seq in self._voids)

    def id_at(self, seq: int) -> str:
        """The id under which a line was written: it stays the identity of what the line has scheduled."""
        return execution_id_at(self._ids, seq)


class Lane:
    """Owned by the host's loop thread; nothing else touches it."""

    __slots__ = (
        "acknowledgements",
        "armed",
        "code_id",
        "execution",
        "execution_id",
        "finished",
        "in_flight",
        "inbox",
        "is_ready",
        "key",
        "last_seq",
        "last_timestamp",
        "loaded_once",
        "name",
        "parent",
        "parked",
        "request_ids",
        "rewound",
        "start_at",
        "suspended",
        "uncommitted",
        "unsent",
        "version",
    )

    def __init__(self, key: ExecutionKey, *, name: str, execution_id: str, parent: Parent | None) -> None:
        self.key = key
        self.name = name
        self.execution_id = execution_id
        self.parent = parent
        self.version: str | None = None
        self.code_id: str | None = None
        """The code the execution began on; None until its history has been read."""
        self.last_seq = 0
        self.last_timestamp = ""
        self.execution: Execution | None = None
        self.inbox: list[Inbound] = []
        """Inbound events that no episode has seen."""
        self.unsent: list[Event] = []
        """Inbound events with a seq that are in no transaction yet; always the newest of the inbox."""
        self.acknowledgements: list[Future[None]] = []
        """Callers that wait for the unsent events to be durable."""
        self.in_flight: set[int] = set()
        """Event ids of scheduled activities whose result has not been taken."""
        self.armed: dict[int, str] = {}
        """Event id to due time of timers that have not fired."""
        self.uncommitted = 0
        """Transactions queued that hold lines of this lane; an execution is dropped only when there are none."""
        self.is_ready = False
        self.suspended = False
        self.finished = False
        self.parked = ""
        self.loaded_once = False
        """Whether open activities and timers of the history have been handed out in this process."""
        self.start_at = ""
        """No code runs before that time; empty once it has come, and for most."""
        self.rewound: Rewound | None = None
        """What it was before it was rewound; None for most."""
        self.request_ids: dict[str, None] | None = None
        """Ids of requests that raised events to this run, the newest last; None: not looked up. Once it is there, it
        knows more than what is committed."""

    @classmethod
    def of(cls, summary: InstanceSummary) -> Lane:
        """The lane of an instance whose every line is committed."""
        key = ExecutionKey(summary.instance_id, summary.exec)
        lane = cls(key, name=summary.name, execution_id=summary.execution_id, parent=summary.parent)
        lane.last_seq = summary.last_seq
        lane.last_timestamp = summary.last_timestamp
        lane.suspended = summary.suspended
        lane.version = summary.version
        lane.start_at = (summary.scheduled_start or "") if summary.status == "Pending" else ""
        return lane

    @property
    def is_evictable(self) -> bool:
        """Whether dropping the resident execution loses nothing: it only waits, and all its lines are committed."""
        return not (self.uncommitted or self.inbox or self.unsent or self.is_ready or self.finished)

    def next_seq(self) -> int:
        """Take the next line number."""
        self.last_seq += 1
        return self.last_seq

    def stamp(self, now: str) -> str:
        """The timestamp for the next line: `now`, unless the clock stepped back behind the last line."""
        if now > self.last_timestamp:
            self.last_timestamp = now
        return self.last_timestamp

    def receive(self, event: Inbound) -> None:
        """Take an inbound event numbered by `next_seq`; it is durable once the transaction that sends it is."""
        self.inbox.append(event)
        self.unsent.append(event)

    def take_unsent(self) -> list[Event]:
        """The events to put before anything else this lane commits."""
        unsent, self.unsent = self.unsent, []
        return unsent

    def take_acknowledgements(self) -> list[Future[None]]:
        waiting, self.acknowledgements = self.acknowledgements, []
        return waiting

    def refuse(self, error: Exception) -> None:
        """Forget what has come and was not sent; tell those who wait for it to be durable."""
        self.inbox, self.unsent = [], []
        for future in self.take_acknowledgements():
            if not future.done():
                future.set_exception(error)

    def recent_requests(self) -> list[str]:
        """The ids that the next generation must know."""
        return list(self.request_ids or ())[-RECENT_REQUESTS_MAX:]

    def continue_as(self, key: ExecutionKey, execution_id: str) -> None:
        """Become the next execution of the instance: an empty history, nothing open."""
        self.key = key
        self.execution_id = execution_id
        self.last_seq = 0
        self.execution = None
        self.inbox = []
        self.in_flight = set()
        self.armed = {}
        self.rewound = None
        self.request_ids = dict.fromkeys(self.recent_requests())
        self.finished = False
        self.loaded_once = True


def in_quarantine(instance_id: str, reason: str) -> Quarantined:
    """The refusal of whatever would add to a damaged history."""
    return Quarantined(
        f"instance {instance_id!r} is in quarantine",
        why=reason,
        hint=f"dfcli inspect {instance_id} shows what can be read; dfcli purge {instance_id} removes it",
    )


def request_ids_of(history: Sequence[Event]) -> dict[str, None]:
    """Ids of requests that raised events to a run, by the history of its newest execution."""
    started = history[0] if history else None
    found = dict.fromkeys((started.recent_requests or ()) if isinstance(started, ExecutionStarted) else ())
    for event in history:
        if isinstance(event, EventRaised) and event.request_id is not None:
            found[event.request_id] = None
    return found
