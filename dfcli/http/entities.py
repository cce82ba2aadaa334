"""The durable API on entities: signal, read, list. An entity's name is matched without regard to case, its key exactly.

Paths, codes and bodies are Durable Functions' (docs: HTTP API reference).
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

import msgspec
from msgspec import Raw
from starlette.responses import Response

from dfcli.errors import InvalidArgument, InvalidJson
from dfcli.http import durable_contract as d
from dfcli.http.answers import Refusal, answer, encode, nothing
from dfcli.http.call import Call
from dfcli.http.listing import CONTINUATION, continuation_of, page_size
from dfcli.http.routing import DURABLE_BODY_MAX, Access, RouteTable
from dfcli.model import payload
from dfcli.model.entity_status import EntityView
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.projection import shown

routes = RouteTable()
"""Below any of the durable API's base addresses."""

EMPTY_KEY = "$"
"""How Durable Functions' clients write the empty key in an address. No entity has it here."""


class ShownEntityId(msgspec.Struct, frozen=True):
    name: str
    key: str


class ShownEntity(msgspec.Struct, frozen=True, rename="camel"):
    """One entity of a list."""

    entity_id: ShownEntityId
    last_operation_time: str
    state: Raw
    """null unless states were asked for."""


@routes.add("GET", "entities", access=Access.SYSTEM, promises=d.LIST_ENTITIES)
@routes.add("GET", "entities/{name}", access=Access.SYSTEM, promises=d.LIST_ENTITIES_OF_NAME)
async def list_entities(call: Call) -> Response:
    query = call.query
    fetched = query.flag("fetchstate", False)
    top, everything = page_size(call)
    items: list[EntityView] = []
    continuation = continuation_of(call)
    while True:
        page = await asyncio.to_thread(
            call.host.list_entities,
            call.params.get("name", ""),
            last_operation_from=query.moment("lastoperationtimefrom"),
            last_operation_to=query.moment("lastoperationtimeto"),
            top=top,
            continuation=continuation,
            fetch_state=fetched,
        )
        items += page.items
        continuation = page.continuation
        if not (everything and continuation):
            break
    return answer(encode([_shown(view) for view in items]), 200, {CONTINUATION: continuation})


@routes.add("GET", "entities/{name}/{key}", access=Access.SYSTEM, promises=d.ENTITY_STATE)
async def state(call: Call) -> Response:
    """The state alone; 404 for an entity without one."""
    name, key = call.params["name"], call.params["key"]
    view = await call.ask(lambda: call.host.entity(name, key)) if key != EMPTY_KEY else None
    if view is None or not view.exists:
        return nothing(404)
    return answer(bytes(shown(view.state)))


@routes.add("POST", "entities/{name}/{key}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX, promises=d.SIGNAL)
async def signal(call: Call) -> Response:
    return await _signal(call, call.query.text("op"))


@routes.add(
    "DELETE", "entities/{name}/{key}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX, promises=d.DELETE_ENTITY
)
async def delete(call: Call) -> Response:
    return await _signal(call, "delete")


@routes.add("POST", "entities", access=Access.SYSTEM)
@routes.add("POST", "entities/{name}", access=Access.SYSTEM)
@routes.add("DELETE", "entities", access=Access.SYSTEM)
@routes.add("DELETE", "entities/{name}", access=Access.SYSTEM)
async def signal_to_nobody(call: Call) -> NoReturn:
    """Durable Functions refuses the missing part, where other addresses that mean nothing are 404."""
    missing = "key" if "name" in call.params else "name"
    raise InvalidArgument(f"the entity's {missing} is missing", why="a signal goes to entities/{name}/{key}")


async def _signal(call: Call, operation: str) -> Response:
    await call.host.signal_entity(
        call.params["name"], call.params["key"], operation, _input(call), request_id=call.request_id
    )
    return nothing(202)


def _input(call: Call) -> Payload:
    """The body as the operation's input: JSON when it says so, any other text as a string. Raises InvalidArgument."""
    if not call.body:
        return NOTHING
    if not call.is_json:
        try:
            return payload.encode(call.body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidArgument("the body is no text", why=str(error)) from None
    try:
        return call.input_payload()
    except InvalidJson as error:
        raise Refusal(400, error.code, f"Could not parse JSON content: {error.why or error.what}") from None


def _shown(view: EntityView) -> ShownEntity:
    return ShownEntity(ShownEntityId(view.name, view.key), view.last_operation_time, shown(view.state))
