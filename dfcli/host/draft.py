"""A transaction under construction, and what may happen once it is durable."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence

from dfcli.host.activities import ActivityCall
from dfcli.host.entity_lane import EntityLane
from dfcli.host.lane import Lane
from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey
from dfcli.storage.transaction import Append, Dispatch, Purge, Transaction


class Draft:
    """Collects lines of one or more lanes for one atomic transaction, whose `effects` it then is."""

    __slots__ = (
        "acknowledgements",
        "appends",
        "calls",
        "dispatches",
        "entities",
        "finished",
        "lanes",
        "purges",
        "timers",
    )

    def __init__(self) -> None:
        self.appends: list[Append] = []
        self.purges: list[Purge] = []
        self.lanes: list[Lane] = []
        self.acknowledgements: list[Future[None]] = []
        self.calls: list[ActivityCall] = []
        self.timers: list[tuple[ExecutionKey, int, str]] = []
        """Execution, event id and due time of each new timer."""
        self.finished: list[Lane] = []
        self.entities: list[tuple[EntityLane, int, int]] = []
        """Entities with lines in it, and the execution and number of the last."""
        self.dispatches: list[Dispatch] = []
        """Calls that are handed out again after a restart: recorded before they run, so that crash loops show."""

    @property
    def is_empty(self) -> bool:
        """Nothing to commit and nothing to begin."""
        return not (self.appends or self.calls or self.timers)

    def add(self, lane: Lane, events: Sequence[Event]) -> None:
        """Append lines to a lane's execution. Everything it has not sent must be among them or sent before."""
        assert not lane.unsent
        self.appends.append(Append(lane.key, events))
        self.lanes.append(lane)
        lane.uncommitted += 1
        if lane.acknowledgements:
            self.acknowledgements += lane.take_acknowledgements()

    def send(self, lane: Lane) -> None:
        """Append what the lane has received and not sent."""
        if lane.unsent:
            self.add(lane, lane.take_unsent())

    def transaction(self) -> Transaction:
        """The finished transaction; the draft rides along as its effects."""
        return Transaction(appends=self.appends, purges=self.purges, dispatches=self.dispatches, effects=self)
