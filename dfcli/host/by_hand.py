"""Running a function once without its trigger: what `dfcli trigger` and the admin address ask for."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from dfcli.authoring.cloud_bindings import RETURN, Out
from dfcli.authoring.cloud_values import CloudMessage, plain_value
from dfcli.authoring.http import HttpRequest
from dfcli.authoring.timer import TimerRequest
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import InvalidArgument
from dfcli.host.activities import HIDDEN_FRAMES
from dfcli.model import payload as payloads
from dfcli.model.failure import FailureDetails, describe

if TYPE_CHECKING:
    from dfcli.host.http_functions import HttpFunctions

_INSTEAD = {
    "orchestrator": "dfcli start {name} --input JSON",
    "activity": "call it from an orchestrator: dfcli start ORCHESTRATOR",
    "entity": "dfcli entity signal {name} KEY OPERATION",
}


class FunctionRun(msgspec.Struct, rename="camel", kw_only=True):
    """How a function run by hand ended."""

    name: str
    failure: FailureDetails | None = None
    returned: Raw | None = None
    """As JSON; what JSON has no form for as text."""
    outputs: dict[str, Raw] = {}
    """What the function gave to its output bindings, by parameter; they go nowhere."""


def check_can_run(definition: FunctionDefinition) -> None:
    """Raises InvalidArgument for a durable function, with the command that runs it."""
    instead = _INSTEAD.get(definition.triggers[0] if definition.triggers else definition.kind)
    if instead is not None:
        raise InvalidArgument(
            f"the function {definition.name!r} is not run this way",
            why=f"it is of the kind {definition.triggers[0]}",
            hint=instead.format(name=definition.name),
        )


async def run_by_hand(
    host: HttpFunctions, definition: FunctionDefinition, data: bytes, bindings: Mapping[str, bytes]
) -> FunctionRun:
    """Call the function with `data` as its trigger's content and `bindings` as the contents of its input bindings.
    Raises InvalidArgument when an input is missing, or when there is no such binding."""
    check_can_run(definition)
    missing = [name for name in definition.cloud_inputs if name not in bindings]
    if missing or bindings.keys() - definition.cloud_inputs.keys():
        wrong = missing[0] if missing else next(iter(bindings.keys() - definition.cloud_inputs.keys()))
        inputs = ", ".join(f"{name} ({kind})" for name, kind in definition.cloud_inputs.items()) or "none"
        raise InvalidArgument(
            f"the input {wrong!r} is missing" if missing else f"there is no input binding {wrong!r}",
            why=f"the input bindings of {definition.name!r} are: {inputs}; no cloud service provides them here",
            hint=f"dfcli trigger {definition.name} --data … --binding {wrong}=@FILE" if missing else "dfcli functions",
        )
    try:
        arguments = host.extras(definition)
        for name, content in bindings.items():
            arguments[name] = _value(definition, name, content, definition.cloud_inputs[name])
        trigger = _trigger_value(definition, data)
        returned = await host.run_function(definition, trigger, arguments)
    except Exception as error:
        return FunctionRun(name=definition.name, failure=describe(error, hide=HIDDEN_FRAMES))
    outputs = {
        name: shown(arguments[name].get())
        for name in definition.outputs
        if name != RETURN and isinstance(arguments.get(name), Out)
    }
    return FunctionRun(name=definition.name, returned=shown(returned), outputs=outputs)


def _trigger_value(definition: FunctionDefinition, data: bytes) -> Any:
    if "timer" in definition.triggers:
        return TimerRequest()
    if "http" in definition.triggers:
        return HttpRequest("POST", f"http://localhost/api/{definition.route or definition.name}", body=data)
    return _value(definition, definition.parameter or "", data, definition.cloud_trigger)


def _value(definition: FunctionDefinition, parameter: str, content: bytes, type: str) -> Any:
    """The content as the function takes it. Of an Azure app, messages become Azure's types where the trigger's value is
    adapted; an input binding has no such place."""
    found = inspect.signature(definition.function).parameters.get(parameter)
    annotation = None if found is None else found.annotation
    message = CloudMessage(content, type, parameter)
    if definition.adapt is None or annotation in (str, bytes, "str", "bytes"):
        return plain_value(message, annotation)
    if parameter == definition.parameter:
        return message
    return definition.adapt(CloudMessage(content, f"{type}Trigger", parameter))


def shown(value: Any) -> Raw:
    """A value as JSON: bytes and messages by their text, what has no form as it prints itself."""
    for read in ("get_body", "read"):
        if callable(getattr(value, read, None)):
            value = getattr(value, read)()
    if isinstance(value, bytes | bytearray):
        try:
            value = bytes(value).decode()
        except UnicodeDecodeError:
            value = {"base64": base64.b64encode(value).decode()}
    try:
        payload = payloads.encode(value)
    except (TypeError, ValueError):
        payload = payloads.encode(str(value))
    return payload.raw if isinstance(payload.raw, Raw) else Raw(msgspec.json.encode(payload.text or ""))
