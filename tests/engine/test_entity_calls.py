"""Orchestrators that call, signal and lock entities; what is recorded, and what replays to the same."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw

from dfcli.authoring.entity_id import EntityId
from dfcli.authoring.failures import TaskFailedError
from dfcli.engine.execution import Execution
from dfcli.model import history as h
from dfcli.model.entity_messages import LOCK_GRANTED, failure_response, message_of, result_response
from dfcli.model.failure import describe
from dfcli.model.payload import Payload, encode
from tests.engine.driver import Driver

Gen = Generator[Any, Any, Any]
A = EntityId("Counter", "a")
B = EntityId("Counter", "b")


def run(orchestrator: Callable[..., Any], *, always_replay: bool = False) -> Driver:
    driver = Driver({"o": orchestrator}, always_replay=always_replay).start("o")
    driver.episode()
    return driver


def sent(driver: Driver) -> list[h.EventSent]:
    return [event for event in driver.history if isinstance(event, h.EventSent)]


def answer(driver: Driver, event: h.EventSent, value: Any) -> None:
    raw = failure_response(describe(value)) if isinstance(value, BaseException) else result_response(encode(value))
    driver.arrive(h.EventRaised, name=message_of(event).id, input=raw, sender=event.target_instance_id)
    driver.episode()


def grant(driver: Driver) -> None:
    request = next(event for event in reversed(sent(driver)) if message_of(event).lockset)
    raw = result_response(Payload(text=LOCK_GRANTED))
    driver.arrive(h.EventRaised, name=message_of(request).id, input=raw, sender="@counter@b")
    driver.episode()


def shapes(driver: Driver) -> list[str]:
    return [f"{e.name} {e.target_instance_id} {message_of(e).op or message_of(e).lockset or ''}" for e in sent(driver)]


def calls(c: Any) -> Gen:
    c.signal_entity(A, "add", 2)
    return (yield c.call_entity(A, "get"))


@pytest.mark.parametrize("always_replay", [False, True])
def test_a_signal_and_a_call_are_sent_and_the_answer_completes_the_call(always_replay: bool) -> None:
    driver = run(calls, always_replay=always_replay)
    assert shapes(driver) == ["op @counter@a add", "op @counter@a get"]
    first, second = (json.loads(bytes(event.input)) for event in sent(driver))  # type: ignore[arg-type]
    assert first == {"op": "add", "signal": True, "input": "2", "id": first["id"]} | {
        "parent": "i1",
        "parentExecution": "e" * 32,
    }
    assert "signal" not in second
    assert first["id"] != second["id"]
    answer(driver, sent(driver)[1], 42)
    assert driver.output == 42
    assert driver.replayed().differences == []


def test_the_id_of_a_message_is_the_one_that_durable_functions_makes() -> None:
    driver = run(calls)
    first = message_of(sent(driver)[0])
    # uuid5 of the namespace below and "i1_2026-01-05T10:00:00.0100000Z_0"
    namespace = uuid.UUID("9e952958-5e33-4daf-827f-2fa12937b875")
    assert first.id == str(uuid.uuid5(namespace, "i1_2026-01-05T10:00:00.0100000Z_0"))


def test_a_failed_operation_raises_at_the_call_with_its_own_message() -> None:
    def o(c: Any) -> Gen:
        try:
            yield c.call_entity(A, "fail")
        except TaskFailedError as error:
            return [str(error), error.error_type, error.is_caused_by(ValueError), error.task_name]

    driver = run(o)
    answer(driver, sent(driver)[0], ValueError("no"))
    assert driver.output == ["no", "ValueError", True, "fail"]


def test_the_failure_of_an_operation_that_nobody_catches_fails_the_instance_and_is_named_as_its_cause() -> None:
    def o(c: Any) -> Gen:
        yield c.call_entity(A, "fail")

    driver = run(o)
    answer(driver, sent(driver)[0], ValueError("no"))
    assert driver.status == "Failed"
    answered = next(event for event in driver.history if isinstance(event, h.EventRaised))
    assert driver.last.caused_by == answered.seq


def test_an_answer_never_reaches_a_wait_for_an_external_event() -> None:
    def o(c: Any) -> Gen:
        call = c.call_entity(A, "get")
        event = c.wait_for_external_event(message_of(sent_by[0]).id if sent_by else "?")
        winner = yield c.task_any([event, call])
        return winner is call

    sent_by: list[h.EventSent] = []
    driver = run(o)
    sent_by.append(sent(driver)[0])
    driver.execution.close()
    again = Driver({"o": o}).start("o")
    again.episode()
    answer(again, sent(again)[0], 1)
    assert again.output is True


def test_a_late_answer_is_carried_to_no_later_generation() -> None:
    def o(c: Any) -> Gen:
        c.call_entity(A, "get")
        yield c.wait_for_external_event("go")
        c.continue_as_new(1)

    driver = run(o)
    driver.raise_event("go")
    driver.arrive(
        h.EventRaised, name=message_of(sent(driver)[0]).id, input=result_response(encode(1)), sender="@counter@a"
    )
    driver.raise_event("kept")
    episode = driver.episode()
    assert [event.name for event in episode.carried] == ["kept"]


def test_a_delayed_signal_says_when_it_is_due() -> None:
    def o(c: Any) -> Gen:
        c.signal_entity(A, "ring", None, datetime(2026, 1, 5, 11, tzinfo=UTC))
        yield c.wait_for_external_event("never")

    driver = run(o)
    (event,) = sent(driver)
    assert event.name == "op@2026-01-05T11:00:00.000000Z"
    assert message_of(event).due == "2026-01-05T11:00:00.000000Z"


def test_yielding_a_signal_gives_none_at_once() -> None:
    def o(c: Any) -> Gen:
        return (yield c.signal_entity(A, "add", 1))

    driver = run(o)
    assert (driver.status, driver.output) == ("Completed", None)


def section(c: Any) -> Gen:
    with (yield c.lock_entities([B, A, A])):
        before = yield c.call_entity(A, "get")
        yield c.call_entity(B, "set", before)
    return before


async def section_async(c: Any) -> Any:
    async with c.lock_entities([B, A]):
        before = await c.call_entity(A, "get")
        await c.call_entity(B, "set", before)
    return before


async def section_with_await(c: Any) -> Any:
    with await c.lock_entities([B, A]):
        before = await c.call_entity(A, "get")
        await c.call_entity(B, "set", before)
    return before


@pytest.mark.parametrize("always_replay", [False, True])
@pytest.mark.parametrize("orchestrator", [section, section_async, section_with_await])
def test_a_critical_section_locks_in_order_and_releases_what_it_locked(
    orchestrator: Callable[..., Any], always_replay: bool
) -> None:
    driver = run(orchestrator, always_replay=always_replay)
    assert shapes(driver) == ["op @counter@a ['@counter@a', '@counter@b']"]
    grant(driver)
    answer(driver, sent(driver)[1], 7)
    answer(driver, sent(driver)[2], None)
    assert shapes(driver)[1:] == [
        "op @counter@a get",
        "op @counter@b set",
        "release @counter@a ",
        "release @counter@b ",
    ]
    assert driver.output == 7
    assert driver.replayed().differences == []


def test_leaving_by_an_exception_releases_too() -> None:
    def o(c: Any) -> Gen:
        with (yield c.lock_entities([A])):
            raise RuntimeError("inside")

    driver = run(o)
    grant(driver)
    assert driver.status == "Failed"
    assert shapes(driver)[-1] == "release @counter@a "


def test_dropping_the_code_inside_a_section_releases_nothing() -> None:
    driver = run(section)
    grant(driver)
    lines = list(driver.history)
    driver.execution.close()
    assert driver.history == lines
    back = driver.replayed()
    assert [wait.name for wait in back.waits()] == ["get"]
    back.close()


def refusals(body: Callable[[Any], Any]) -> str:
    """What a call inside the critical section of `a` is refused with."""

    def o(c: Any) -> Gen:
        with (yield c.lock_entities([A])):
            try:
                body(c)
            except Exception as error:
                return str(error)
            return "allowed"

    driver = run(o)
    grant(driver)
    return str(driver.output)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (lambda c: c.call_sub_orchestrator("x"), "While holding locks, cannot call suborchestrators."),
        (lambda c: c.signal_entity(A, "x"), "Must not signal a locked entity from a critical section."),
        (
            lambda c: c.call_entity(B, "x"),
            "Must not call an entity from a critical section if it is not one of the locked entities.",
        ),
        (
            lambda c: [c.call_entity(A, "x"), c.call_entity(A, "x")],
            "Must not call an entity from a critical section while a prior call to the same entity is still pending.",
        ),
        (
            lambda c: c.lock_entities([B]),
            "Must not enter another critical section from within a critical section.",
        ),
        (lambda c: c.signal_entity(B, "x"), "allowed"),
        (lambda c: c.call_entity(A, "x"), "allowed"),
    ],
)
def test_the_rules_of_a_critical_section(body: Callable[[Any], Any], text: str) -> None:
    assert refusals(body) == text


def test_before_the_lock_is_granted_no_entity_may_be_called() -> None:
    def o(c: Any) -> Gen:
        c.lock_entities([A])
        yield c.call_entity(A, "x")

    driver = run(o)
    assert "Must await the completion of the lock request prior to calling any entity." in driver.output


def test_an_empty_lock_set_is_refused() -> None:
    def o(c: Any) -> Gen:
        yield c.lock_entities([])

    assert "must not be empty" in run(o).output


def test_a_section_that_was_left_does_not_release_the_next_one() -> None:
    def o(c: Any) -> Gen:
        first = yield c.lock_entities([A])
        first.release()
        second = yield c.lock_entities([A])
        first.release()
        return (yield c.call_entity(A, "get")), second.entities

    driver = run(o)
    grant(driver)
    grant(driver)
    assert [shape.split()[0] for shape in shapes(driver)] == ["op", "release", "op", "op"]


def test_a_history_whose_message_ids_were_made_elsewhere_is_obeyed() -> None:
    driver = run(calls)
    answer(driver, sent(driver)[1], 5)
    swapped: list[h.Event] = []
    for event in driver.history:
        if isinstance(event, h.EventSent) and message_of(event).op == "get":
            text = bytes(event.input).replace(message_of(event).id.encode(), b"from-elsewhere")  # type: ignore[arg-type]
            event = h.EventSent(
                seq=event.seq,
                event_id=event.event_id,
                timestamp=event.timestamp,
                target_instance_id=event.target_instance_id,
                name=event.name,
                input=Raw(text),
            )
        if isinstance(event, h.EventRaised):
            event = h.EventRaised(
                seq=event.seq, event_id=-1, timestamp=event.timestamp, name="from-elsewhere", input=event.input
            )
        swapped.append(event)
    back = Execution.replay(driver.lookup, swapped, driver.key)
    assert back.is_finished


def test_what_it_waits_for_names_entity_and_operation() -> None:
    driver = run(calls)
    (wait,) = driver.execution.waits()
    assert (wait.kind, wait.name, wait.instance_id) == ("entity", "get", "@counter@a")
