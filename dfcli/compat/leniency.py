"""What works here and not, or otherwise, on Azure: each with a code, told once per run and function, never silently.

Some is seen when the app is loaded, some only when it happens. docs/azure.md has the list with examples.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from contextvars import Context
from types import FrameType
from typing import NamedTuple

from dfcli.authoring.triggers import FunctionDefinition, Notice
from dfcli.compat.leniencies_at_load import at_load

log = logging.getLogger("dfcli.azure")


class Leniency(NamedTuple):
    """One of them."""

    what: str
    """As the end of a sentence that begins with the function's name."""
    hint: str


LENIENCIES = {
    "DFA101": Leniency(
        "is a plain `def` with a durable client; on Azure it must be `async def`",
        "write `async def`, and `await` the client's methods",
    ),
    "DFA102": Leniency(
        "has a context parameter that is not called `context`; on Azure it must be",
        'name the parameter `context`, and write context_name="context"',
    ),
    "DFA103": Leniency(
        "is an `async def`, which Azure does not run as an orchestrator or entity",
        "write `def` with `yield` for an orchestrator, `def` for an entity",
    ),
    "DFA104": Leniency(
        "calls a decorated function by its object, whose registered name differs from its Python name; Azure calls the "
        "Python name",
        "call it by its registered name as text",
    ),
    "DFA105": Leniency(
        "returns an object with to_json; on Azure the output of an orchestrator is plain JSON or the instance fails",
        "return `to_json(...)` of it",
    ),
    "DFA106": Leniency(
        "ended with a timer that was neither fired nor cancelled; on Azure the instance stays Running until it fires",
        "cancel the timers that lose a race: timer.cancel()",
    ),
    "DFA107": Leniency(
        "ended with calls that had no answer yet; on Azure the instance stays Running until they end",
        "wait for them, or mind that it ends later there",
    ),
    "DFA108": Leniency(
        "set a custom status that is empty or zero; Azure's SDK does not send it, so that the one before stays",
        "use a value that is neither empty nor zero, such as text",
    ),
    "DFA109": Leniency(
        "gave a timedelta to create_timer; Azure's SDK takes a datetime",
        "write context.current_utc_datetime + timedelta(...)",
    ),
    "DFA110": Leniency(
        "used the retry options of dfcli; Azure's have neither back-off nor filters",
        "use azure.durable_functions.RetryOptions",
    ),
    "DFA111": Leniency(
        "used what only dfcli's context has: locks, signal times, retried HTTP calls, replay-safe loggers",
        "leave it out of an app that is to run on Azure",
    ),
    "DFA112": Leniency(
        "asked for the input of an operation that has none; Azure's SDK raises TypeError there",
        "call the operation with an input",
    ),
    "DFA113": Leniency(
        "raised after it had set a state, which was taken back; Azure's SDK keeps the state",
        "set the state last, when nothing can fail any more",
    ),
    "DFA115": Leniency(
        "has a parameter that no binding fills; Azure does not load such a function, even when it has a default",
        "remove the parameter",
    ),
    "DFA116": Leniency(
        "has an annotation that does not fit its binding; Azure refuses it when it loads or calls the function",
        "annotate func.HttpRequest, func.TimerRequest, func.Context, and func.HttpResponse or str for what is returned",
    ),
    "DFA117": Leniency(
        "has a name that Azure does not take: letters, digits, `_` and `-`, a letter first, and not `host`",
        "give it another name",
    ),
    "DFA118": Leniency(
        "uses a member of tasks that Azure's SDK does not have",
        "use is_completed, state and result, or yield the task",
    ),
    "DFA119": Leniency(
        "uses a member of failures that Azure's SDK does not have; there it is a plain Exception",
        "read str(error)",
    ),
    "DFA120": Leniency(
        "uses something of the entity's context that Azure's SDK does not have",
        "have an orchestrator or an HTTP function send the signal or start the instance",
    ),
    "DFA121": Leniency(
        "has a route that begins with `admin` or `runtime`; those are of Azure's own host, which refuses it",
        "choose another route",
    ),
    "DFA122": Leniency(
        "is an entity that returns its result; Azure's SDK ignores what it returns",
        "call context.set_result(...)",
    ),
    "DFA123": Leniency(
        "stands in a file that imports dfcli; Azure has no such package",
        "import what Azure's packages offer instead",
    ),
    "DFA124": Leniency(
        "gave a naive datetime to create_timer; Azure's SDK compares it with an aware one and raises TypeError",
        "add timezone.utc, or begin with context.current_utc_datetime",
    ),
    "DFA125": Leniency(
        "waits again for a name whose event came before it was waited for; Azure's SDK keeps the last event that came "
        "early, and gives it to each later wait",
        "begin to wait before the event can come, and keep one wait for each event",
    ),
    "DFA126": Leniency(
        "took an event whose name is spelt in another case; Azure's SDK does not find it",
        "raise the event under the very name that is waited for",
    ),
    "DFA127": Leniency(
        "continued as new with events that it had not taken; Azure drops them",
        "take them first, or hand them over in the input",
    ),
    "DFA128": Leniency(
        "called a server that answered 202 and was asked again until it was done; Azure's SDK gives the 202",
        "look at statusCode, and ask again with a timer in between",
    ),
    "DFA129": Leniency(
        "cancelled a timer of more than six days; on Azure its part under way is not cancelled, and the instance stays "
        "Running until that fires",
        "wait for shorter timers in a loop",
    ),
    "DFA130": Leniency(
        "gave an iterator to task_all or task_any; Azure's SDK asks for its length and raises TypeError",
        "give a list",
    ),
    "DFA131": Leniency(
        "put a task into a second task_all or task_any while the first still waits for it; on Azure the first never "
        "completes",
        "make the second when the first is over, or of other tasks",
    ),
    "DFA132": Leniency(
        "has a task_all inside another task_all or task_any that failed before its other parts had succeeded; on Azure "
        'the instance fails then, since it "completed twice"',
        "yield the task_all by itself, or call a sub-orchestrator that does",
    ),
    "DFA133": Leniency(
        "named an entity by text; Azure's SDK raises AttributeError",
        "write df.EntityId(name, key)",
    ),
    "DFA134": Leniency(
        "called continue_as_new without an input; Azure's SDK raises TypeError",
        "write continue_as_new(None)",
    ),
    "DFA135": Leniency(
        "was started over HTTP with JSON that is no object; Azure's SDK raises in get_input for lists, numbers and "
        "truth values, and reads text as JSON",
        "start it with an object, or through the durable client",
    ),
    "DFA136": Leniency(
        "took more than 100,000 decisions in one execution; Azure fails the instance",
        "continue as new now and then, or set maxOrchestrationActions in host.json",
    ),
    "DFA137": Leniency(
        "yields a signal to an entity; on Azure it is sent twice, and the instance never goes on",
        "call context.signal_entity(...) without yield",
    ),
    "DFA138": Leniency(
        "gave get_state a value where Azure's SDK takes a function; there it raises, or gives None for 0 and the like",
        "write get_state(lambda: value)",
    ),
}

