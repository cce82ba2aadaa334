"""Asks the vendor's own executor, episode by episode, what it would have decided upon a history that our host wrote.

An orchestrator made with the vendor's decorators runs on our host in virtual time. Its history, in the vendor's form,
is then handed to the wrapper that the decorators made, cut after what arrived in each episode: the actions it newly
asks for must be the decisions that our history records next, with the same inputs, due times and ids, and so must
`is_replaying`, the custom status, and the result or failure.

What a retry policy decides between two attempts is no action: the executor numbers it silently, so that a difference
shows in the numbers of what follows.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import GeneratorType, SimpleNamespace
from typing import Any

import azure.durable_functions as df

from dfcli.compat.app import functions_of
from dfcli.engine.execution import Execution
from dfcli.host.host import Host
from dfcli.model import history as h
from dfcli.model.durable_http import HTTP_ACTIVITY
from dfcli.model.ids import ExecutionKey
from dfcli.model.projection import azure_history, encode
from dfcli.model.query import InstanceFilter
from dfcli.registry.registry import Registry

MARK = "\n\n$OutOfProcData$:"
FRAME = (h.OrchestratorStarted, h.OrchestratorCompleted)

Event = dict[str, Any]
Decision = tuple[Any, ...]
"""A decision in a form that both sides have: kind, name, and what goes with it."""


@dataclass
class App:
    """The vendor's app, how its wrappers are called, and where its orchestrators note what they see."""

    registry: Registry
    wrappers: dict[str, Callable[[Any], str]]
    traces: list[bool] = field(default_factory=list)
    """`is_replaying` at each step since it was last emptied."""


def app_of(
    orchestrators: dict[str, Callable[[Any], Any]],
    activities: dict[str, Callable[..., Any]],
    entities: dict[str, Callable[[Any], None]],
) -> App:
    """Everything by the vendor's decorators, orchestrators traced."""
    vendors = df.DFApp()
    wrappers, traces = {}, list[bool]()
    for name, function in orchestrators.items():
        traced = _traced(function, traces)
        builder = vendors.orchestration_trigger(context_name="context", orchestration=name)(traced)
        builder._function._name = name
        wrappers[name.casefold()] = builder._function._func
    for name, activity in activities.items():
        vendors.activity_trigger(input_name="value", activity=name)(activity)._function._name = name
    for name, entity in entities.items():
        vendors.entity_trigger(context_name="context", entity_name=name)(entity)._function._name = name
    return App(functions_of(vendors), wrappers, traces)


def _traced(function: Callable[[Any], Any], traces: list[bool]) -> Callable[[Any], Any]:
    """The orchestrator, noting whether it is replaying each time it runs on."""

    def orchestrator(context: Any) -> Any:
        code = function(context)
        return _steps(code, context, traces) if isinstance(code, GeneratorType) else code

    orchestrator.__name__ = function.__name__
    return orchestrator


def _steps(code: Any, context: Any, traces: list[bool]) -> Iterator[Any]:
    value, error = None, None
    while True:
        traces.append(context.is_replaying)
        try:
            task = code.send(value) if error is None else code.throw(error)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        try:
            value = yield task
        except Exception as caught:
            error = caught


@dataclass
class Difference(AssertionError):
    """The first episode in which the two disagree."""

    what: str
    episode: int
    ours: Any
    theirs: Any
    history: list[str]

    def __str__(self) -> str:
        told = "\n  ".join(self.history)
        return f"{self.what} in episode {self.episode}:\n ours   {self.ours}\n theirs {self.theirs}\n  {told}"


def compare(app: App, host: Host, *, is_replaying: bool = True) -> int:
    """Every execution of an orchestrator on the host; how many episodes were compared. Raises Difference."""
    episodes = 0
    for summary in host.query(InstanceFilter()).items:
        for number in range(1, summary.exec + 1):
            events = host.history(summary.instance_id, number)
            if events and isinstance(events[0], h.ExecutionStarted) and events[0].rules == h.AZURE_RULES:
                episodes += compare_execution(app, events, ExecutionKey(summary.instance_id, number), is_replaying)
    return episodes


def compare_execution(app: App, events: Sequence[h.Event], key: ExecutionKey, is_replaying: bool = True) -> int:
    """The same for one history."""
    first = events[0]
    assert isinstance(first, h.ExecutionStarted)
    projected: list[Event] = json.loads(encode(azure_history(events, key.instance_id, inputs=True)))
    for event in projected:
        if event.get("Details") is None and event["EventType"] in (6, 9):
            event["Details"] = ""
    cuts = [number for number, event in enumerate(projected) if event["EventType"] == 12]
    decided = 0
    for episode, opened in enumerate(cuts):
        closed = next(n for n in range(opened, len(projected)) if projected[n]["EventType"] == 13)
        arrived = next(
            (n for n in range(opened + 1, closed) if projected[n]["EventType"] in (1, 4, 7, 10, 14, 16)), closed
        )
        ours = _recorded(events, projected[arrived:closed])
        state = _ask(app, first, key, projected[:arrived], opened)
        trace, app.traces[:] = list(app.traces), []
        actions = [_asked(action) for group in state["actions"] for part in group for action in _flat(part)]
        new = [action for action in actions[decided:] if action is not None]
        decided = len(actions)
        theirs = new + _end(first, state)
        told = [f"{event['EventType']} {event.get('Name') or ''} {event['EventId']}" for event in projected[:closed]]
        if ours != theirs:
            raise Difference("decisions", episode, ours, theirs, told)
        mine = _replay(app, events, key, episode)
        if is_replaying and mine != trace:
            raise Difference("is_replaying", episode, mine, trace, told)
        status = _status(events, episode)
        if state.get("customStatus") and status != state["customStatus"]:
            raise Difference("custom status", episode, status, state["customStatus"], told)
    return len(cuts)


