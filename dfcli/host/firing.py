"""Timers that are due: each becomes a line of its instance, or wakes an instance that was never loaded."""

from __future__ import annotations

from collections.abc import Sequence

from dfcli.host.arrivals import timer_fired
from dfcli.host.scheduler import Scheduler
from dfcli.host.timers import START, WAKE, DueTimer


class Firing:
    """The part of the host that timers call; `Host` gives it what it names here."""

    scheduler: Scheduler
    stopping: bool
    stopped: BaseException | None
    _wakes: set[str]
    """Instances that a WAKE entry stands for."""

    def _fire(self, due: Sequence[DueTimer]) -> None:
        if self.stopping or self.stopped is not None:
            return
        for timer in due:
            instance_id = timer.key.instance_id
            if not self._is_armed(timer):
                continue
            if timer.event_id == WAKE:
                self._wakes.discard(instance_id)
                lane = self.scheduler.lane(instance_id)
                if lane is not None and lane.key == timer.key and not lane.finished:
                    self.scheduler.ready(lane)
            elif timer.event_id == START:
                self.scheduler.ready(self.scheduler.lanes[instance_id])
            else:
                lane = self.scheduler.lanes[instance_id]
                del lane.armed[timer.event_id]
                self.scheduler.receive(lane, timer_fired(lane, timer, self.scheduler.now()))

    def _is_armed(self, timer: DueTimer) -> bool:
        """Whether it is still to fire. The due time is compared too: after a purge an execution number comes again."""
        instance_id = timer.key.instance_id
        if timer.event_id == WAKE:
            return instance_id in self._wakes
        lane = self.scheduler.lanes.get(instance_id)
        return lane is not None and lane.key == timer.key and lane.armed.get(timer.event_id) == timer.fire_at

    def _is_asleep(self, instance_id: str) -> bool:
        lane = self.scheduler.lanes.get(instance_id)
        return lane is None or not lane.loaded_once
