"""Functions run by hand: which one a path names, its address if it has one, and what a request brings to it."""

from __future__ import annotations

from base64 import b64decode

import msgspec

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import InvalidArgument, NotFound
from dfcli.host.by_hand import TriggerInput
from dfcli.http import wire
from dfcli.http.call import Call


def trigger_input(body: bytes) -> TriggerInput:
    """Raises InvalidArgument."""
    try:
        wanted = msgspec.json.decode(body or b"{}", type=wire.RunRequest)
        return TriggerInput(
            data=_content(wanted.input, wanted),
            file_name=wanted.file_name,
            metadata=wanted.metadata,
            bindings={name: _content(text, wanted) for name, text in wanted.bindings.items()},
        )
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidArgument("the body is not as described", why=str(error)) from None


def _content(text: str, wanted: wire.RunRequest) -> bytes:
    return b64decode(text, validate=True) if wanted.base64 else text.encode()


def named_function(call: Call) -> FunctionDefinition:
    """The function of the path. Raises NotFound."""
    wanted = call.params["name"].casefold()
    for each in call.host.registry.all:
        if each.name.casefold() == wanted:
            return each
    raise NotFound(f"there is no function {call.params['name'][:80]!r}", hint="dfcli functions")


def function_to_run(call: Call) -> FunctionDefinition:
    """The same of a function that has no address of its own. Raises NotFound, InvalidArgument."""
    found = named_function(call)
    if found.kind != "http":
        return found
    methods = sorted(found.methods or ())
    raise InvalidArgument(
        f"the function {found.name!r} is not run this way",
        why="it is an HTTP function",
        hint=f"call it at its route: curl {f'-X {methods[0]} ' if methods else ''}{address_of(call, found)}",
    )


def address_of(call: Call, definition: FunctionDefinition) -> str:
    """The URL of an HTTP function, with the parameters of its route."""
    route = definition.route if definition.route is not None else definition.name
    return "/".join(part for part in (call.origin, call.service.route_prefix.strip("/"), route) if part)