def _ask(app: App, first: h.ExecutionStarted, key: ExecutionKey, history: list[Event], opened: int) -> dict[str, Any]:
    """What the executor answers upon a history whose episodes before `opened` it has seen."""
    body = {
        "history": [{**event, "IsPlayed": number < opened} for number, event in enumerate(history)],
        "input": h.input_of(first).json_text,
        "instanceId": key.instance_id,
        "isReplaying": opened > 0,
        "parentInstanceId": first.parent.instance_id if first.parent else None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
    }
    app.traces.clear()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*df_loads|.*codec", DeprecationWarning)
        warnings.filterwarnings("ignore", "Potential duplicate Task completion", UserWarning)  # an event kept for later
        try:
            answer = app.wrappers[first.name.casefold()](SimpleNamespace(body=json.dumps(body)))
        except Exception as error:
            _, mark, answer = str(error).partition(MARK)
            if not mark:  # a function without a `yield` raised
                return {"actions": [], "isDone": False, "error": str(error) or str(type(error))}
    state: dict[str, Any] = json.loads(answer)
    return state


def _flat(action: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "compoundActions" in action:
        for part in action["compoundActions"]:
            yield from _flat(part)
    else:
        yield action


def _asked(action: dict[str, Any]) -> Decision | None:
    """An action of the vendor's; None for what no history records."""
    match action["actionType"]:
        case 0 | 1:
            return "activity", action["functionName"], _value(action["input"])
        case 2 | 3:
            given = action.get("instanceId") or None
            return "child", action["functionName"], _value(action["input"]), given, action.get("version") or None
        case 4:
            return "as new", _plain(action["input"])
        case 5:
            return "timer", _moment(action["fireAt"])
        case 6:
            return None
        case 8:
            return "http", action["httpRequest"]["method"], action["httpRequest"]["uri"]
        case 7 | 9:
            return "entity", action["instanceId"], action["operation"], _plain(action["input"])
        case other:
            raise AssertionError(f"an action of type {other}")


def _recorded(events: Sequence[h.Event], projected: list[Event]) -> list[Decision]:
    """Our decisions of an episode, but for those that a retry policy took."""
    found: list[Decision] = []
    by_number = {event.event_id: event for event in events if event.event_id >= 0}
    for event in projected:
        known = by_number[event["EventId"]]
        match known:
            case h.TaskScheduled() if known.name == HTTP_ACTIVITY:
                request = json.loads(h.input_of(known).json_text or "")
                found.append(("http", request["method"], request["uri"]))
            case h.TaskScheduled() if known.call is None:
                found.append(("activity", known.name, _value(h.input_of(known).json_text)))
            case h.SubOrchestrationInstanceCreated() if known.call is None:
                given = None if ":" in known.child_instance_id else known.child_instance_id
                found.append(("child", known.name, _value(h.input_of(known).json_text), given, known.version))
            case h.TimerCreated() if known.call is None:
                found.append(("timer", _moment(known.fire_at)))
            case h.EventSent():
                message = json.loads(bytes(known.input))  # type: ignore[arg-type]
                found.append(("entity", known.target_instance_id, message["op"], _plain(message.get("input"))))
            case h.ContinueAsNew():
                found.append(("as new", _plain(h.input_of(known).json_text)))
            case h.ExecutionCompleted():
                result = _value(h.result_of(known).json_text)
                found.append(("ends", known.orchestration_status, result))
            case _:
                pass
    return found


def _end(first: h.ExecutionStarted, state: dict[str, Any]) -> list[Decision]:
    if state.get("error") is not None:
        return [("ends", "Failed", f"Orchestrator function '{first.name}' failed: {state['error']}")]
    actions = [action for group in state["actions"] for part in group for action in _flat(part)]
    if state["isDone"] and not any(action["actionType"] == 4 for action in actions):
        return [("ends", "Completed", state.get("output"))]
    return []


def _replay(app: App, events: Sequence[h.Event], key: ExecutionKey, episode: int) -> list[bool]:
    """What our own engine lets the code see of `is_replaying`, up to the end of an episode."""
    opened = [event for event in events if isinstance(event, h.OrchestratorStarted)]
    started = opened[episode]
    before = [event for event in events if event.seq < started.seq]
    app.traces.clear()
    execution = Execution.replay(app.registry.lookup, before, key)
    inbound = [event for event in execution.unconsumed if event.seq <= started.consumed]
    execution.deliver(inbound, started)
    execution.close()
    trace, app.traces[:] = list(app.traces), []
    return trace


def _status(events: Sequence[h.Event], episode: int) -> Any:
    """The custom status after an episode."""
    status = None
    closings = [event for event in events if isinstance(event, h.OrchestratorCompleted)]
    first = events[0]
    assert isinstance(first, h.ExecutionStarted)
    status = _value(h.Payload(first.custom_status, first.custom_status_text).json_text)
    for closing in closings[: episode + 1]:
        payload = h.Payload(closing.custom_status, closing.custom_status_text)
        if payload.json_text is not None:
            status = _value(payload.json_text)
    return status


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _plain(value: Any) -> Any:
    """A value that either side may hold as text of JSON."""
    while isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            break
    return value


def _moment(text: str) -> str:
    """To the millisecond: the vendor's text has microseconds, as ours."""
    return text.rstrip("Z")[:23]
