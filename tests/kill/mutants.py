"""Hosts that break a promise on purpose: `python -m tests.kill.mutants NAME run ...` is `dfcli run ...` so broken.

Each is a patch of the shipped code, made here; the product has no switch for it. The campaign must go red for all.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any

MUTANTS: dict[str, Callable[[], None]] = {}


def mutant(patch: Callable[[], None]) -> Callable[[], None]:
    MUTANTS[patch.__name__.replace("_", "-")] = patch
    return patch


def slow_disk(seconds: float) -> None:
    """No mutant by itself: commits come later, as on a slow disk, which breaks nothing that is right."""
    from dfcli.host.committer import Committer

    kick = Committer.kick
    is_coming = False

    def commit(self: Committer) -> None:
        nonlocal is_coming
        is_coming = False
        kick(self)

    def late(self: Committer) -> None:
        nonlocal is_coming
        if not is_coming:
            is_coming = True
            self._loop.call_later(seconds, commit, self)

    Committer.kick = late  # type: ignore[method-assign]


@mutant
def acknowledge_before_commit() -> None:
    """Requests are answered once they are queued."""
    from dfcli.host.requests import Requests

    slow_disk(0.03)

    async def at_once(self: Requests, future: asyncio.Future[None]) -> None:
        self.outstanding.discard(future)

    Requests._until_durable = at_once  # type: ignore[method-assign]


@mutant
def commit_nothing_to_the_disk() -> None:
    """The journal takes every fifth batch and loses the others, as a cache that is never written back would."""
    from dfcli.storage.journal_writer import JournalWriter

    append = JournalWriter.append
    count = 0

    def sometimes(self: JournalWriter, lines: Sequence[bytes]) -> None:
        nonlocal count
        count += 1
        if count % 5 == 1:
            append(self, lines)

    JournalWriter.append = sometimes  # type: ignore[method-assign, assignment]


@mutant
def drop_a_queued_line() -> None:
    """One event in ten is acknowledged, reaches its instance, and is in no transaction."""
    from dfcli.host.lane import Lane
    from dfcli.model.history import EventRaised

    receive = Lane.receive
    count = 0

    def forgetful(self: Lane, event: Any) -> None:
        nonlocal count
        if isinstance(event, EventRaised):
            count += 1
            if count % 10 == 0:
                self.last_seq -= 1
                return
        receive(self, event)

    Lane.receive = forgetful  # type: ignore[method-assign]


@mutant
def forget_request_ids() -> None:
    """A repeated event is one more event."""
    from dfcli.host.requests import Requests

    raise_event = Requests.raise_event

    async def without(self: Requests, *arguments: Any, request_id: str | None = None) -> None:
        await raise_event(self, *arguments)

    Requests.raise_event = without  # type: ignore[method-assign, assignment]


@mutant
def forget_who_started() -> None:
    """A repeated start of an instance that has ended is one more start."""
    from dfcli.host.requests import Requests

    start = Requests.start_instance

    async def without(self: Requests, *arguments: Any, request_id: str | None = None, **more: Any) -> str:
        return await start(self, *arguments, **more)

    Requests.start_instance = without  # type: ignore[method-assign, assignment]


@mutant
def run_activities_before_the_commit() -> None:
    """Effects leave when their episode ends, not when it is durable."""
    from dfcli.host.draft import Draft
    from dfcli.host.host import Host
    from dfcli.host.scheduler import Scheduler

    slow_disk(0.03)
    hosts: list[Host] = []
    start = Host.start
    submit = Scheduler.submit

    async def known(self: Host) -> None:
        hosts.append(self)
        await start(self)

    def early(self: Scheduler, draft: Draft) -> None:
        submit(self, draft)
        ahead = Draft()
        ahead.calls, draft.calls = draft.calls, []
        if ahead.calls:
            hosts[0]._start(ahead.calls)

    Host.start = known  # type: ignore[method-assign]
    Scheduler.submit = early  # type: ignore[method-assign]


@mutant
def run_finished_activities_again() -> None:
    """A start dispatches what the history has a result for, too; the second result is dropped."""
    from dfcli.host.activities import ActivityCall
    from dfcli.host.scheduler import Scheduler
    from dfcli.model.history import TaskScheduled

    take_over = Scheduler._take_over

    def again(self: Scheduler, lane: Any, execution: Any, history: Any, draft: Any) -> None:
        first_time = not lane.loaded_once
        take_over(self, lane, execution, history, draft)
        if first_time:
            done = [e for e in history if isinstance(e, TaskScheduled) and e.event_id not in lane.in_flight]
            draft.calls += [ActivityCall(lane.key, lane.execution_id, event) for event in done]

    Scheduler._take_over = again  # type: ignore[method-assign]


@mutant
def forget_timers_at_a_start() -> None:
    """Timers of histories are not armed again."""
    from dfcli.host.scheduler import Scheduler

    take_over = Scheduler._take_over

    def timeless(self: Scheduler, lane: Any, execution: Any, history: Any, draft: Any) -> None:
        if not lane.loaded_once:
            execution.open_timers.clear()
        take_over(self, lane, execution, history, draft)

    Scheduler._take_over = timeless  # type: ignore[method-assign]


@mutant
def show_what_is_not_durable() -> None:
    """Readers see lines once they are queued."""
    from dfcli.storage.commit import Committer
    from dfcli.storage.published import Published

    slow_disk(0.03)
    submit = Committer.submit
    publish = Published.publish

    def early(self: Committer, sealed: Any) -> None:
        submit(self, sealed)
        publish(self._published, self._published.batch, [sealed])

    def only_count(self: Published, batch: int, committed: Any) -> None:
        publish(self, batch, [])

    Committer.submit = early  # type: ignore[method-assign]
    Published.publish = only_count  # type: ignore[method-assign]


@mutant
def deliver_events_out_of_order() -> None:
    """Of events that wait unread, the newest is taken first."""
    from dfcli.engine.mailbox import Mailbox

    def newest(self: Mailbox, name: str) -> Any:
        buffered = self._buffered.get(name.casefold())
        if not buffered:
            return None
        event = buffered.pop()
        if not buffered:
            del self._buffered[name.casefold()]
        del self.unread[event.seq]
        return event

    Mailbox.take = newest  # type: ignore[method-assign]


@mutant
def forget_a_termination() -> None:
    """The request to terminate is acknowledged and not recorded."""
    from dfcli.host.requests import Requests

    async def nothing(self: Requests, instance_id: str, reason: str = "") -> None:
        await self._live(instance_id)

    Requests.terminate = nothing  # type: ignore[method-assign]


if __name__ == "__main__":
    from dfcli.cli.main import main

    MUTANTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
