"""Histories made by Durable Functions' own executor, `azure-functions-durable`, around a host just large enough for it.

The executor is handed what the Functions host hands it, the trigger's JSON with the whole history, and answers with
actions; the host here performs them in virtual time and writes the raw history (type numbers, payload text) by the
rules of the Durable Task framework. See `__main__.py` for how it is run.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tests.conformance.programs import INSTANCE, Scenario, Step
from tests.conformance.vendor_entities import Entities, Request

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
REQUESTS = uuid.UUID("9e952958-5e33-4daf-827f-2fa12937b875")
"""The framework's namespace of names for ids."""
HTTP_ACTIVITY = "BuiltIn::HttpActivity"
ERROR_MARK = "\n\n$OutOfProcData$:"

Event = dict[str, Any]

STARTED, COMPLETED, TERMINATED = 0, 1, 3
TASK, TASK_COMPLETED, TASK_FAILED = 4, 5, 6
CHILD, CHILD_COMPLETED, CHILD_FAILED = 7, 8, 9
TIMER, TIMER_FIRED = 10, 11
EPISODE, EPISODE_END = 12, 13
EVENT_SENT, EVENT_RAISED, AS_NEW, SUSPENDED, RESUMED = 14, 15, 16, 19, 20

STATUS = {"Completed": 1, "ContinuedAsNew": 2, "Failed": 3, "Terminated": 5}


@dataclass
class Call:
    """An open activity, sub-orchestration or timer of an execution. `retry` has the options of a retried call."""

    action: dict[str, Any]
    retry: dict[str, Any] | None = None
    attempt: int = 1
    fire_at: datetime | None = None
    surfaces: Event | None = None
    """On the timer that follows the last attempt."""


@dataclass
class Execution:
    """One generation of an instance."""

    instance: str
    name: str
    input: str | None
    execution_id: str
    parent: tuple[Execution, int] | None = None
    history: list[Event] = field(default_factory=list)
    inbox: list[Event] = field(default_factory=list)
    performed: int = 0
    """How many of the executor's actions have been performed: its list only grows."""
    next_id: int = 0
    requests: int = 0
    """How many messages it has sent to entities."""
    open: dict[int, Call] = field(default_factory=dict)
    status: str = "Running"
    is_suspended: bool = False
    custom_status: Any = None


