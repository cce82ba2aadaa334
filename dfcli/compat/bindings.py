"""From what `function.json` says of a function, which Azure's decorators write too, to a definition of ours."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dfcli.authoring.cloud_bindings import HTTP_OUTPUT, RETURN, set_cloud_trigger
from dfcli.authoring.timer import TimerBinding
from dfcli.authoring.triggers import AuthLevel, FunctionDefinition, Kind
from dfcli.compat.client import durable_client
from dfcli.compat.cloud_values import cloud_value
from dfcli.compat.entity import AzureEntityContext
from dfcli.compat.leniency import noticed, tell
from dfcli.compat.orchestration import AzureOrchestrationContext
from dfcli.compat.requests import http_request, timer_request
from dfcli.compat.serialization import dumps_output, dumps_result, loaded, read_strictness
from dfcli.errors import AppLoadError

Binding = Mapping[str, Any]
"""One binding, with the member names of function.json."""

_KINDS: dict[str, Kind] = {
    "orchestrationtrigger": "orchestrator",
    "activitytrigger": "activity",
    "entitytrigger": "entity",
    "httptrigger": "http",
    "timertrigger": "timer",
}
_CLIENTS = ("durableclient", "orchestrationclient")
_OUT = ("out", "1", "inout", "2")


def definition(
    name: str,
    function: Callable[..., Any],
    bindings: Sequence[Binding],
    *,
    auth_level: str = "function",
    input_type: Any = None,
    client_as_text: bool = False,
) -> FunctionDefinition:
    """The definition of the author's `function`; what is wrong with it is found by the registry's checks.

    `input_type` is what a decorator says an orchestrator takes. With `client_as_text` a function is handed the text of
    the client's binding and makes the client itself, as in apps of function.json.
    """
    read_strictness()
    code = inspect.unwrap(function).__code__
    found = FunctionDefinition(
        name=name,
        kind="",
        function=function,
        is_async=inspect.iscoroutinefunction(function),
        parameter=None,
        file=code.co_filename,
        line=code.co_firstlineno,
    )
    for binding in bindings:
        _add(found, binding)
    if client_as_text and found.make_client is not None:
        found.make_client = str
    if found.needs:
        found.kind = "unsupported"
    if found.kind in ("orchestrator", "entity"):
        _take_context(found)
    if found.kind in ("http", "timer", "activity", "unsupported") and found.parameter != "context":
        taken = {found.client_parameter, *found.outputs}
        if "context" in inspect.signature(function).parameters and "context" not in taken:
            found.context_parameter = "context"
    outputs = [parameter for parameter in found.outputs if parameter != RETURN]
    found.has_extras = bool(found.client_parameter or found.context_parameter or outputs)
    if found.kind == "http":
        found.auth_level = _auth_level(found, auth_level)
    _give_values(found, input_type)
    function.__dfcli__ = found  # type: ignore[attr-defined]
    return found


def _take_context(found: FunctionDefinition) -> None:
    """Azure's SDK hands the context over by position: the binding names a parameter of the SDK's own wrapper."""
    found.wished_parameter = found.parameter
    parameters = inspect.signature(found.function).parameters
    if found.parameter not in parameters:
        found.parameter = next(iter(parameters), None)


def _add(found: FunctionDefinition, binding: Binding) -> None:
    members = {key.casefold(): value for key, value in binding.items()}
    type_, name = str(members.get("type", "")), str(members.get("name", ""))
    found.app_values += _app_values(members)
    kind = _KINDS.get(type_.casefold())
    if kind is not None:
        found.triggers.append(kind)
        found.kind, found.parameter = kind, name
        _add_trigger(found, kind, members)
    elif type_.casefold() in _CLIENTS:
        if found.client_parameter is not None:
            found.faults.append("it asks for the durable client twice")
        found.client_parameter, found.client_task_hub = name, members.get("taskhub")
        found.make_client = durable_client
    elif type_.casefold().endswith("trigger"):
        found.triggers.append("unsupported")
        found.needs.append(type_)
        found.cloud_trigger, found.parameter = type_, name
        set_cloud_trigger(found, members)
    elif str(members.get("direction", "")).casefold() in _OUT:
        if type_.casefold() != HTTP_OUTPUT or name != RETURN:
            found.outputs[name] = HTTP_OUTPUT if type_.casefold() == HTTP_OUTPUT else type_
    else:
        found.needs.append(type_)
        found.cloud_inputs[name] = type_


def _app_values(members: Mapping[str, Any]) -> list[str]:
    """The settings that a binding names: its connection, and what stands as `%NAME%` in its texts."""
    connections = (members.get(key) for key in ("connection", "connectionstringsetting"))
    texts = (value for value in members.values() if isinstance(value, str))
    named = [name for text in texts for name in re.findall(r"%([^%\s]+)%", text)]
    return [*(str(connection) for connection in connections if connection), *named]


def _add_trigger(found: FunctionDefinition, kind: Kind, members: Mapping[str, Any]) -> None:
    override = {"orchestrator": "orchestration", "activity": "activity", "entity": "entityname"}.get(kind)
    if override is not None and members.get(override):
        found.name, found.name_from_trigger = str(members[override]), True
    if kind == "http":
        route, methods = members.get("route"), members.get("methods")
        found.route = str(route).lstrip("/") if route is not None else None
        methods = [methods] if isinstance(methods, str) else methods
        found.methods = frozenset(str(method).upper() for method in methods) if methods else None
        found.auth_level = members.get("authlevel") or found.auth_level
    elif kind == "timer":
        found.timer = TimerBinding(
            schedule=str(members.get("schedule", "")).strip(),
            run_on_startup=_is_true(members.get("runonstartup")),
            use_monitor=None if members.get("usemonitor") is None else _is_true(members["usemonitor"]),
        )


def _give_values(found: FunctionDefinition, input_type: Any) -> None:
    """Which types the function is handed, and how its results are written."""
    match found.kind:
        case "orchestrator":
            found.context_type, found.input_type = partial(AzureOrchestrationContext, definition=found), input_type
            found.encode, found.notice = partial(dumps_output, found), partial(noticed, found)
        case "activity":
            found.input_type, found.encode = loaded(), dumps_result
            found.return_type = inspect.signature(found.function).return_annotation
        case "entity":
            found.context_type = partial(AzureEntityContext, definition=found)
            found.on_rollback = partial(tell, "DFA113", found)
        case "http":
            found.adapt = http_request
        case "timer":
            found.adapt = timer_request
        case _:
            found.adapt = cloud_value


def _auth_level(found: FunctionDefinition, default: str) -> AuthLevel:
    """Raises AppLoadError for a word that is none."""
    word = str(found.auth_level or default).lower()
    if word not in list(AuthLevel):
        raise AppLoadError(
            f"the authLevel {word!r} of function {found.name!r} is none",
            why=f"it is {', '.join(AuthLevel)}; the function stands at {found.where}",
            hint="correct it in the decorator, or in the function's function.json",
        )
    return AuthLevel(word)


def _is_true(value: Any) -> bool:
    return value is True or re.fullmatch(r"(?i)true|1", str(value)) is not None
