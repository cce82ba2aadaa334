"""Random orchestrators whose activities fail until they are fixed: rewound, they end as if nothing had failed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from dfcli.model import history as h
from dfcli.model.payload import decode
from dfcli.model.voids import effective
from dfcli.storage.invariants import check_execution
from tests.engine.driver import Driver
from tests.engine.programs import Ask, Note, Program, Start, Statement, Wait, as_coroutine, as_generator, programs
from tests.engine.rewinding import rewind

REWINDS_MAX = 8
RUNS_MAX = 200

_leaves = st.one_of(
    st.builds(
        Ask, st.sampled_from(["activity", "activity", "retried"]), st.sampled_from(["ok", "fails"]), st.integers(0, 9)
    ),
    st.builds(Ask, st.just("timer"), number=st.integers(-5, 50)),
    st.builds(Ask, st.sampled_from(["child", "child-retried"]), st.just("ok"), st.integers(0, 9)),
)
_asks = st.recursive(
    _leaves, lambda p: st.builds(lambda t: Ask("all", parts=tuple(t)), st.lists(p, max_size=4)), max_leaves=6
)
_statements: st.SearchStrategy[Statement] = st.one_of(
    st.builds(Wait, _asks), st.builds(Start, _asks, st.booleans()), st.builds(Note)
)
failing_programs: st.SearchStrategy[Program] = st.lists(_statements, min_size=1, max_size=5).map(tuple)


class World:
    """Activities and children: those called `fails` do so while the world is broken, now and then."""

    def __init__(self, driver: Driver, data: st.DataObject) -> None:
        self.driver = driver
        self.data = data
        self.is_broken = True
        self.succeeded: Counter[int] = Counter()
        """By event id."""

    def run(self) -> None:
        driver = self.driver
        if driver.inbox:
            driver.episode()
        for _ in range(RUNS_MAX):
            if driver.execution.is_finished or not (work := driver.open_work()):
                return
            for _ in range(self.data.draw(st.integers(1, 3))):
                if work := driver.open_work():
                    self.settle(*self.data.draw(st.sampled_from(work)))
            driver.episode()

    def settle(self, kind: str, event_id: int) -> None:
        driver = self.driver
        answered = {getattr(e, "task_scheduled_id", getattr(e, "timer_id", None)) for e in driver.inbox}
        if event_id in answered:
            return
        if kind == "timer":
            driver.fire(event_id)
        elif kind == "child":
            driver.complete_child(event_id, f"child {event_id}")
        else:
            scheduled = driver.execution.open_tasks[event_id]
            if scheduled.name != "ok" and self.is_broken and self.data.draw(st.integers(0, 3)):
                driver.fail(event_id, ValueError("broken"))
            else:
                self.succeeded[event_id] += 1
                driver.complete(event_id, f"{scheduled.name} {decode(scheduled.input, scheduled.input_text)}")


def clean_output(program: Program, make: Any, rules: str) -> Any:
    driver = Driver({"o": make(program)}).start("o", rules=rules)
    driver.episode()
    while not driver.execution.is_finished and (work := driver.open_work()):
        kind, event_id = work[0]
        if kind == "timer":
            driver.fire(event_id)
        elif kind == "child":
            driver.complete_child(event_id, "child")
        else:
            scheduled = driver.execution.open_tasks[event_id]
            driver.complete(event_id, f"{scheduled.name} {decode(scheduled.input, scheduled.input_text)}")
        driver.episode()
    return driver.output


def comparable(output: Any) -> Any:
    """Without ids of children and uuids, which depend on times and attempts."""
    if isinstance(output, list):
        return [comparable(part) for part in output]
    if isinstance(output, str) and (output.startswith("child") or output.count("-") == 4):
        return "…"
    return output


@given(program=failing_programs, data=st.data())
@settings(max_examples=200, deadline=None, print_blob=True)
def test_a_run_that_is_rewound_once_its_activities_are_fixed_ends_as_if_they_had_never_failed(
    program: Program, data: st.DataObject
) -> None:
    make = data.draw(st.sampled_from([as_generator, as_coroutine]))
    driver = Driver({"o": make(program)})
    world = World(driver, data)
    rules = data.draw(st.sampled_from([h.REPLAY_RULES, h.AZURE_RULES]))
    driver.start("o", rules=rules)
    world.run()
    rewinds = 0
    undone: Counter[int] = Counter()
    while driver.status == "Failed":
        rewinds += 1
        world.is_broken = rewinds < REWINDS_MAX and data.draw(st.booleans())
        planned = rewind(driver)
        undone.update(e.task_scheduled_id for e in planned.voided if isinstance(e, h.TaskCompleted))
        world.run()
    note(f"{rewinds} rewinds, {len(driver.history)} events")
    assert driver.status == "Completed", driver.status
    assert comparable(driver.output) == comparable(clean_output(program, make, rules))
    again = driver.replayed()
    assert again.differences == []
    assert check_execution(driver.history) == []
    numbers = [e.event_id for e in effective(driver.history) if e.event_id >= 0]
    assert sorted(numbers) == list(range(len(numbers))), "numbers of decisions that count have no gaps"
    for event_id, times in world.succeeded.items():
        assert times <= 1 + undone[event_id], "an activity whose success the rewind left standing does not run again"


@given(program=programs, data=st.data())
@settings(max_examples=150, deadline=None, print_blob=True)
def test_whatever_failed_can_be_rewound_and_its_history_replays_at_every_cut(
    program: Program, data: st.DataObject
) -> None:
    driver = Driver({"o": as_generator(program)})
    world = World(driver, data)
    rules = data.draw(st.sampled_from([h.REPLAY_RULES, h.AZURE_RULES]))
    driver.start("o", rules=rules)
    for name in ("red", "Blue", "red"):
        driver.raise_event(name, 1)
    world.run()
    for _ in range(3):
        if driver.status != "Failed":
            break
        failures = [e.seq for e in driver.history if isinstance(e, h.TaskFailed)]
        by_hand = data.draw(st.booleans())
        cut = data.draw(st.sampled_from([2, len(driver.history), *failures])) if by_hand else None
        rewind(driver, cut=cut)
        world.run()
    for position, event in enumerate(driver.history):
        if isinstance(event, h.OrchestratorCompleted):
            again = Driver(driver.orchestrators, history=driver.history[: position + 1]).replayed()
            again.close()
    assert driver.replayed().differences == []
    assert check_execution(driver.history) == []
