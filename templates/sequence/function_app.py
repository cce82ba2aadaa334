"""{{app_name}}: three greetings, one after the other."""

from collections.abc import Generator
from typing import Any

import dfcli as df
from dfcli import HttpRequest, HttpResponse

app = df.DFApp()


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
def hello_orchestrator(context: df.DurableOrchestrationContext) -> Generator[Any, Any, list[str]]:
    """Greet each city in turn; the next is greeted when the one before has been."""
    greetings = []
    for city in context.get_input() or ["Seattle", "Tokyo", "London"]:
        greetings.append((yield context.call_activity(hello, city)))
    return greetings


@app.activity_trigger(input_name="city")
def hello(city: str) -> str:
    return f"Hello {city}"
