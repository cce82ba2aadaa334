"""The context by itself: what it turns calls into, names, ids, and what it refuses."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dfcli.authoring.app import DFApp
from dfcli.authoring.context import OrchestrationContext, Wishes, function_name
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import ActivityTask, EventTask, Task, TimerTask
from dfcli.authoring.typed import as_type
from dfcli.errors import InvalidArgument, PayloadTooLarge
from dfcli.model.payload import NOTHING, Payload, encode

app = DFApp()


@app.activity_trigger(activity="SayHello")
def say(city: str) -> str:
    return f"Hello {city}"


@app.orchestration_trigger()
def main(context: Any) -> None:
    pass


def plain(value: Any) -> None:
    pass


class Noted:
    """Writes down what is wished for."""

    def __init__(self, instance_id: str = "abc", timestamp: str = "2024-01-01T00:00:01.000000Z") -> None:
        self.instance_id = instance_id
        self.parent_instance_id: str | None = None
        self.version: str | None = None
        self.is_replaying = False
        self.timestamp = timestamp
        self.input = NOTHING
        self.custom_status = NOTHING
        self.will_continue_as_new = False
        self.wishes: list[tuple[Any, ...]] = []
        self.guids = 0

    def call_activity(self, name: str, input: Payload, retry: RetryOptions | None, expected_type: Any) -> Task:
        self.wishes.append(("activity", name, input.json_text, retry))
        return ActivityTask(0, name)

    def call_sub_orchestrator(
        self,
        name: str,
        input: Payload,
        instance_id: str | None,
        version: str | None,
        retry: RetryOptions | None,
        expected_type: Any,
    ) -> Task:
        self.wishes.append(("child", name, input.json_text, instance_id, version, retry))
        return ActivityTask(0, name)

    def create_timer(self, fire_at: str) -> TimerTask:
        self.wishes.append(("timer", fire_at))
        return TimerTask(0, lambda _: None)

    def wait_for_event(self, name: str, expected_type: Any) -> EventTask:
        self.wishes.append(("event", name))
        return EventTask(name, expected_type, self.timestamp)

    def continue_as_new(self, input: Payload) -> None:
        self.wishes.append(("continue", input.json_text))

    def set_custom_status(self, status: Payload) -> None:
        self.custom_status = status

    def next_guid(self) -> int:
        self.guids += 1
        return self.guids - 1


def context(**members: Any) -> tuple[OrchestrationContext, Noted]:
    noted = Noted(**members)
    wishes: Wishes = noted
    return OrchestrationContext(wishes), noted


def test_ids_are_those_of_durable_functions_for_python() -> None:
    made, _ = context()
    assert made.new_uuid() == "c1c04be2-abea-59b2-9fdb-f3ab8fb86903"
    assert made.new_uuid() == "937835b3-f5ed-50d6-8d25-ca98bc4913a5"
    assert made.new_guid() == uuid.UUID("d7e82cde-36d9-5b92-b680-a899523145da")


def test_functions_are_called_by_name_or_by_their_decorated_function() -> None:
    made, noted = context()
    made.call_activity("SayHello", {"a": [1]})
    made.call_activity(say, None)
    made.call_sub_orchestrator(main, 1, "child-1", "2.0")
    assert noted.wishes == [
        ("activity", "SayHello", '{"a":[1]}', None),
        ("activity", "SayHello", "null", None),
        ("child", "main", "1", "child-1", "2.0", None),
    ]


def test_a_function_of_another_kind_or_without_a_trigger_is_refused_with_the_way_out() -> None:
    made, _ = context()
    with pytest.raises(ValueError, match="'main' is not an activity: its trigger is of kind 'orchestrator'"):
        made.call_activity(main)
    with pytest.raises(ValueError, match="'SayHello' is not an orchestrator"):
        made.call_sub_orchestrator(say)
    with pytest.raises(ValueError, match=r"decorate it with @app\.activity_trigger\(\)"):
        made.call_activity(plain)
    with pytest.raises(TypeError, match="not int"):
        made.call_activity(3)  # type: ignore[arg-type]


def test_names_may_be_members_of_an_enum_of_text() -> None:
    class Names(enum.StrEnum):
        SAY = "SayHello"

    assert function_name(Names.SAY, "activity") == "SayHello"


def test_retry_options_are_handed_on_and_nothing_else_is_taken_for_them() -> None:
    made, noted = context()
    policy = RetryOptions(5_000, 3)
    made.call_activity_with_retry(say, policy, "Tokyo")
    made.call_sub_orchestrator_with_retry("main", policy, None, "id")
    assert noted.wishes == [("activity", "SayHello", '"Tokyo"', policy), ("child", "main", "null", "id", None, policy)]
    with pytest.raises(TypeError, match="RetryOptions, not str"):
        made.call_activity_with_retry("SayHello", "Tokyo")  # type: ignore[arg-type]


def test_timers_and_events_are_checked_where_they_are_asked_for() -> None:
    made, noted = context()
    made.create_timer(timedelta(seconds=1))
    made.create_timer(datetime(2024, 1, 1, 2, tzinfo=UTC))
    made.wait_for_external_event("go")
    assert noted.wishes == [
        ("timer", "2024-01-01T00:00:02.000000Z"),
        ("timer", "2024-01-01T02:00:00.000000Z"),
        ("event", "go"),
    ]
    with pytest.raises(InvalidArgument):
        made.wait_for_external_event("")
    with pytest.raises(TypeError, match="an event name is text"):
        made.wait_for_external_event(None)  # type: ignore[arg-type]


def test_the_input_is_decoded_anew_on_each_call() -> None:
    made, noted = context()
    assert made.get_input() is None
    noted.input = encode({"list": []})
    made.get_input()["list"].append(1)
    assert made.get_input() == {"list": []}


def test_a_payload_beyond_the_limit_is_refused_at_the_call() -> None:
    made, _ = context()
    with pytest.raises(PayloadTooLarge, match="too large"):
        made.call_activity("SayHello", "x" * (16 * 1024 * 1024))


def test_a_custom_status_is_measured_as_utf_16() -> None:
    made, _ = context()
    made.set_custom_status("ä" * 8_190)
    assert made.custom_status == "ä" * 8_190
    with pytest.raises(ValueError, match="The current payload size is 16"):
        made.set_custom_status("ä" * 8_191)


@dataclass
class Point:
    x: int
    y: int = 0


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    @classmethod
    def from_json(cls, data: Any) -> Money:
        return cls(data)


def test_values_become_the_type_that_the_receiving_code_names_and_no_other() -> None:
    wrapped = {"__class__": "Money", "__module__": "anything", "__data__": 5}
    assert as_type(wrapped, None) == wrapped
    assert as_type(wrapped, Money).cents == 5
    assert as_type(7, Money).cents == 7
    assert as_type({"x": 1}, Point) == Point(1)
    assert as_type(None, Money) is None
    assert as_type({"x": 1}, dict[str, int]) == {"x": 1}
