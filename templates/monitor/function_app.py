"""{{app_name}}: watch a web address. Looks again and again until it answers well, or until the time is over."""

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

import dfcli as df
from dfcli import HttpRequest, HttpResponse

import looking

app = df.DFApp()

LOOKS_PER_GENERATION = 50
"""After so many looks the orchestration begins anew with an empty history: a watch of months stays small."""


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
def watch(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, Any] | None]:
    """Input: {"url": address, "every_seconds": number, "for_seconds": number}. Output: whether it is up, and after
    how many looks."""
    state = looking.checked(context.get_input())
    # When the watch ends is settled once, by its first generation.
    state.setdefault("until", (context.current_utc_datetime + timedelta(seconds=state["for_seconds"])).isoformat())
    until = datetime.fromisoformat(state["until"])
    for _ in range(LOOKS_PER_GENERATION):
        seen = yield context.call_activity(look, state["url"])
        state["looks"] += 1
        context.set_custom_status({"looks": state["looks"], "last": seen["what"], "until": state["until"]})
        if seen["is_up"]:
            yield context.call_activity(tell, f"{state['url']} is up: {seen['what']}")
            return {"up": True, "looks": state["looks"], "last": seen["what"]}
        next_look = context.current_utc_datetime + timedelta(seconds=state["every_seconds"])
        if next_look >= until:
            yield context.call_activity(tell, f"{state['url']} did not come up: {seen['what']}")
            return {"up": False, "looks": state["looks"], "last": seen["what"]}
        yield context.create_timer(next_look)
    context.continue_as_new(state)
    return None


@app.activity_trigger(input_name="url")
def look(url: str) -> dict[str, Any]:
    """One look at the address: {"is_up": bool, "what": text}. Never fails because of what it sees."""
    return looking.look(url)


@app.activity_trigger(input_name="text")
def tell(text: str) -> None:
    """Tell whoever waits; put your mail, chat or pager here. After a crash it may tell twice."""
    print(text, flush=True)
