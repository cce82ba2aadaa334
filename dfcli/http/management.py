"""The durable API on one instance: start, status, raise event, terminate, suspend, resume, rewind, restart, purge.

Paths, codes and bodies are Durable Functions' (docs: HTTP API reference); lists stand in `listing`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import UNSET
from starlette.responses import Response

from dfcli.errors import InstanceGone, InvalidArgument, NotFound, Quarantined, WrongState
from dfcli.http import durable_contract as d
from dfcli.http.answers import Refusal, answer, encode, nothing, text
from dfcli.http.call import Call
from dfcli.http.check_status import check_status, wait_for_completion, wait_seconds
from dfcli.http.routing import DURABLE_BODY_MAX, Access, RouteTable
from dfcli.model import projection
from dfcli.model.entity_ids import entity_instance_id, is_entity_id, parse_entity_id
from dfcli.model.ids import check_event_name, check_instance_id
from dfcli.model.payload import Payload
from dfcli.model.status import TERMINAL_STATUSES, InstanceSummary
from dfcli.model.status_object import status_object

routes = RouteTable()
"""Below any of the durable API's base addresses."""

RETRY_AFTER_SECONDS = "5"


def instance_of(call: Call) -> str:
    """The instance id of the path. Raises NotFound for an entity's, InvalidArgument for what can be no id."""
    instance_id = call.params["id"]
    if is_entity_id(instance_id):
        raise NotFound(f"no instance {instance_id!r}")
    return check_instance_id(instance_id)


def instance_or_entity(call: Call) -> str:
    """The id of the path, where entities are shown and purged as instances. Raises InvalidArgument, NotFound."""
    instance_id = call.params["id"]
    if not is_entity_id(instance_id):
        return check_instance_id(instance_id)
    try:
        name, key = parse_entity_id(instance_id)
    except InvalidArgument:
        raise NotFound(f"no entity {instance_id!r}") from None
    return entity_instance_id(name, key)


async def known_instance(call: Call) -> InstanceSummary:
    """The summary of the path's instance. Raises NotFound."""
    instance_id = instance_of(call)
    summary = await call.summary(instance_id)
    if summary is None:
        raise NotFound(f"no instance {instance_id!r}")
    return summary


async def live_instance(call: Call) -> InstanceSummary:
    """Raises NotFound, InstanceGone."""
    summary = await known_instance(call)
    if summary.status in TERMINAL_STATUSES:
        raise InstanceGone(f"instance {summary.instance_id!r} has ended: it is {summary.status}")
    return summary


