"""Running a function once without its trigger: what `dfcli trigger` and the admin address ask for."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from dfcli.authoring.cloud_bindings import RETURN, Out
from dfcli.authoring.cloud_values import CloudMessage, check_members, plain_value, split, word_of
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


class TriggerInput(msgspec.Struct, kw_only=True, frozen=True):
    """What stands for what the trigger and the input bindings of a function would bring."""

    data: bytes = b""
    file_name: str = ""
    """Of the file that holds the data: the name of a blob."""
    metadata: dict[str, Any] = {}
    """Members of the message, as `subject` or `message_id`."""
    bindings: dict[str, bytes] = {}
    """The contents of input bindings, by parameter."""


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
    kinds = [kind for kind in (*definition.triggers, definition.kind) if kind in _INSTEAD]
    if kinds:
        raise InvalidArgument(
            f"the function {definition.name!r} is not run this way",
            why=f"it is of the kind {kinds[0]}",
            hint=_INSTEAD[kinds[0]].format(name=definition.name),
        )


async def run_by_hand(
    host: HttpFunctions, definition: FunctionDefinition, given: TriggerInput, timer: TimerRequest | None = None
) -> FunctionRun:
    """Call the function with what is given. Raises InvalidArgument when that is not what it takes."""
    check_can_run(definition)
    _check_inputs(definition, given.bindings)
    try:
        inputs = {
            name: _value(definition, CloudMessage(content, definition.cloud_inputs[name]), name)
            for name, content in given.bindings.items()
        }
        trigger = _trigger_value(definition, given, timer)
    except ValueError as error:
        raise InvalidArgument(
            f"the data are not what {definition.name!r} takes",
            why=str(error),
            hint=f"it is triggered by {definition.cloud_trigger}" if definition.cloud_trigger else "",
        ) from None
    try:
        arguments = {**host.extras(definition), **inputs}
        returned = await host.run_function(definition, trigger, arguments)
    except Exception as error:
        return FunctionRun(name=definition.name, failure=describe(error, hide=HIDDEN_FRAMES))
    outputs = {name: arguments[name] for name in definition.outputs if name != RETURN}
    set_outputs = {name: shown(out.get()) for name, out in outputs.items() if isinstance(out, Out) and out.is_set}
    return FunctionRun(name=definition.name, returned=shown(returned), outputs=set_outputs)


def _check_inputs(definition: FunctionDefinition, given: Mapping[str, bytes]) -> None:
    missing = [name for name in definition.cloud_inputs if name not in given]
    unknown = [name for name in given if name not in definition.cloud_inputs]
    for wrong in missing + unknown:
        inputs = ", ".join(f"{name} ({kind})" for name, kind in definition.cloud_inputs.items()) or "none"
        raise InvalidArgument(
            f"the input {wrong!r} is missing" if missing else f"there is no input binding {wrong[:80]!r}",
            why=f"the input bindings of {definition.name!r} are: {inputs}; no cloud service provides them here",
            hint=f"dfcli trigger {definition.name} --data … --binding {wrong}=@FILE" if missing else "dfcli functions",
        )


def _trigger_value(definition: FunctionDefinition, given: TriggerInput, timer: TimerRequest | None) -> Any:
    """Raises ValueError, InvalidArgument."""
    if "timer" in definition.triggers:
        return timer or TimerRequest()
    if "http" in definition.triggers:
        return HttpRequest("POST", f"http://localhost/api/{definition.route or definition.name}", body=given.data)
    check_members(given.metadata)
    message = CloudMessage(given.data, definition.cloud_trigger, given.metadata)
    if message.service == "blob":
        container = definition.blob_path.partition("/")[0]
        name = f"{container}/{given.file_name}" if given.file_name else definition.blob_path
        message.metadata.setdefault("name", name)
    if not definition.takes_batches:
        return _value(definition, message, definition.parameter)
    return [_value(definition, each, definition.parameter) for each in split(message)]


def _value(definition: FunctionDefinition, message: CloudMessage, parameter: str | None) -> Any:
    """The message as the function takes it; for an Azure app of Azure's type."""
    found = inspect.signature(definition.function).parameters.get(parameter or "")
    annotation = None if found is None else found.annotation
    if definition.adapt is None or word_of(annotation) in ("str", "bytes"):
        return plain_value(message, annotation)
    return definition.adapt(message)


def shown(value: Any) -> Raw:
    """A value as JSON: bytes and messages by their text, what has no form as it prints itself."""
    status = getattr(value, "status_code", None)
    for read in ("get_body", "read"):
        if callable(getattr(value, read, None)):
            value = getattr(value, read)()
    if isinstance(value, bytes | bytearray):
        try:
            value = bytes(value).decode()
        except UnicodeDecodeError:
            value = {"base64": base64.b64encode(value).decode()}
    if isinstance(status, int):
        value = {"statusCode": status, "body": value}
    try:
        payload = payloads.encode(value)
    except (TypeError, ValueError):
        payload = payloads.encode(str(value))
    return payload.raw if isinstance(payload.raw, Raw) else Raw(msgspec.json.encode(payload.text or ""))
