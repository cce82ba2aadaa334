"""aggregator: gather the readings of many sensors. Each sensor is an entity that keeps count, mean and extremes."""

from collections.abc import Generator
from typing import Any

import dfcli as df

import totals

app = df.DFApp()


@app.entity_trigger(entity_name="sensor")
class Sensor(df.DurableEntity):
    """One sensor. Its operations run one at a time, each at most once for a reading that was acknowledged."""

    def add(self, reading: float) -> None:
        """Take one reading."""
        self.set_state(totals.with_reading(self.get_state(dict, totals.nothing()), reading))

    def get(self) -> dict[str, Any]:
        """What has been gathered."""
        return totals.summary(self.get_state(dict, totals.nothing()))

    def reset(self) -> dict[str, Any]:
        """What has been gathered; begin anew."""
        gathered = self.get()
        self.set_state(totals.nothing())
        return gathered


@app.route(route="sensors/{sensor}/readings", methods=["POST"])
@app.durable_client_input(client_name="client")
async def add_reading(req: df.HttpRequest, client: df.DurableOrchestrationClient) -> df.HttpResponse:
    """Take a reading: a number as JSON. Once this answers 202 the reading is on the disk."""
    try:
        reading = totals.checked(req.get_json())
        await client.signal_entity(df.EntityId("sensor", req.route_params["sensor"]), "add", reading)
    except (ValueError, df.DfError) as error:
        return df.HttpResponse(f"{error}\n", status_code=400)
    return df.HttpResponse(status_code=202)


@app.route(route="sensors/{sensor}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def show_sensor(req: df.HttpRequest, client: df.DurableOrchestrationClient) -> df.HttpResponse:
    """What a sensor has gathered, as far as its operations have run."""
    found = await client.read_entity_state(df.EntityId("sensor", req.route_params["sensor"]))
    if not found.entity_exists:
        return df.HttpResponse("no such sensor\n", status_code=404)
    return df.HttpResponse(totals.as_json(totals.summary(found.entity_state)), mimetype="application/json")


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: df.HttpRequest, client: df.DurableOrchestrationClient) -> df.HttpResponse:
    """Start an instance over HTTP; the answer holds the links to follow it."""
    try:
        client_input = req.get_json() if req.get_body() else None
        instance_id = await client.start_new(req.route_params["functionName"], client_input=client_input)
    except (ValueError, df.DfError) as error:
        return df.HttpResponse(str(error), status_code=400)
    return client.create_check_status_response(req, instance_id)


@app.orchestration_trigger(context_name="context")
def report(context: df.DurableOrchestrationContext) -> Generator[df.Task, Any, dict[str, Any]]:
    """Input: {"sensors": [names], "reset": bool}. Output: what each has gathered, and the warmest of them.

    A call comes after every reading that was acknowledged before the report was started.
    """
    wish = context.get_input()
    operation = "reset" if wish.get("reset") else "get"
    calls = [context.call_entity(df.EntityId("sensor", name), operation) for name in wish["sensors"]]
    gathered = dict(zip(wish["sensors"], (yield context.task_all(calls)), strict=True))
    return {"sensors": gathered, "warmest": totals.warmest(gathered)}