_NOTICES: dict[Notice, str] = {
    "left a timer open": "DFA106",
    "left a call open": "DFA107",
    "early event": "DFA125",
    "event in another case": "DFA126",
    "events carried over": "DFA127",
    "poll": "DFA128",
    "started with no object": "DFA135",
    "many actions": "DFA136",
    "completed twice": "DFA132",
}

_PACKAGE = __file__.rpartition("compat")[0]
_told: set[tuple[str, str]] = set()


def is_told(code: str, function: FunctionDefinition) -> bool:
    return (code, function.where) in _told


def tell(code: str, function: FunctionDefinition, place: str = "", detail: str = "") -> None:
    """Warn, unless that has been said of the function before. `place` is a line inside of it."""
    key = code, function.where
    if key in _told:
        return
    _told.add(key)
    leniency = LENIENCIES[code]
    what = f"{leniency.what} ({detail})" if detail else leniency.what
    text = f"{code}: {function.name} at {place or function.where} {what}; {leniency.hint}"
    Context().run(log.warning, "%s", text)  # it is not the function that says so


def tell_here(code: str, function: FunctionDefinition, detail: str = "") -> None:
    """The same of the line that is running now, for code that is called from it."""
    if is_told(code, function):
        return
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    tell(code, function, f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "", detail)


def noticed(function: FunctionDefinition, notice: Notice, name: str = "") -> None:
    """What the engine has noticed of a run."""
    tell(_NOTICES[notice], function, detail=name)


def tell_of_all(functions: Iterable[FunctionDefinition]) -> None:
    """Warn of what is seen without running anything, for a host that begins to serve an app."""
    for function in functions:
        for seen in at_load(function):
            tell(seen.code, function, seen.place, seen.detail)