class VendorHost:
    """Runs one scenario to its end. Every step of time and every id is the same on each run."""

    def __init__(
        self,
        functions: dict[str, Callable[[Any], str]],
        activities: dict[str, Callable[[Any], Any]],
        entities: dict[str, Callable[[Any], str]],
    ) -> None:
        self.functions = functions
        self.activities = activities
        self.entities: Entities[Execution] = Entities(entities)
        self.now = START
        self.executions: list[Execution] = []
        self.tasks: list[tuple[Execution, int]] = []
        """Scheduled activities that have not run, oldest first."""
        self.script: list[Step] = []

    def run(self, scenario: Scenario) -> list[Execution]:
        self.script = list(scenario.script)
        self._start(INSTANCE, scenario.start, as_text(scenario.input), version=scenario.version)
        while True:
            ready = [execution for execution in self.executions if execution.inbox and execution.status == "Running"]
            for execution in ready:
                self._episode(execution)
            if ready:
                continue
            if self.tasks:
                tasks, self.tasks = self.tasks, []
                for execution, number in tasks:
                    self._run_activity(execution, number)
            elif answers := self.entities.run():
                for execution, request_id, text in answers:
                    execution.inbox.append(self._event(EVENT_RAISED, Name=request_id, Input=text))
            elif not self._pass_time():
                return self.executions

    # -- what arrives --------------------------------------------------------------------------------------------

    def _start(
        self,
        instance: str,
        name: str,
        text: str | None,
        parent: tuple[Execution, int] | None = None,
        version: str | None = None,
    ) -> None:
        execution_id = uuid.uuid5(uuid.NAMESPACE_OID, f"execution {len(self.executions)}").hex
        execution = Execution(instance, name, text, execution_id, parent)
        self.executions.append(execution)
        execution.inbox.append(
            self._event(
                STARTED,
                OrchestrationInstance={"InstanceId": instance, "ExecutionId": execution_id},
                ParentInstance=None
                if parent is None
                else {
                    "Name": parent[0].name,
                    "OrchestrationInstance": {
                        "InstanceId": parent[0].instance,
                        "ExecutionId": parent[0].execution_id,
                    },
                    "TaskScheduleId": parent[1],
                    "Version": None,
                },
                Name=name,
                Version=version,
                Input=text,
                Tags=None,
                Correlation=None,
                ScheduledStartTime=None,
                Generation=0,
            )
        )

    def _run_activity(self, execution: Execution, number: int) -> None:
        action = execution.open[number].action
        name = action["functionName"]
        try:
            result = self.activities[name](json.loads(action["input"]))
        except Exception as error:
            reason = f"Activity function '{name}' failed:  {type(error).__name__}: {error}"
            failed = self._event(TASK_FAILED, TaskScheduledId=number, Reason=reason, Details="", FailureDetails=None)
            execution.inbox.append(failed)
        else:
            execution.inbox.append(self._event(TASK_COMPLETED, TaskScheduledId=number, Result=as_text(result)))

    def _pass_time(self) -> bool:
        """Go on to the next timer or step of the script; False when there is none."""
        timers = [
            (call.fire_at, execution, number)
            for execution in self.executions
            if execution.status == "Running"
            for number, call in execution.open.items()
            if call.fire_at is not None
        ]
        timer = min(timers, key=lambda entry: entry[0], default=None)
        step = self.script[0] if self.script else None
        if step is not None and (timer is None or START + timedelta(seconds=step.at) <= timer[0]):
            self.now = max(self.now, START + timedelta(seconds=step.at))
            self._do(self.script.pop(0))
        elif timer is not None:
            fire_at, execution, number = timer
            self.now = max(self.now, fire_at)
            execution.open[number].fire_at = None
            execution.inbox.append(self._event(TIMER_FIRED, TimerId=number, FireAt=_time(fire_at)))
        else:
            return False
        return True

    def _do(self, step: Step) -> None:
        instance = next(execution for execution in reversed(self.executions) if execution.instance == INSTANCE)
        match step.verb:
            case "raise":
                event = self._event(EVENT_RAISED, Name=step.text, Input=as_text(step.value))
            case "suspend":
                event = self._event(SUSPENDED, Reason=step.text)
            case "resume":
                event = self._event(RESUMED, Reason=step.text)
            case _:
                event = self._event(TERMINATED, Input=step.text)
        instance.inbox.append(event)

    # -- episodes ------------------------------------------------------------------------------------------------

    def _episode(self, execution: Execution) -> None:
        batch, execution.inbox = execution.inbox, []
        execution.history += [self._event(EPISODE), *batch]
        for event in batch:
            if event["EventType"] in (SUSPENDED, RESUMED):
                execution.is_suspended = event["EventType"] == SUSPENDED
        terminated = next((event for event in batch if event["EventType"] == TERMINATED), None)
        decisions: list[Event] = []
        if terminated is not None:
            decisions = self._complete(execution, "Terminated", terminated["Input"])
        elif not execution.is_suspended:
            for event in batch:
                decisions += self._retry(execution, event)
            decisions += self._decide(execution)
        execution.history += [*decisions, self._event(EPISODE_END)]
        if execution.status != "Running" and execution.parent is not None:
            self._tell_parent(execution, *execution.parent)
        for event in execution.history:
            event["IsPlayed"] = True

    def _decide(self, execution: Execution) -> list[Event]:
        """Ask the SDK's executor, perform what is new among its actions, and end the run if it says so."""
        state, error = self._execute(execution)
        actions = [action for group in state["actions"] for wish in group for action in _flat(wish)]
        execution.custom_status = state.get("customStatus", execution.custom_status)
        as_new = next((action for action in actions if action["actionType"] == 4), None)
        decisions = []
        for action in actions[execution.performed :]:
            decisions += self._perform(execution, action)
        execution.performed = len(actions)
        self._drop_cancelled(execution, actions)
        if as_new is not None:
            decisions.append(self._event(AS_NEW, execution, OrchestrationStatus=2, Result=as_new["input"]))
            execution.status = "ContinuedAsNew"
            self._start(execution.instance, execution.name, as_new["input"], execution.parent)
            self.executions[-1].custom_status = execution.custom_status
        elif error is not None:
            text = f"Orchestrator function '{execution.name}' failed: {error}"
            decisions += self._complete(execution, "Failed", text)
        elif state["isDone"]:
            decisions += self._complete(execution, "Completed", as_text(state.get("output")))
        return decisions

    def _execute(self, execution: Execution) -> tuple[dict[str, Any], str | None]:
        body = {
            "history": execution.history,
            "input": execution.input,
            "instanceId": execution.instance,
            "isReplaying": False,
            "parentInstanceId": execution.parent[0].instance if execution.parent else None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
        }
        try:
            answer = self.functions[execution.name](SimpleNamespace(body=json.dumps(body)))
        except Exception as error:
            _, mark, answer = str(error).partition(ERROR_MARK)
            if not mark:
                raise
        state: dict[str, Any] = json.loads(answer)
        return state, state.get("error")

    def _complete(self, execution: Execution, status: str, result: str | None) -> list[Event]:
        execution.status = status
        return [
            self._event(COMPLETED, execution, OrchestrationStatus=STATUS[status], Result=result, FailureDetails=None)
        ]

    def _tell_parent(self, execution: Execution, parent: Execution, number: int) -> None:
        end = next(event for event in reversed(execution.history) if event["EventType"] in (COMPLETED, AS_NEW))
        if execution.status == "Completed":
            event = self._event(CHILD_COMPLETED, TaskScheduledId=number, Result=end["Result"])
        elif execution.status == "ContinuedAsNew":
            return
        else:
            reason = end["Result"]
            event = self._event(CHILD_FAILED, TaskScheduledId=number, Reason=reason, Details="", FailureDetails=None)
        parent.inbox.append(event)

    # -- actions -------------------------------------------------------------------------------------------------

    def _perform(self, execution: Execution, action: dict[str, Any]) -> list[Event]:
        kind = action["actionType"]
        if kind in (4, 6):  # continue as new is the end; a wait for an event has no line
            return []
        call = Call(action, action.get("retryOptions"))
        if kind in (0, 1):
            return [self._schedule(execution, call)]
        if kind == 8:
            call.action = {"functionName": HTTP_ACTIVITY, "input": as_text(action["httpRequest"])}
            return [self._schedule(execution, call)]
        if kind in (2, 3):
            return [self._call_child(execution, call)]
        if kind == 5:
            return [self._create_timer(execution, datetime.fromisoformat(action["fireAt"]), call)]
        if kind in (7, 9):
            return [self._send(execution, action)]
        raise NotImplementedError(f"an action of type {kind}: {action}")

    def _schedule(self, execution: Execution, call: Call) -> Event:
        members = {"Name": call.action["functionName"], "Version": None, "Input": call.action["input"]}
        event = self._event(TASK, execution, **members)
        execution.open[event["EventId"]] = call
        self.tasks.append((execution, event["EventId"]))
        return event

    def _call_child(self, execution: Execution, call: Call) -> Event:
        number = execution.next_id
        instance = call.action.get("instanceId") or f"{execution.execution_id}:{number}"
        name, text, version = call.action["functionName"], call.action["input"], call.action.get("version")
        event = self._event(CHILD, execution, Name=name, Version=version, InstanceId=instance, Input=text)
        execution.open[number] = call
        self._start(instance, name, text, (execution, number), version)
        return event

    def _send(self, execution: Execution, action: dict[str, Any]) -> Event:
        """A call or signal of an entity. The id ties the answer to the call: the framework makes it of the instance's
        id, the episode's time with seven digits after the point, and a count."""
        opened = next(event for event in reversed(execution.history) if event["EventType"] == EPISODE)
        name = f"{execution.instance}_{opened['Timestamp'][:-1]}0Z_{execution.requests}"
        request_id = str(uuid.uuid5(REQUESTS, name))
        execution.requests += 1
        message = {"op": action["operation"]}
        if action["actionType"] == 9:
            message["signal"] = True
        message.update(input=action["input"], id=request_id, parent=execution.instance)
        message["parentExecution"] = execution.execution_id
        self.entities.send(Request(action["instanceId"], message, execution))
        return self._event(EVENT_SENT, execution, InstanceId=action["instanceId"], Name="op", Input=as_text(message))

    def _create_timer(self, execution: Execution, fire_at: datetime, call: Call) -> Event:
        event = self._event(TIMER, execution, FireAt=_time(fire_at))
        call.fire_at = fire_at
        execution.open[event["EventId"]] = call
        return event

    def _retry(self, execution: Execution, event: Event) -> list[Event]:
        """The framework's part of a retried call: a timer after each failure, the next attempt after each timer."""
        number = event.get("TaskScheduledId", event.get("TimerId"))
        call = execution.open.pop(number, None) if number is not None else None
        if call is None or call.retry is None:
            return []
        if event["EventType"] in (TASK_FAILED, CHILD_FAILED):
            delay = timedelta(milliseconds=call.retry["firstRetryIntervalInMilliseconds"])
            if call.attempt == call.retry["maxNumberOfAttempts"]:
                delay = timedelta()  # the framework's timer after the last attempt: due at once, nothing follows it
            waiting = Call(call.action, call.retry, call.attempt)
            return [self._create_timer(execution, self.now + delay, waiting)]
        if event["EventType"] == TIMER_FIRED and call.attempt < call.retry["maxNumberOfAttempts"]:
            again = Call(call.action, call.retry, call.attempt + 1)
            is_child = call.action["actionType"] == 3
            return [self._call_child(execution, again) if is_child else self._schedule(execution, again)]
        return []

    def _drop_cancelled(self, execution: Execution, actions: list[dict[str, Any]]) -> None:
        cancelled = {action["fireAt"] for action in actions if action.get("isCanceled")}
        for call in execution.open.values():
            if call.action.get("fireAt") in cancelled:
                call.fire_at = None

    # -- events --------------------------------------------------------------------------------------------------

    def _event(self, kind: int, decided_by: Execution | None = None, **members: Any) -> Event:
        """An event; one that an execution decided takes its next number."""
        number = -1
        if decided_by is not None:
            number = decided_by.next_id
            decided_by.next_id += 1
        self.now += timedelta(milliseconds=1)
        return {"EventType": kind, "EventId": number, "IsPlayed": False, "Timestamp": _time(self.now), **members}


def _flat(action: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The actions inside compounds, in order."""
    if "compoundActions" in action:
        for part in action["compoundActions"]:
            yield from _flat(part)
    else:
        yield action


def as_text(value: Any) -> str:
    """JSON as the Functions host writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