@routes.add("POST", "orchestrators/{name}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX, promises=d.START)
@routes.add(
    "POST", "orchestrators/{name}/{id}", access=Access.SYSTEM, body_max=DURABLE_BODY_MAX, promises=d.START_WITH_ID
)
async def start(call: Call) -> Response:
    seconds = wait_seconds(call)
    payload = call.input_payload()
    wanted = call.params.get("id")
    function = call.host.registry.orchestrator(call.params["name"])
    if function is not None and function.notice is not None and not call.is_python_1 and not _is_object(payload):
        function.notice("started with no object", "")
    instance_id = await call.host.start_instance(
        call.params["name"],
        payload,
        instance_id=check_instance_id(wanted) if wanted else None,
        version=call.query.text("version") or None,
        request_id=call.request_id,
    )
    if seconds is not None:
        return await wait_for_completion(call, instance_id, seconds)
    return check_status(call, instance_id)


def _is_object(payload: Payload) -> bool:
    """Or nothing: null."""
    return payload.raw is UNSET or bytes(payload.raw)[:1] in (b"{", b"n")


@routes.add("GET", "instances/{id}", access=Access.SYSTEM, promises=d.GET_STATUS)
async def status(call: Call) -> Response:
    summary = await call.summary(instance_or_entity(call))
    if summary is None:
        return nothing(404)
    show_input = call.query.flag("showinput", True)
    history = None
    if call.query.flag("showhistory", False) and summary.status != "Pending":
        events = await asyncio.to_thread(call.host.history, summary.instance_id)
        show_output = call.query.flag("showhistoryoutput", False)
        history = projection.history_events(
            events, show_input=show_input, show_output=show_output, inputs=call.service.store_inputs
        )
    body = encode(status_object(summary, show_input=show_input, history=history))
    if summary.status not in TERMINAL_STATUSES:
        return answer(body, 202, {"location": call.url, "retry-after": RETRY_AFTER_SECONDS})
    failed = summary.status == "Failed" and call.query.flag("returninternalservererroronfailure", False)
    return answer(body, 500 if failed else 200)


@routes.add("DELETE", "instances/{id}", access=Access.SYSTEM, promises=d.PURGE)
async def purge(call: Call) -> Response:
    instance_id = instance_or_entity(call)
    try:
        deleted = await call.host.purge(instance_id)
    except WrongState as error:
        return text(error.what, 412)
    except NotFound:
        if not is_entity_id(instance_id):
            raise
        deleted = 0  # of entities Durable Functions does not ask first whether they are there
    return answer(encode({"instancesDeleted": deleted}))


@routes.add(
    "POST",
    "instances/{id}/raiseEvent/{event}",
    access=Access.SYSTEM,
    body_max=DURABLE_BODY_MAX,
    promises=d.RAISE_EVENT,
)
async def raise_event(call: Call) -> Response:
    # A repeated request is not gone though the instance is: the host knows which were recorded.
    instance_id = (await (known_instance if call.request_id else live_instance)(call)).instance_id
    if not call.is_json:
        raise Refusal(400, "unsupported_media_type", "Only application/json request content is supported")
    name = check_event_name(call.params["event"])
    await call.host.raise_event(instance_id, name, call.payload(), request_id=call.request_id)
    return nothing(202)


@routes.add("POST", "instances/{id}/terminate", access=Access.SYSTEM, promises=d.TERMINATE)
async def terminate(call: Call) -> Response:
    return await _with_reason(call, call.host.terminate)


@routes.add("POST", "instances/{id}/suspend", access=Access.SYSTEM, promises=d.SUSPEND)
async def suspend(call: Call) -> Response:
    return await _with_reason(call, call.host.suspend)


@routes.add("POST", "instances/{id}/resume", access=Access.SYSTEM, promises=d.RESUME)
async def resume(call: Call) -> Response:
    return await _with_reason(call, call.host.resume)


@routes.add("POST", "instances/{id}/rewind", access=Access.SYSTEM, promises=d.REWIND)
async def rewind(call: Call) -> Response:
    try:
        await call.host.rewind(instance_of(call), call.query.text("reason"))
    except NotFound:
        return text(f'No orchestration with instance ID "${call.params["id"]}" found.', 404)
    except Quarantined:
        raise  # a conflict, as with the other verbs: its status is not what is wrong
    except WrongState as error:
        return text(error.what, 412)
    return nothing(202)


@routes.add("POST", "instances/{id}/restart", access=Access.SYSTEM, promises=d.RESTART)
async def restart(call: Call) -> Response:
    seconds = wait_seconds(call)
    try:
        instance_id = await call.host.restart(
            instance_of(call), new_id=call.query.flag("restartwithnewinstanceid", True)
        )
    except NotFound:
        # The misspelling is Durable Functions' own: its clients compare the text.
        body = {
            "Message": "InstanceId does not match a valid orchestration instance.",
            "ExceptionMessage": f"An orchestrastion with the instanceId {call.params['id']} was not found.",
            "ExceptionType": "System.ArgumentException",
        }
        return answer(encode(body), 400)
    if seconds is not None:
        return await wait_for_completion(call, instance_id, seconds)
    return check_status(call, instance_id)


@routes.add("*", "makeprimary", access=Access.SYSTEM, promises=d.MAKE_PRIMARY)
async def make_primary(call: Call) -> Response:  # noqa: ARG001 - there is one host, so it is always the primary
    return nothing(200)


async def _with_reason(call: Call, verb: Callable[[str, str], Awaitable[None]]) -> Response:
    await verb(instance_of(call), call.query.text("reason"))
    return nothing(202)
