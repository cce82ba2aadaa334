"""Running timer functions when their schedules say so: one run of a function at a time, missed ones caught up once.

A run counts when it has ended, also with an exception; one that a crash cuts off is still due afterwards. While a run
lasts longer than its schedule's period, the times that pass meanwhile are left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from dfcli.authoring.timer import TimerRequest
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.env.clock import Clock
from dfcli.errors import AppLoadError, NotFound, Unavailable, WrongState
from dfcli.model.time import epoch_from_timestamp, timestamp_from_epoch
from dfcli.registry.registry import Registry
from dfcli.registry.schedules import Schedule, schedule_of
from dfcli.storage.schedule_records import ScheduleRecord, ScheduleRecords

log = logging.getLogger("dfcli.host")


@dataclass(slots=True)
class Planned:
    """One timer function and when it runs."""

    definition: FunctionDefinition
    schedule: Schedule
    is_monitored: bool
    due: float = 0.0
    """Seconds since 1970."""
    last: str = ""
    updated: str = ""
    is_past_due: bool = False
    is_running: bool = False

    @property
    def name(self) -> str:
        return self.definition.name


def zone_of(name: str) -> tzinfo:
    """Raises AppLoadError for a time zone that this machine does not know."""
    if name == "UTC":
        return UTC
    import zoneinfo  # only for the few apps that name one

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise AppLoadError(
            f"the time zone {name!r} is not known here",
            why="zones have the names of the IANA data base, and its data must be installed",
            hint='time_zone = "Europe/Rome"; the package tzdata brings the data',
        ) from None


def plan(registry: Registry, time_zone: str, settings: Mapping[str, str]) -> list[Planned]:
    """The timer functions of an app. Raises AppLoadError for a schedule that cannot be used."""
    planned: list[Planned] = []
    zone = zone_of(time_zone) if registry.timers else UTC
    for definition in registry.timers:
        assert definition.timer is not None
        schedule = schedule_of(definition, zone, settings)
        wish = definition.timer.use_monitor
        planned.append(Planned(definition, schedule, not schedule.comes_often if wish is None else wish))
    return planned


class TimerTriggers:
    """Owned by the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        records: ScheduleRecords,
        time_zone: str,
        call: Callable[[FunctionDefinition, TimerRequest], Awaitable[Any]],
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        """`call` runs a function, and what it raises is logged; `in_thread` runs what may block."""
        self._loop = loop
        self._clock = clock
        self._records = records
        self._time_zone = time_zone
        self._call = call
        self._in_thread = in_thread
        self._planned: dict[str, Planned] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handle: asyncio.TimerHandle | None = None
        self._is_closed = False

    # -- what is planned -----------------------------------------------------------------------------------------

    def begin(self, planned: Sequence[Planned]) -> None:
        """Take up the functions of the app, at the start or after a reload; reads and writes their records.

        A function that keeps its schedule keeps its next time. One that is new, or whose schedule is, is looked at as
        at a start: it may be past due, and it runs at once if it says so.
        """
        before, self._planned = self._planned, {}
        for entry in planned:
            key = entry.name.casefold()
            self._planned[key] = entry
            known = before.get(key)
            if known is not None and known.schedule.text == entry.schedule.text:
                entry.due, entry.last, entry.updated = known.due, known.last, known.updated
                entry.is_past_due, entry.is_running = known.is_past_due, known.is_running
            elif known is not None and known.is_running:
                entry.is_running, entry.due = True, entry.schedule.next_after(self._clock.time())
            else:
                self._look_at(entry)
        self._schedule()

    def next_run(self, name: str) -> str:
        """The timestamp; empty for what is no timer function."""
        entry = self._planned.get(name.casefold())
        return timestamp_from_epoch(entry.due) if entry is not None else ""

    @property
    def is_running(self) -> bool:
        return any(entry.is_running for entry in self._planned.values())

    def _look_at(self, entry: Planned) -> None:
        now = self._clock.time()
        record = self._records.read(entry.name) if entry.is_monitored else None
        if record is None:
            entry.due = entry.schedule.next_after(now)
        else:
            entry.last, entry.updated = record.last, record.last_updated
            same = (record.schedule, record.time_zone) == (entry.schedule.text, self._time_zone)
            # Of a schedule that was changed meanwhile, the time that it would have had next counts.
            since = epoch_from_timestamp(record.last or record.last_updated)
            expected = epoch_from_timestamp(record.next) if same else entry.schedule.next_after(since)
            entry.is_past_due = expected <= now
            keeps = same and entry.schedule.is_interval
            entry.due = now if entry.is_past_due else expected if keeps else entry.schedule.next_after(now)
        assert entry.definition.timer is not None
        if entry.definition.timer.run_on_startup:
            entry.due = now
        elif record is None and entry.is_monitored:
            entry.updated = timestamp_from_epoch(now)
            self._write(self._record_of(entry))

    # -- time ----------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        waiting = [entry.due for entry in self._planned.values() if not entry.is_running]
        if not waiting or self._is_closed:
            return
        # A microsecond more: a float cannot tell neighbouring microseconds apart.
        delay = max(0.0, min(waiting) - self._clock.time()) + 0.000_001
        if self._clock.recheck_seconds is not None:
            delay = min(delay, self._clock.recheck_seconds)
        self._handle = self._loop.call_later(delay, self._wake)

    def _wake(self) -> None:
        now = self._clock.time()
        for entry in self._planned.values():
            if entry.due <= now and not entry.is_running:
                entry.is_running = True
                self._begin(self._run(entry.name.casefold(), entry))
        self._schedule()

    def _begin(self, run: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- a run ---------------------------------------------------------------------------------------------------

    async def _run(self, key: str, entry: Planned) -> None:
        began = self._clock.time()
        late = entry.is_past_due or entry.schedule.next_after(entry.due) <= began
        if late:
            log.info("timer %s runs late: it was due at %s", entry.name, timestamp_from_epoch(entry.due))
        try:
            await self._call(entry.definition, _request_of(entry, late))
        except Exception as error:
            if self._is_closed:  # perhaps only because the host is stopping
                log.warning("timer function %s failed while the host stopped, so it runs again: %s", entry.name, error)
                return
            log.exception("timer function %s failed; it runs again at its next time", entry.name)
        now = self._clock.time()
        current = self._planned.get(key)  # a reload may have put another in its place
        if current is None:
            return
        current.last, current.updated, current.is_past_due = (
            timestamp_from_epoch(began),
            timestamp_from_epoch(now),
            False,
        )
        if current is entry or current.due <= began:
            current.due = _next(current.schedule, current.due, now)
        if current.is_monitored:
            record = self._record_of(current)
            await self._in_thread(lambda: self._write(record))
        current = self._planned.get(key)
        if current is not None:
            current.is_running = False
            self._schedule()

    def run_now(self, name: str) -> None:
        """Begin one run that its schedule and its record know nothing of. NotFound, WrongState, Unavailable."""
        entry = self._taken(name)
        self._begin(self._run_by_hand(name.casefold(), entry))

    def begin_by_hand(self, name: str) -> TimerRequest:
        """Take the place of a run, which `end_by_hand` gives back. NotFound, WrongState, Unavailable."""
        return _request_of(self._taken(name))

    def _taken(self, name: str) -> Planned:
        entry = self._planned.get(name.casefold())
        if entry is None:
            raise NotFound(f"there is no timer function {name!r}", hint="dfcli functions")
        if entry.is_running:
            raise WrongState(f"the timer function {entry.name!r} is running", why="it runs once at a time")
        if self._is_closed:
            raise Unavailable("the host is stopping", hint="try again once it runs")
        entry.is_running = True
        return entry

    def end_by_hand(self, name: str) -> None:
        current = self._planned.get(name.casefold())
        if current is not None:
            current.is_running = False
            self._schedule()

    async def _run_by_hand(self, key: str, entry: Planned) -> None:
        try:
            await self._call(entry.definition, _request_of(entry))
        except Exception:
            log.exception("timer function %s, run by hand, failed", entry.name)
        self.end_by_hand(key)

    def _record_of(self, entry: Planned) -> ScheduleRecord:
        return ScheduleRecord(
            function=entry.name,
            schedule=entry.schedule.text,
            time_zone=self._time_zone,
            last=entry.last,
            next=timestamp_from_epoch(entry.due),
            last_updated=entry.updated,
        )

    def _write(self, record: ScheduleRecord) -> None:
        try:
            self._records.write(record)
        except OSError as error:
            log.warning("the run of timer %s is not on record, so it may be repeated: %s", record.function, error)

    # -- the end -------------------------------------------------------------------------------------------------

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, and give the runs under way so long to end."""
        self._is_closed = True
        self._schedule()
        if self._tasks and seconds > 0:
            _, left = await asyncio.wait(self._tasks, timeout=seconds)
            if left:
                log.warning("%d timer functions are still running; they run again at the next start", len(left))

    def close(self) -> None:
        self._is_closed = True
        self._schedule()
        for task in self._tasks:
            task.cancel()


def _request_of(entry: Planned, past_due: bool = False) -> TimerRequest:
    due = timestamp_from_epoch(entry.due)
    status = {"Last": entry.last, "Next": due, "LastUpdated": entry.updated}
    return TimerRequest(past_due=past_due, schedule_status=status)


def _next(schedule: Schedule, due: float, now: float) -> float:
    """The first time after now. An interval keeps its beat: its times are counted from the one before."""
    if not schedule.is_interval:
        return schedule.next_after(max(due, now))
    step = schedule.next_after(0.0)
    return due + step * (int(max(0.0, now - due) / step) + 1)
