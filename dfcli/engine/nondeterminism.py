"""What is said when code and history disagree, in the house's words and in Durable Functions'."""

from __future__ import annotations

from dfcli.errors import Disagreement, UnknownFunction
from dfcli.model import history as h
from dfcli.model.query import CodeLocation

_WHY = "the orchestrator changed after this instance started, or it read the clock, a random value or the network"
_HINT = "put the old code path back and run `dfcli replay`, or terminate the instance and start it again"
_VENDOR_END = "Was a change made to the orchestrator code after this instance had already started running?"


class NonDeterminismError(Disagreement):
    """The first decision at which a replay and its history differ.

    `seq` and `event_id` name the event: the recorded decision, or, when the history holds none, the line that closes
    the episode. `recorded` and `asked` are the two decisions; None where there is none.
    """

    code = "nondeterminism"

    def __init__(
        self,
        seq: int,
        recorded: h.Event | None,
        asked: h.Event | None,
        location: CodeLocation | None,
        *,
        instead: str = "",
    ) -> None:
        self.seq = seq
        self.event_id = -1 if recorded is None else recorded.event_id
        self.recorded = recorded
        self.asked = asked
        self.location = location
        self.recorded_text = "nothing more in this episode" if recorded is None else worded(recorded)
        self.asked_text = _asked(asked, instead)
        super().__init__(
            f"replay diverged at event {seq}: history recorded {self.recorded_text}, the code now {self.asked_text}"
            + (f" ({printed(location)})" if location else ""),
            why=_WHY,
            hint=_HINT,
        )

    @property
    def vendor_text(self) -> str:
        """The message of Durable Functions for the same mismatch; empty where it has none."""
        return _vendor_text(self.recorded, self.asked)


class UnknownOrchestrator(UnknownFunction):
    """The app has no orchestrator of that name; nothing has been run."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the app has no orchestrator {name!r}",
            why="it was removed or renamed, or belongs to another app",
            hint="put it back, or terminate the instance",
        )
        self.name = name


class UnknownRules(Disagreement):
    """A history that was recorded under replay rules this version does not have; nothing has been run."""

    code = "unknown_rules"

    def __init__(self, rules: str, known: str) -> None:
        super().__init__(
            f"the history was recorded under the replay rules {rules!r}",
            why=f"this version replays only {known}",
            hint="run it with the version of dfcli that recorded it, or a newer one",
        )
        self.rules = rules


def printed(location: CodeLocation) -> str:
    """A line of source, as tracebacks name it."""
    return f"{location.file}:{location.line} in {location.function}"


def worded(event: h.Event) -> str:
    """A decision as a person reads it: its kind and name."""
    match event:
        case h.TaskScheduled():
            return f"activity `{event.name}`{_again(event.attempt)}"
        case h.SubOrchestrationInstanceCreated():
            return f"sub-orchestration `{event.name}`{_again(event.attempt)}"
        case h.TimerCreated():
            return f"a timer due {event.fire_at}" if event.call is None else f"a retry's delay until {event.fire_at}"
        case h.EventSent():
            return f"event `{event.name}` sent to {event.target_instance_id}"
        case h.ContinueAsNew():
            return "continue-as-new"
        case h.ExecutionCompleted():
            return f"the end of the instance as {event.orchestration_status}"
        case _:
            return type(event).__name__


def _again(attempt: int) -> str:
    return f" (attempt {attempt})" if attempt > 1 else ""


def _asked(asked: h.Event | None, instead: str) -> str:
    match asked:
        case None:
            return instead or "asks for nothing"
        case h.ExecutionCompleted(orchestration_status="Failed", failure_details=failure):
            return f"fails with {failure}"
        case h.ExecutionCompleted(orchestration_status="Completed"):
            return "returns"
        case h.ContinueAsNew():
            return "continues as new"
        case _:
            return f"asks for {worded(asked)}"


_ACTIONS: dict[type[h.Event], str] = {
    h.TaskScheduled: "ScheduleTaskOrchestratorAction",
    h.TimerCreated: "CreateTimerOrchestratorAction",
    h.SubOrchestrationInstanceCreated: "CreateSubOrchestrationAction",
    h.EventSent: "SendEventOrchestratorAction",
    h.ExecutionCompleted: "OrchestrationCompleteOrchestratorAction",
    h.ContinueAsNew: "OrchestrationCompleteOrchestratorAction",
}


def _vendor_text(recorded: h.Event | None, asked: h.Event | None) -> str:
    start = "Non-Deterministic workflow detected: A previous execution of this orchestration scheduled"
    gone = "but the current replay execution hasn't (yet?) scheduled this task."
    match recorded:
        case h.TaskScheduled():
            task, version = "an activity task", f"(version '{recorded.version or ''}')"
        case h.SubOrchestrationInstanceCreated():
            task = "a sub-orchestration task"
            version = f"(version '{recorded.version or ''}', instance ID '{recorded.child_instance_id}')"
        case h.TimerCreated():
            return f"{start} a timer task with sequence number {recorded.event_id} {gone} {_VENDOR_END}"
        case h.EventSent():
            return (
                f"{start} a send event task with sequence ID {recorded.event_id}, type 'EventSent' name "
                f"'{recorded.name}', instance ID '{recorded.target_instance_id}' {gone} {_VENDOR_END}"
            )
        case _:
            return ""
    if asked is None or asked.event_id != recorded.event_id:
        return f"{start} {task} with sequence ID {recorded.event_id} and name '{recorded.name}' {version}, {gone} " + (
            _VENDOR_END
        )
    begin = f"{start} {task} with sequence number {recorded.event_id} named '{recorded.name}', but the current "
    if isinstance(asked, h.TaskScheduled | h.SubOrchestrationInstanceCreated) and type(asked) is type(recorded):
        return (
            f"{begin}orchestration replay instead scheduled {task} named '{asked.name}' with this sequence number. "
            + (_VENDOR_END)
        )
    return (
        f"{begin}orchestration replay instead produced a {_ACTIONS[type(asked)]} action with this sequence number. "
        + _VENDOR_END
    )
