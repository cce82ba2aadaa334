"""Custom status: an orchestrator shows how far it is to whoever asks, in any JSON value."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def travel(context):
    for done, place in enumerate(["Tokyo", "Seattle"]):
        context.set_custom_status({"at": place, "done": done})
        yield context.wait_for_external_event("Next")
    context.set_custom_status({"at": "home", "done": 2})
    return "back"


async def at(client: df.DurableOrchestrationClient, instance_id: str, place: str) -> df.DurableOrchestrationStatus:
    """The status once it shows that place."""
    while True:
        status = await client.get_status(instance_id)
        if status.custom_status and status.custom_status["at"] == place:
            return status
        await asyncio.sleep(0.01)


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        client = host.client
        instance_id = await client.start_new(travel)
        for place in ("Tokyo", "Seattle"):
            status = await at(client, instance_id, place)
            print(status.runtime_status.name, status.custom_status)
            await client.raise_event(instance_id, "Next")
        status = await client.wait(instance_id, timeout=10)
        print(status.runtime_status.name, status.custom_status)


asyncio.run(main())

# Output:
#   Running {'at': 'Tokyo', 'done': 0}
#   Running {'at': 'Seattle', 'done': 1}
#   Completed {'at': 'home', 'done': 2}
