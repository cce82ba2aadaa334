"""aggregator: gather the readings of many sensors. Each sensor is an entity that keeps count, mean and extremes."""

from collections.abc import Generator
from typing import Any

import dfcli as df
from dfcli import HttpRequest, HttpResponse

import totals

app = df.DFApp()


@app.entity_trigger(context_name="context", entity_name="sensor")
def sensor(context: df.DurableEntityContext) -> None:
    """One sensor. Its operations run one at a time, each at most once for a reading that was acknowledged."""
    gathered = context.get_state(totals.nothing)
    match context.operation_name:
        case "add":
            context.set_state(totals.with_reading(gathered, context.get_input()["value"]))
        case "get":
            context.set_result(totals.summary(gathered))
        case "reset":
            context.set_result(totals.summary(gathered))
            context.set_state(totals.nothing())
        case unknown:
            raise ValueError(f"a sensor has no operation {unknown!r}: it has add, get and reset")


@app.route(route="sensors/{sensor}/readings", methods=["POST"])
@app.durable_client_input(client_name="client")
async def add_reading(req: HttpRequest, client: df.DurableOrchestrationClient) -> HttpResponse:
    """Take a reading: a number as JSON. Once this answers 202 the reading is on the disk."""
    try:
        reading = {"value": totals.checked(req.get_json())}  # Azure's client would drop a bare 0
        await client.signal_entity(df.EntityId("sensor", req.route_params["sensor"]), "add", reading)
    except Exception as error:  # no JSON, or refused by the host: the client says it in plain exceptions
        return HttpResponse(f"{error}\n", status_code=400)
    return HttpResponse(status_code=202)


@app.route(route="sensors/{sensor}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def show_sensor(req: HttpRequest, client: df.DurableOrchestrationClient) -> HttpResponse:
    """What a sensor has gathered, as far as its operations have run."""
    found = await client.read_entity_state(df.EntityId("sensor", req.route_params["sensor"]))
    if not found.entity_exists:
        return HttpResponse("no such sensor\n", status_code=404)
    return HttpResponse(totals.as_json(totals.summary(found.entity_state)), mimetype="application/json")


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: HttpRequest, client: df.DurableOrchestrationClient) -> HttpResponse:
    """Start an instance over HTTP; the answer holds the links to follow it."""
    try:
        client_input = req.get_json() if req.get_body() else None
        instance_id = await client.start_new(req.route_params["functionName"], client_input=client_input)
    except Exception as error:  # no JSON, or refused by the host: the client says it in plain exceptions
        return HttpResponse(str(error), status_code=400)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def report(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any]]:
    """Input: {"sensors": [names], "reset": bool}. Output: what each has gathered, and the warmest of them.

    A call comes after every reading that was acknowledged before the report was started.
    """
    wish = context.get_input()
    operation = "reset" if wish.get("reset") else "get"
    calls = [context.call_entity(df.EntityId("sensor", name), operation) for name in wish["sensors"]]
    gathered = dict(zip(wish["sensors"], (yield context.task_all(calls)), strict=True))
    return {"sensors": gathered, "warmest": totals.warmest(gathered)}
