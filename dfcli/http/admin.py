"""The addresses below `/admin`, as Azure Functions has them: how the host is, its functions, a timer run by hand."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.http import admin_contract as a
from dfcli.http.answers import answer, encode, nothing
from dfcli.http.by_hand import address_of, function_to_run, named_function
from dfcli.http.call import Call
from dfcli.http.ports import SERVING
from dfcli.http.routing import Access, RouteTable
from dfcli.model import payload

routes = RouteTable()
_STATES = {"stopping": "Stopping", "stopped": "Stopped"}
"""By the host's word for its health; a host that serves is `Running`, any other one in `Error`."""


class HostStatus(msgspec.Struct, kw_only=True, rename="camel"):
    id: str
    state: str
    version: str
    version_details: str


class FunctionConfig(msgspec.Struct):
    bindings: list[dict[str, Any]]


class AdminFunction(msgspec.Struct, kw_only=True):
    """One function as tools for Azure Functions read it."""

    name: str
    href: str
    language: str = "python"
    is_disabled: bool = msgspec.field(name="isDisabled")
    invoke_url_template: str | None = None
    config: FunctionConfig


@routes.add("GET", "host/status", access=Access.ADMIN, promises=a.HOST_STATUS)
async def host_status(call: Call) -> Response:
    word = call.service.health
    state = "Running" if word in SERVING else _STATES.get(word, "Error")
    version = call.service.version
    return answer(encode(HostStatus(id=call.host.hub_name, state=state, version=version, version_details=version)))


@routes.add("GET", "functions", access=Access.ADMIN, promises=a.ADMIN_FUNCTIONS)
async def functions(call: Call) -> Response:
    return answer(encode([_shown(call, function) for function in call.host.registry.all]))


@routes.add("GET", "functions/{name}", access=Access.ADMIN, promises=a.ADMIN_FUNCTION)
async def function(call: Call) -> Response:
    return answer(encode(_shown(call, named_function(call))))


@routes.add("POST", "functions/{name}", access=Access.ADMIN, promises=a.RUN_FUNCTION)
async def run(call: Call) -> Response:
    """Begin one run of a function, as Azure does, and answer at once. How it ends is told in the log."""
    given = payload.decode(*call.payload())
    found = function_to_run(call)
    text = given.get("input", "") if isinstance(given, dict) else ""
    call.host.begin_by_hand(found.name, (text if isinstance(text, str) else encode(text).decode()).encode())
    return nothing(202)


def _shown(call: Call, definition: FunctionDefinition) -> AdminFunction:
    return AdminFunction(
        name=definition.name,
        href=f"{call.origin}/admin/functions/{definition.name}",
        is_disabled=definition.kind == "unsupported",
        invoke_url_template=address_of(call, definition) if definition.kind == "http" else None,
        config=FunctionConfig(_bindings(definition)),
    )


def _bindings(definition: FunctionDefinition) -> list[dict[str, Any]]:
    """The trigger, in the words of function.json."""
    if definition.kind == "unsupported":
        return [{"type": need} for need in definition.needs]
    word = "orchestration" if definition.kind == "orchestrator" else definition.kind
    trigger: dict[str, Any] = {"name": definition.parameter, "type": f"{word}Trigger", "direction": "in"}
    if definition.kind == "http":
        trigger["authLevel"] = definition.auth_level
        trigger["route"] = definition.route
        if definition.methods is not None:
            trigger["methods"] = sorted(definition.methods)
    if definition.timer is not None:
        trigger["schedule"] = definition.timer.schedule
    return [trigger]
