"""Rules of the host, each left out of the shipped code by a patch: the campaign must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from dfcli.engine.entity import Entity
from dfcli.engine.execution import Execution
from dfcli.host.draft import Draft
from dfcli.host.entities import Entities
from dfcli.host.entity_delivery import EntityDelivery
from dfcli.host.host import Host
from dfcli.host.lane import Lane
from dfcli.host.recording import Recorder
from dfcli.host.requests import Requests
from dfcli.host.scheduler import Scheduler
from tests.simulation.host.campaign import run_life
from tests.simulation.host.checks import Figures

CRASHES_PER_LIFE = 20

Mutant = Callable[[], Any]


def answer_before_the_commit() -> Any:
    submit = Scheduler.submit

    def hasty(self: Scheduler, draft: Draft) -> None:
        for future in draft.acknowledgements:
            if not future.done():
                future.set_result(None)
        submit(self, draft)

    return patch.object(Scheduler, "submit", hasty)


def answer_a_repeated_request_by_what_is_submitted() -> Any:
    async def hasty(self: Requests, lane: Lane) -> None:
        del lane
        await self.committer.barrier()

    return patch.object(Requests, "_caught_up", hasty)


@contextmanager
def start_activities_before_the_commit() -> Iterator[None]:
    submit, hosts = Scheduler.submit, []
    start = Host.start

    async def remember(self: Host) -> None:
        hosts[:] = [self]
        await start(self)

    def hasty(self: Scheduler, draft: Draft) -> None:
        submit(self, draft)
        calls, draft.calls = draft.calls, []
        if calls and hasattr(hosts[0], "_timers"):
            hosts[0]._start(calls)

    with patch.object(Scheduler, "submit", hasty), patch.object(Host, "start", remember):
        yield


def forget_open_activities_at_a_start() -> Any:
    return patch.object(Execution, "open_tasks", property(lambda _: {}))


def forget_open_timers_at_a_start() -> Any:
    return patch.object(Execution, "open_timers", property(lambda _: {}))


def keep_a_childs_end_from_its_parent() -> Any:
    return patch.object(Recorder, "_tell_parent", lambda *_: None)


def drop_unread_events_at_continue_as_new() -> Any:
    proceed = Recorder._continue

    def forgetful(self: Recorder, lane: Lane, last: Any, episode: Any, draft: Draft) -> None:
        episode.carried = []
        proceed(self, lane, last, episode, draft)

    return patch.object(Recorder, "_continue", forgetful)


def forget_what_no_episode_saw() -> Any:
    replay = Execution._replay

    def forgetful(self: Execution, history: Any) -> None:
        replay(self, history)
        self.unconsumed = []

    return patch.object(Execution, "_replay", forgetful)


def run_operations_before_the_commit() -> Any:
    next_batch = Entity.next_batch

    def hasty(self: Entity, most: int, upto: int) -> Any:
        del upto
        return next_batch(self, most, 1 << 60)

    return patch.object(Entity, "next_batch", hasty)


def keep_the_answers_of_entities_from_their_callers() -> Any:
    return patch.object(EntityDelivery, "answer", lambda *_: None)


def let_the_locks_of_an_ended_instance_be() -> Any:
    return patch.object(EntityDelivery, "owner_ended", lambda *_, **__: 0)


def serve_everybody_while_locked() -> Any:
    lock = Entity._lock

    def open_to_all(self: Entity, event: Any) -> None:
        lock(self, event)
        if self.locked_by is not None:
            owned = self._owned
            self._queue = type(owned)({**self._queue, **owned})
            self._owned = self._queue

    return patch.object(Entity, "_lock", open_to_all)


def forget_what_waits_at_a_roll_over() -> Any:
    return patch.object(Entity, "operations_waiting", lambda _: [])


def count_a_repeated_signal_again() -> Any:
    receive = Entity._receive

    def forgetful(self: Entity, event: Any) -> None:
        receive(self, event)
        self.recent.clear()

    return patch.object(Entity, "_receive", forgetful)


def leave_operations_that_wait_alone_at_a_start() -> Any:
    return patch.object(Entities, "take_up", lambda *_: None)


MUTANTS: tuple[Mutant, ...] = (
    answer_before_the_commit,
    answer_a_repeated_request_by_what_is_submitted,
    start_activities_before_the_commit,
    forget_open_activities_at_a_start,
    forget_open_timers_at_a_start,
    keep_a_childs_end_from_its_parent,
    drop_unread_events_at_continue_as_new,
    forget_what_no_episode_saw,
    run_operations_before_the_commit,
    keep_the_answers_of_entities_from_their_callers,
    let_the_locks_of_an_ended_instance_be,
    serve_everybody_while_locked,
    forget_what_waits_at_a_roll_over,
    count_a_repeated_signal_again,
    leave_operations_that_wait_alone_at_a_start,
)


def hunt(mutant: Mutant, *, first_seed: int, crashes_max: int) -> str:
    """How the campaign noticed, and after how many crashes; empty when it did not."""
    figures = Figures()
    seed = first_seed
    with mutant():
        while figures.crashes < crashes_max:
            try:
                run_life(seed, CRASHES_PER_LIFE, figures)
            except Exception as error:
                return f"after {figures.crashes} crashes, in life {seed}: {type(error).__name__}: {str(error)[:200]}"
            seed += 1
    return ""
