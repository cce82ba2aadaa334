"""The worked histories of Durable Functions, made from our lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dfcli.model import history as h
from dfcli.model import payload
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.projection import azure_history, encode, history_events, shown
from dfcli.model.status import InstanceSummary
from dfcli.model.status_object import status_object

T = "2026-01-05T10:00:00.{:06d}Z"


class Recorded:
    """Writes lines the way the engine does: inbound ones on arrival, then the episode that saw them."""

    def __init__(self) -> None:
        self.events: list[h.Event] = []

    def line(self, kind: Any, event_id: int = -1, **members: Any) -> Recorded:
        seq = len(self.events) + 1
        self.events.append(kind(seq=seq, event_id=event_id, timestamp=T.format(seq), **members))
        return self

    def start(self, name: str = "hello", value: Any = None, **members: Any) -> Recorded:
        given = payload.encode(value)
        return self.line(h.ExecutionStarted, name=name, execution_id="e1", input=given.raw, **members)

    def episode(self, *decisions: tuple[Any, int, dict[str, Any]], consumed: int | None = None) -> Recorded:
        self.line(h.OrchestratorStarted, consumed=len(self.events) if consumed is None else consumed)
        for kind, event_id, members in decisions:
            self.line(kind, event_id, **members)
        return self.line(h.OrchestratorCompleted)


def scheduled(event_id: int, name: str = "say", value: Any = "x") -> tuple[Any, int, dict[str, Any]]:
    return (h.TaskScheduled, event_id, {"name": name, "input": payload.encode(value).raw})


def completed(event_id: int, result: Any, status: str = "Completed") -> tuple[Any, int, dict[str, Any]]:
    return (h.ExecutionCompleted, event_id, {"orchestration_status": status, "result": payload.encode(result).raw})


def answered(recorded: Recorded, task: int, result: Any) -> Recorded:
    return recorded.line(h.TaskCompleted, task_scheduled_id=task, result=payload.encode(result).raw)


def compact(recorded: Recorded) -> str:
    """`Type(EventId)` per event, OS and OC for the ends of an episode, as the worked examples are written."""
    short = {"OrchestratorStarted": "OS", "OrchestratorCompleted": "OC"}
    shown = []
    for event in azure_history(recorded.events, "i1", names=True):
        kind = short.get(str(event["EventType"]), str(event["EventType"]))
        task = event.get("TaskScheduledId", event.get("TimerId"))
        number = event["EventId"] if event["EventId"] != -1 else task
        shown.append(f"{kind}({number})" if number is not None else kind)
    return " ".join(shown)


def hello() -> Recorded:
    recorded = Recorded().start().episode(scheduled(0))
    answered(recorded, 0, "Hello Tokyo").episode(scheduled(1))
    answered(recorded, 1, "Hello Seattle").episode(scheduled(2))
    return answered(recorded, 2, "Hello London").episode(completed(3, ["Hello Tokyo"]))


def test_hello_sequence() -> None:
    recorded = hello()
    assert compact(recorded) == (
        "OS ExecutionStarted TaskScheduled(0) OC OS TaskCompleted(0) TaskScheduled(1) OC "
        "OS TaskCompleted(1) TaskScheduled(2) OC OS TaskCompleted(2) ExecutionCompleted(3) OC"
    )
    assert len(recorded.events) == 16


def test_the_raw_history_has_the_vendors_members_and_numbers() -> None:
    history = json.loads(encode(azure_history(hello().events, "i1")))
    assert history[0] == {"EventType": 12, "EventId": -1, "IsPlayed": False, "Timestamp": T.format(2)}
    assert history[1] == {
        "EventType": 0,
        "EventId": -1,
        "IsPlayed": False,
        "Timestamp": T.format(1),
        "OrchestrationInstance": {"InstanceId": "i1", "ExecutionId": "e1"},
        "ParentInstance": None,
        "Name": "hello",
        "Version": None,
        "Input": "null",
        "Tags": None,
        "Correlation": None,
        "ScheduledStartTime": None,
        "Generation": 0,
    }
    assert history[2]["EventType"] == 4
    assert (history[2]["Name"], history[2]["Input"]) == ("say", None)
    assert (history[5]["EventType"], history[5]["Result"]) == (5, '"Hello Tokyo"')
    assert (history[-2]["OrchestrationStatus"], history[-2]["Result"]) == (1, '["Hello Tokyo"]')
    assert [event["EventId"] for event in history if event["EventId"] >= 0] == [0, 1, 2, 3]


def test_inputs_of_activities_are_kept_on_request() -> None:
    history = azure_history(hello().events, "i1", inputs=True)
    assert history[2]["Input"] == '"x"'


def test_fan_out_and_in_with_two_results_in_one_batch() -> None:
    recorded = Recorded().start().episode(scheduled(0), scheduled(1), scheduled(2))
    answered(recorded, 1, 1).episode()
    answered(recorded, 0, 0)
    answered(recorded, 2, 2).episode(completed(3, [0, 1, 2]))
    assert compact(recorded) == (
        "OS ExecutionStarted TaskScheduled(0) TaskScheduled(1) TaskScheduled(2) OC "
        "OS TaskCompleted(1) OC OS TaskCompleted(0) TaskCompleted(2) ExecutionCompleted(3) OC"
    )


def test_an_inbound_line_stands_behind_the_episode_that_saw_it() -> None:
    recorded = Recorded().start().episode(scheduled(0), scheduled(1))
    answered(recorded, 0, 0)
    first = len(recorded.events)
    answered(recorded, 1, 1)  # arrives while the episode for the first result runs
    recorded.episode(scheduled(2), consumed=first).episode(scheduled(3))
    recorded.line(h.EventRaised, name="late")
    assert compact(recorded) == (
        "OS ExecutionStarted TaskScheduled(0) TaskScheduled(1) OC "
        "OS TaskCompleted(0) TaskScheduled(2) OC OS TaskCompleted(1) TaskScheduled(3) OC"
    )


def test_timer_against_event() -> None:
    recorded = Recorded().start().episode((h.TimerCreated, 0, {"fire_at": "2026-01-05T10:05:00.000000Z"}))
    recorded.line(h.EventRaised, name="Approval", input=payload.encode(True).raw).episode(completed(1, "approved"))
    assert compact(recorded) == ("OS ExecutionStarted TimerCreated(0) OC OS EventRaised ExecutionCompleted(1) OC")
    raised = azure_history(recorded.events, "i1")[5]
    assert (raised["EventType"], raised["Name"], raised["Input"]) == (15, "Approval", "true")


def test_retry_of_an_activity() -> None:
    failure = FailureDetails(error_type="ValueError", error_message="boom")
    recorded = Recorded().start().episode(scheduled(0, "F"))
    reason = "Activity function 'F' failed:  ValueError: boom"
    recorded.line(h.TaskFailed, task_scheduled_id=0, reason=reason, failure_details=failure)
    recorded.episode((h.TimerCreated, 1, {"fire_at": "t", "call": 0}))
    recorded.line(h.TimerFired, timer_id=1, fire_at="t").episode(scheduled(2, "F"))
    answered(recorded, 2, 1).episode(completed(3, 1))
    assert compact(recorded) == (
        "OS ExecutionStarted TaskScheduled(0) OC OS TaskFailed(0) TimerCreated(1) OC "
        "OS TimerFired(1) TaskScheduled(2) OC OS TaskCompleted(2) ExecutionCompleted(3) OC"
    )
    failed = json.loads(encode(azure_history(recorded.events, "i1")))[5]
    assert failed["Reason"] == reason
    assert failed["FailureDetails"] == {
        "ErrorType": "ValueError",
        "ErrorMessage": "boom",
        "StackTrace": None,
        "InnerFailure": None,
        "IsNonRetriable": False,
        "Properties": None,
    }


def test_sub_orchestration_seen_from_both_sides() -> None:
    created = {"name": "child", "child_instance_id": "e1:0", "input": payload.encode({"a": 1}).raw}
    recorded = Recorded().start("parent").episode((h.SubOrchestrationInstanceCreated, 0, created))
    recorded.line(h.SubOrchestrationInstanceCompleted, task_scheduled_id=0, result=payload.encode(2).raw)
    recorded.episode(completed(1, 2))
    history = azure_history(recorded.events, "p")
    assert (history[2]["InstanceId"], history[2]["Input"]) == ("e1:0", '{"a":1}')
    parent = h.Parent(instance_id="p", exec=1, execution_id="e1", task_scheduled_id=0, seq=3, name="parent")
    child = azure_history(Recorded().start("child", parent=parent).episode().events, "e1:0")[1]
    assert child["ParentInstance"] == {
        "Name": "parent",
        "OrchestrationInstance": {"InstanceId": "p", "ExecutionId": "e1"},
        "TaskScheduleId": 0,
        "Version": None,
    }


def test_continue_as_new_terminate_suspend_and_resume() -> None:
    again = Recorded().start().episode((h.ContinueAsNew, 0, {"input": payload.encode(1).raw}))
    event = azure_history(again.events, "i1")[2]
    assert (event["EventType"], event["OrchestrationStatus"], event["Result"]) == (16, 2, "1")
    ended = Recorded().start().episode(scheduled(0))
    ended.line(h.ExecutionSuspended, reason="hold").episode()
    ended.line(h.ExecutionResumed, reason="go").episode()
    ended.line(h.ExecutionTerminated, reason="no longer needed")
    ended.episode(completed(1, "no longer needed", "Terminated"))
    assert compact(ended) == (
        "OS ExecutionStarted TaskScheduled(0) OC OS ExecutionSuspended OC OS ExecutionResumed OC "
        "OS ExecutionTerminated ExecutionCompleted(1) OC"
    )
    history = azure_history(ended.events, "i1")
    assert [event.get("Reason") for event in history if "Reason" in event] == ["hold", "go"]
    assert history[-3]["Input"] == "no longer needed"
    assert history[-2]["OrchestrationStatus"] == 5


def test_history_events_of_one_completed_activity() -> None:
    recorded = Recorded().start(value="Bo").episode(scheduled(0))
    answered(recorded, 0, "Hi Bo").episode(completed(1, "Hi Bo"))
    shown = json.loads(encode(history_events(recorded.events, show_input=True, show_output=True)))
    assert shown == [
        {
            "EventType": "ExecutionStarted",
            "Timestamp": T.format(1),
            "FunctionName": "hello",
            "Input": '"Bo"',
            "Correlation": None,
            "ScheduledStartTime": None,
            "Generation": 0,
        },
        {
            "EventType": "TaskCompleted",
            "Timestamp": T.format(5),
            "ScheduledTime": T.format(3),
            "FunctionName": "say",
            "Input": None,
            "Result": "Hi Bo",
        },
        {
            "EventType": "ExecutionCompleted",
            "Timestamp": T.format(7),
            "OrchestrationStatus": "Completed",
            "Result": "Hi Bo",
            "FailureDetails": None,
        },
    ]
    assert [list(event) for event in shown][1] == [
        "EventType", "Timestamp", "ScheduledTime", "FunctionName", "Input", "Result",
    ]  # fmt: skip


def everything() -> Recorded:
    created = {"name": "child", "child_instance_id": "c", "input": payload.encode(1).raw}
    sent = {"target_instance_id": "other", "name": "ping", "input": payload.encode(2).raw}
    recorded = Recorded().start(value=5)
    recorded.episode(
        scheduled(0),
        scheduled(1),
        (h.SubOrchestrationInstanceCreated, 2, created),
        (h.SubOrchestrationInstanceCreated, 3, created),
        (h.TimerCreated, 4, {"fire_at": "t"}),
        (h.EventSent, 5, sent),
    )
    recorded.line(h.TaskFailed, task_scheduled_id=0, reason="r", details="d")
    recorded.line(h.SubOrchestrationInstanceFailed, task_scheduled_id=2, reason="r")
    recorded.line(h.TimerFired, timer_id=4, fire_at="t")
    recorded.line(h.EventRaised, name="go", input=payload.encode([1]).raw)
    recorded.line(h.ExecutionSuspended, reason="hold").line(h.ExecutionTerminated, reason="enough").episode()
    return recorded


def test_history_events_keep_open_calls_and_drop_ids() -> None:
    shown = history_events(everything().events)
    members = {
        str(event["EventType"]): {k: v for k, v in event.items() if k not in ("EventType", "Timestamp")}
        for event in shown
    }
    assert members["TaskScheduled"] == {"Name": "say", "Input": None}
    assert members["SubOrchestrationInstanceCreated"] == {"Name": "child", "InstanceId": "c", "Input": "1"}
    assert members["TimerCreated"] == members["TimerFired"] == {"FireAt": "t"}
    assert members["EventSent"] == {"InstanceId": "other", "Name": "ping", "Input": "2"}
    assert members["EventRaised"] == {"Name": "go", "Input": "[1]"}
    assert members["ExecutionSuspended"] == {"Reason": "hold"}
    assert members["ExecutionTerminated"] == {"Input": "enough"}
    assert members["TaskFailed"]["Details"] == "d"
    assert members["SubOrchestrationInstanceFailed"]["Input"] == "1"
    names = [event["EventType"] for event in shown]
    assert names.count("TaskScheduled") == names.count("SubOrchestrationInstanceCreated") == 1
    assert not any(name.startswith("Orchestrator") for name in names if isinstance(name, str))
    for event in shown:
        assert not {"EventId", "IsPlayed", "TaskScheduledId", "TimerId"} & set(event)


def test_history_events_hide_inputs_and_results() -> None:
    assert not any("Input" in event for event in history_events(everything().events, show_input=False))
    assert not any("Result" in event for event in history_events(hello().events))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (Payload(), b"null"),
        (payload.encode({"a": [1, "ü"]}), '{"a":[1,"ü"]}'.encode()),
        (Payload(text="NaN"), b'"NaN"'),
        (Payload(text="plain text"), b'"plain text"'),
        (Payload(text='{"a":1}'), b'{"a":1}'),
        (Payload(text=""), b'""'),
        (Payload(text="  "), b'""'),
        (Payload(text="1 2"), b'"1 2"'),
    ],
)
def test_a_payload_is_shown_as_a_value(given: Payload, wanted: bytes) -> None:
    assert bytes(shown(given)) == wanted


def test_a_huge_number_is_shown_byte_for_byte() -> None:
    digits = "1" * 400
    summary = InstanceSummary(instance_id="a", exec=1, status="Completed", output=payload.parse(digits.encode()))
    assert f'"output":{digits}'.encode() in encode(status_object(summary))


def test_a_failure_without_an_output_shows_its_message() -> None:
    failure = FailureDetails(
        error_type="A", error_message="b", inner_failure=FailureDetails(error_type="C", error_message="d")
    )
    summary = InstanceSummary(instance_id="a", exec=1, status="Failed", failure=failure)
    shown = json.loads(encode(status_object(summary)))
    assert shown["output"] == "A: b"
    assert shown["failureDetails"]["innerFailure"]["errorType"] == "C"
    assert shown["createdTime"] is None
