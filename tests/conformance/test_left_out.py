"""The closed list of what the vendor's executor gets wrong and ours does not, and of what it has no part in.

Each test shows ours beside the vendor's: when an SDK mends one of these, its test fails, and the entry can go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from dfcli.host.host import Host
from dfcli.model import payload as payloads
from tests.conformance.constructs import activities, entities
from tests.conformance.differential import Difference, app_of, compare
from tests.conformance.programs import INSTANCE, Step
from tests.host.running import VirtualMachine

Gen = Generator[Any, Any, Any]
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def play(orchestrator: Callable[[Any], Any], *script: Step, is_replaying: bool = True) -> tuple[Any, Exception | None]:
    """Our output, and how the vendor's executor disagrees; None when it agrees."""
    app = app_of({"o": orchestrator}, activities(), entities())

    async def scenario(host: Host) -> tuple[Any, Exception | None]:
        await host.client.start_new("o", INSTANCE)
        passed = 0.0
        for step in script:
            await asyncio.sleep(step.at - passed)
            passed = step.at
            if step.verb == "raise":
                await host.client.raise_event(INSTANCE, step.text, step.value)
            else:
                await getattr(host.client, step.verb)(INSTANCE, step.text)
        status = await host.client.wait(INSTANCE, timeout=10_000)
        try:
            compare(app, host, is_replaying=is_replaying)
        except Exception as error:
            return status.output, error
        return status.output, None

    found: tuple[Any, Exception | None] = VirtualMachine().run(app.registry, scenario)
    return found


def test_a_compound_within_a_compound_completes_once() -> None:
    def orchestrator(context: Any) -> Gen:
        inner = context.task_all([context.call_activity("fails", 1), context.call_activity("slow", 2)])
        winner = yield context.task_any([inner, context.call_activity("slow", 9)])
        yield context.call_activity("slow", 5)
        return winner.state.name

    ours, theirs = play(orchestrator)
    assert ours == "FAILED"
    assert "completed twice" in str(theirs)


def test_a_task_all_that_failed_stays_failed() -> None:
    def orchestrator(context: Any) -> Gen:
        both = context.task_all([context.call_activity("fails", 1), context.call_activity("slow", 2)])
        states = []
        for _ in range(2):
            try:
                yield both
            except Exception:
                states.append(both.state.name)
            yield context.call_activity("slow", 5)
        return states

    ours, theirs = play(orchestrator)
    assert ours == ["FAILED", "FAILED"]
    assert isinstance(theirs, Difference)


def test_events_that_come_early_are_kept_in_order_and_given_once() -> None:
    def orchestrator(context: Any) -> Gen:
        yield context.call_activity("slow", 5)
        first = yield context.wait_for_external_event("Item")
        second = yield context.wait_for_external_event("Item")
        return [first, second]

    ours, theirs = play(orchestrator, Step(1, "raise", "Item", 1), Step(2, "raise", "Item", 2), is_replaying=False)
    assert ours == [1, 2]
    assert isinstance(theirs, Difference)
    assert theirs.theirs == [("ends", "Completed", [2, 2])], "the last one, to every wait"


def test_the_names_of_events_match_in_any_case() -> None:
    def orchestrator(context: Any) -> Gen:
        return (yield context.wait_for_external_event("Approval"))

    ours, theirs = play(orchestrator, Step(1, "raise", "approval", True))
    assert ours is True
    assert isinstance(theirs, Difference)
    assert theirs.theirs == []


def test_an_event_that_came_early_is_new_to_the_code_that_takes_it() -> None:
    def orchestrator(context: Any) -> Gen:
        yield context.call_activity("slow", 5)
        yield context.wait_for_external_event("Go")

    _, theirs = play(orchestrator, Step(1, "raise", "Go", 1))
    assert isinstance(theirs, Difference)
    assert theirs.what == "is_replaying"
    assert (theirs.ours[-1], theirs.theirs[-1]) == (False, True)


def test_code_after_an_empty_compound_knows_that_it_is_replayed() -> None:
    def orchestrator(context: Any) -> Gen:
        yield context.task_all([])
        yield context.call_activity("ok", 1)

    _, theirs = play(orchestrator)
    assert isinstance(theirs, Difference)
    assert (theirs.ours, theirs.theirs) == ([True, True, False], [True, False, False])


def test_a_custom_status_of_nothing_is_a_status() -> None:
    def orchestrator(context: Any) -> Gen:
        seen = []
        for status in ("first", 0, "", False, []):
            context.set_custom_status(status)
            yield context.call_activity("ok", 1)
            seen.append(context.custom_status)
        return seen

    app = app_of({"o": orchestrator}, activities(), entities())

    async def scenario(host: Host) -> Any:
        await host.client.start_new("o", INSTANCE)
        await host.client.wait(INSTANCE, timeout=100)
        summary = host.summary(INSTANCE)
        assert summary is not None
        assert compare(app, host), "the vendor's sends none of them, so that `first` would stay"
        return payloads.decode(*summary.custom_status)

    assert VirtualMachine().run(app.registry, scenario) == []


def test_the_vendors_executor_has_no_part_in_a_suspension() -> None:
    def orchestrator(context: Any) -> Gen:
        word = yield context.wait_for_external_event("Word")
        return word

    ours, theirs = play(
        orchestrator, Step(1, "suspend", "hold"), Step(2, "raise", "Word", "kept"), Step(3, "resume", "go on")
    )
    assert ours == "kept"
    assert isinstance(theirs, Difference), "its host hands it nothing meanwhile: that is the host's to do"


def test_an_output_with_an_object_of_the_apps_is_written() -> None:
    class Money:
        @staticmethod
        def to_json(_: Money) -> dict[str, int]:
            return {"cents": 5}

    def orchestrator(context: Any) -> Gen:
        yield context.call_activity("ok", 1)
        return Money()

    ours, theirs = play(orchestrator)
    assert ours["__data__"] == {"cents": 5}
    assert isinstance(theirs, Difference)
    assert "not JSON serializable" in str(theirs.theirs)


def test_a_rewound_history_is_replayed_by_ours_alone() -> None:
    """The vendor's host writes a history anew when it rewinds, so its executor need not know what was voided."""
    fails = {"once": True}

    def orchestrator(context: Any) -> Gen:
        first = yield context.call_activity("ok", 1)
        return [first, (yield context.call_activity("at_first", 2))]

    def at_first(value: Any) -> Any:
        if fails.pop("once", False):
            raise ValueError("no")
        return value

    app = app_of({"o": orchestrator}, {**activities(), "at_first": at_first}, entities())

    async def scenario(host: Host) -> Any:
        await host.client.start_new("o", INSTANCE)
        await host.client.wait(INSTANCE, timeout=100)
        await host.client.rewind(INSTANCE, "again")
        status = await host.client.wait(INSTANCE, timeout=100)
        with pytest.raises(Difference):
            compare(app, host)
        return status.output

    assert VirtualMachine().run(app.registry, scenario) == [1, 2]
