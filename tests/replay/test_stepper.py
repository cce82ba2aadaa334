"""The debugger's view of a history."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from dfcli import replay
from dfcli.authoring.failures import TaskFailedError
from dfcli.engine.execution import UnknownOrchestrator
from dfcli.model import history as h
from dfcli.replay.timeline import timeline
from dfcli.replay.variables import short
from tests.engine.driver import Driver

Gen = Generator[Any, Any, Any]


def helper(context: Any, city: str) -> Gen:
    greeting = yield context.call_activity("say", city)
    return greeting


def hello(context: Any) -> Gen:
    cities = context.get_input()
    first = yield from helper(context, cities[0])
    second = yield context.call_activity("say", cities[1])
    context.set_custom_status("done")
    return [first, second]


def ran(function: Any = hello, input: Any = ("Tokyo", "Seattle")) -> Driver:
    return Driver({"o": function}, {"say": lambda city: f"Hello {city}"}).start("o", input).run()


def seen(driver: Driver, function: Any = None) -> replay.Replay:
    lookup = driver.lookup if function is None else (lambda _name: function)
    return replay.run(driver.history, lookup, key=driver.key)


def test_there_is_one_step_per_line_in_the_order_in_which_the_code_saw_them() -> None:
    driver = ran()
    view = seen(driver)
    assert sorted(step.seq for step in view.steps) == [event.seq for event in driver.history]
    assert [step.seq for step in view.steps] == [2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12]
    assert [step.episode for step in view.steps] == [1] * 4 + [2] * 4 + [3] * 4
    assert (view.divergence, view.warnings, view.is_finished, view.name) == (None, [], True, "o")
    assert msgspec.json.decode(msgspec.json.encode(view), type=replay.Replay) == view


def test_after_an_arrival_it_shows_where_the_code_waits_with_its_variables() -> None:
    start = seen(ran()).steps[1]
    assert [frame.location.function for frame in start.frames] == ["hello", "helper"]
    assert start.frames[0].variables["cities"] == "['Tokyo', 'Seattle']"
    assert start.frames[1].variables == {"context": "<context of 'i1'>", "city": "'Tokyo'"}
    assert start.frames[1].source == 'greeting = yield context.call_activity("say", city)'
    assert start.location == start.frames[1].location
    second = seen(ran()).steps[5]
    assert [frame.location.function for frame in second.frames] == ["hello"]
    assert second.frames[0].variables["first"] == "'Hello Tokyo'"


def test_a_decision_shows_the_line_that_asked_for_it() -> None:
    steps = [step for step in seen(ran()).steps if step.is_decision]
    assert [step.what for step in steps] == [
        'calls activity `say` with "Tokyo"',
        'calls activity `say` with "Seattle"',
        'returns ["Hello Tokyo","Hello Seattle"]: the instance is completed',
    ]
    first = hello.__code__.co_firstlineno
    assert [(step.location.function, step.location.line - first) for step in steps[1:] if step.location] == [
        ("hello", 3),
        ("hello", 5),
    ]


def test_under_azures_rules_a_decision_shows_the_line_that_waits_for_it() -> None:
    def later(context: Any) -> Gen:
        call = context.call_activity("say", "Tokyo")
        context.call_activity("say", "nobody waits")
        return (yield call)

    driver = Driver({"o": later}, {"say": lambda city: f"Hello {city}"}).start("o", rules=h.AZURE_RULES).run()
    view = seen(driver)
    (decision,) = [step for step in view.steps if step.event_type == "TaskScheduled"]
    assert decision.location is not None
    assert decision.location.line == later.__code__.co_firstlineno + 3
    waiting = view.steps[1].frames[0]
    assert waiting.variables["call"] == "<activity 'say', running>"
    assert view.divergence is None


def test_a_failure_shows_the_line_that_raised() -> None:
    def fails(context: Any) -> Gen:
        yield context.create_timer(timedelta(1))
        raise ValueError("boom")

    last = seen(ran(fails)).steps[-2]
    assert last.what == "fails: ValueError: boom"
    assert last.location is not None
    assert last.location.line == fails.__code__.co_firstlineno + 2


def test_a_divergence_ends_the_steps_with_the_arrival_that_led_to_it() -> None:
    def changed(context: Any) -> Gen:
        yield from helper(context, "Kyoto")
        yield context.call_activity("sing")

    view = seen(ran(), changed)
    assert view.divergence is not None
    assert (view.divergence.seq, view.divergence.recorded, view.divergence.asked) == (
        7,
        "activity `say`",
        "asks for activity `sing`",
    )
    assert view.divergence.location is not None
    assert view.divergence.location.line == changed.__code__.co_firstlineno + 2
    assert [step.seq for step in view.steps] == [2, 1, 3, 4, 6, 5]
    assert view.warnings == ['event 3: the input of `say` was recorded as "Tokyo", the code now passes "Kyoto"']


def test_another_output_of_an_ended_instance_is_a_divergence_at_the_line_that_returns() -> None:
    def changed(context: Any) -> Gen:
        first = yield from helper(context, "Tokyo")
        second = yield context.call_activity("say", "Seattle")
        return [second, first]

    view = seen(ran(), changed)
    assert view.divergence is not None
    assert view.divergence.seq == 11
    assert view.divergence.location is not None
    assert view.divergence.location.line == changed.__code__.co_firstlineno + 3
    assert len(view.steps) == 12


def test_a_decision_more_at_the_end_of_an_ended_instance_is_a_divergence() -> None:
    def changed(context: Any) -> Gen:
        yield from helper(context, "Tokyo")
        yield context.call_activity("say", "Seattle")
        yield context.call_activity("say", "Paris")

    view = seen(ran(), changed)
    assert view.divergence is not None
    assert view.divergence.recorded == "the end of the instance as Completed"


def test_a_line_that_no_episode_has_seen_comes_last() -> None:
    driver = Driver({"o": hello}).start("o", ["a", "b"])
    driver.episode()
    driver.complete(0, "x")
    view = seen(driver)
    assert (view.steps[-1].episode, view.steps[-1].seq) == (0, 5)
    assert view.steps[-1].what == 'activity `say` returned "x"; no episode has seen it yet'
    assert not view.is_finished


def test_an_event_that_no_wait_takes_and_an_answer_that_is_too_many_say_so() -> None:
    driver = Driver({"o": hello}).start("o", ["a", "b"])
    driver.episode()
    driver.raise_event("early", 1)
    driver.complete(0, "x")
    driver.complete(0, "y")
    driver.episode()
    what = {step.seq: step.what for step in seen(driver).steps}
    assert what[5] == "event `early` arrived with 1, and no wait takes it yet"
    assert what[7] == 'activity `say` returned "y" (ignored: it was answered before)'


def test_code_that_the_app_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(UnknownOrchestrator, match="no orchestrator 'o'"):
        replay.run(ran().history, lambda _name: None, key=ran().key)


def test_all_kinds_of_lines_are_told_in_words() -> None:
    def everything(context: Any) -> Gen:
        timer = context.create_timer(timedelta(1))
        try:
            yield context.call_activity("bad")
        except TaskFailedError:
            context.set_custom_status({"half": True})
        yield context.call_sub_orchestrator("child", 1)
        yield timer
        yield context.wait_for_external_event("go")
        context.continue_as_new(2)

    driver = Driver({"o": everything}).start("o")
    driver.episode()
    driver.fail(1, ValueError("x"))
    driver.episode()
    driver.arrive(h.ExecutionSuspended, reason="hold")
    driver.complete_child(2, 1)
    driver.fire(0)
    driver.episode()
    driver.arrive(h.ExecutionResumed)
    driver.raise_event("go")
    driver.episode()
    told = " / ".join(step.what for step in seen(driver).steps)
    for part in (
        "activity `bad` failed: ValueError: x",
        'the episode ends, custom status {"half":true}',
        "calls sub-orchestration `child` as 'i1:1:2' with 1",
        "the instance is suspended: hold",
        "the timer due 2026-01-06T10:00:00.010000Z fired",
        "the instance is resumed",
        "continues as new with 2",
    ):
        assert part in told
    turns = timeline(driver.history).turns
    assert [turn.number for turn in turns] == [1, 2, 3, 4]
    assert [len(turn.arrived) for turn in turns] == [1, 1, 3, 2]


class Nasty:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Silent:
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 500, None),
        (Nasty(), "<Nasty, whose repr raised RuntimeError>"),
        ([Nasty()], "[<Nasty, whose repr raised RuntimeError>]"),
        (Silent(), "<Silent>"),
        ({"a": [1, 2, 3, 4, 5, 6, 7, 8]}, "{'a': [1, 2, 3, 4, 5, 6, ...]}"),
        (hello, "<function hello>"),
        (Silent, "<class Silent>"),
        ("two\nlines", "'two\\nlines'"),
    ],
)
def test_variables_are_short_and_safe_to_show(value: Any, text: str | None) -> None:
    shown = short(value)
    assert len(shown) <= 120
    assert "0x" not in shown
    assert text is None or shown == text
