"""Random orchestrators under random interleavings: whatever happens live happens again on replay."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from dfcli.engine.execution import Execution
from dfcli.model import history as h
from tests.engine.driver import Driver
from tests.engine.programs import EVENT_NAMES, Program, as_coroutine, as_generator, programs

EPISODES_MAX = 60


class Chaos:
    """Drives one instance by choices drawn from hypothesis."""

    def __init__(self, driver: Driver, data: st.DataObject) -> None:
        self.driver = driver
        self.data = data
        self.batches: list[tuple[list[h.Inbound], h.OrchestratorStarted]] = []

    def run(self) -> None:
        rules = self.draw(st.sampled_from([h.REPLAY_RULES, h.AZURE_RULES]))
        self.driver.start("o", 1, rules=rules)
        if self.draw(st.integers(0, 9)) == 0:
            self.driver.arrive(h.ExecutionSuspended, reason="before it ran")
        self.episode()
        while not self.driver.execution.is_finished and len(self.batches) < EPISODES_MAX:
            for _ in range(self.draw(st.integers(1, 3))):
                self.something_arrives()
            self.episode()

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self.data.draw(strategy)

    def something_arrives(self) -> None:
        driver = self.driver
        work = driver.open_work()
        choice = self.draw(st.integers(0, 19))
        if driver.execution.is_suspended and choice < 10:
            driver.arrive(h.ExecutionResumed)
        elif choice == 0:
            driver.arrive(h.ExecutionSuspended)
        elif choice == 1 and len(self.batches) > 5 and self.draw(st.integers(0, 3)) == 0:
            driver.arrive(h.ExecutionTerminated, reason="enough")
        elif choice == 2:
            driver.complete(self.draw(st.integers(0, 5)), "stray or duplicate")
        elif choice < 7 or not work:
            driver.raise_event(self.draw(st.sampled_from([*EVENT_NAMES, "RED", "other"])), len(self.batches))
        else:
            kind, event_id = self.draw(st.sampled_from(work))
            self.settle(kind, event_id)

    def settle(self, kind: str, event_id: int) -> None:
        driver, execution = self.driver, self.driver.execution
        if kind == "timer":
            driver.fire(event_id)
        elif kind == "task":
            scheduled = execution.open_tasks[event_id]
            if scheduled.name == "ok" or (scheduled.name == "flaky" and scheduled.attempt == 3):
                driver.complete(event_id, f"result {event_id}")
            else:
                driver.fail(event_id, ValueError(f"attempt {scheduled.attempt}"))
        elif execution.open_children[event_id].name == "ok":
            driver.complete_child(event_id, "grown")
        else:
            driver.fail_child(event_id, ValueError("child"))

    def episode(self) -> None:
        inbound = list(self.driver.inbox)
        started = self.driver.episode().events[0]
        assert isinstance(started, h.OrchestratorStarted)
        self.batches.append((inbound, started))


def chaos(program: Program, data: st.DataObject, **options: Any) -> Chaos:
    made = Chaos(Driver({"o": as_generator(program)}, **options), data)
    made.run()
    note(f"status {made.driver.status}, {len(made.driver.history)} events")
    return made


def written(events: list[h.Event]) -> list[bytes]:
    return [h.encode_members(event) for event in events]


@given(program=programs, data=st.data())
@settings(max_examples=200, deadline=None, print_blob=True)
def test_a_history_cut_at_any_episode_replays_and_then_goes_on_to_the_same_decisions(
    program: Program, data: st.DataObject
) -> None:
    made = chaos(program, data)
    driver = made.driver
    for cut in {data.draw(st.integers(0, len(made.batches))), len(made.batches)}:
        end = made.batches[cut][0][0].seq - 1 if cut < len(made.batches) else len(driver.history)
        execution = Execution.replay(driver.lookup, driver.history[:end], driver.key)
        assert execution.differences == []
        assert execution.unconsumed == []
        for (inbound, started), episode in zip(made.batches[cut:], driver.episodes[cut:], strict=True):
            again = execution.deliver(inbound, started)
            assert written(again.events) == written(episode.events)
            assert again.cancelled_timers == episode.cancelled_timers
            assert again.carried == episode.carried
        assert execution.open_tasks == driver.execution.open_tasks
        assert execution.open_timers == driver.execution.open_timers
        assert execution.open_children == driver.execution.open_children
        assert execution.next_event_id == driver.execution.next_event_id
        assert execution.waits() == driver.execution.waits()
        assert execution.unread == driver.execution.unread
        execution.close()
    driver.execution.close()


@given(program=programs, data=st.data())
@settings(max_examples=60, deadline=None, print_blob=True)
def test_replaying_before_every_episode_makes_no_difference(program: Program, data: st.DataObject) -> None:
    made = chaos(program, data, always_replay=True)
    resident = Execution(made.driver.lookup, made.driver.key)
    for (inbound, started), episode in zip(made.batches, made.driver.episodes, strict=True):
        assert written(resident.deliver(inbound, started).events) == written(episode.events)
    resident.close()
    made.driver.execution.close()


@given(program=programs, data=st.data())
@settings(max_examples=100, deadline=None, print_blob=True)
def test_a_generator_and_a_coroutine_of_the_same_program_decide_alike(program: Program, data: st.DataObject) -> None:
    made = chaos(program, data)
    other = Execution(Driver({"o": as_coroutine(program)}).lookup, made.driver.key)
    for (inbound, started), episode in zip(made.batches, made.driver.episodes, strict=True):
        again = other.deliver(inbound, started)
        assert [_without_trace(event) for event in again.events] == [_without_trace(event) for event in episode.events]
    other.close()
    made.driver.execution.close()


@given(program=programs, data=st.data())
@settings(max_examples=100, deadline=None, print_blob=True)
def test_histories_hold_their_invariants(program: Program, data: st.DataObject) -> None:
    driver = chaos(program, data).driver
    history = driver.history
    assert [event.seq for event in history] == list(range(1, len(history) + 1))
    numbers = [event.event_id for event in history if event.event_id >= 0]
    assert numbers == list(range(len(numbers))), "decisions are numbered in order, without gaps"
    ends = [event for event in history if isinstance(event, h.ExecutionCompleted | h.ContinueAsNew)]
    assert len(ends) == driver.execution.is_finished
    raised = Counter(event.seq for event in history if isinstance(event, h.EventRaised))
    unread = Counter(event.seq for event in driver.execution.unread)
    assert unread <= raised, "an event is read by one wait, or unread, never both and never twice"
    driver.execution.close()


def _without_trace(event: h.Event) -> Any:
    """Tracebacks name the interpreter's own lines, which differ between the two."""
    if isinstance(event, h.ExecutionCompleted):
        return event.event_id, event.orchestration_status, h.result_of(event).json_text, event.caused_by
    return h.encode_members(event)
