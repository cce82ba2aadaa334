"""Versioning: new instances get `default_version`; a newer one waits for a host that runs its version."""

import asyncio
import logging

import dfcli as df

logging.getLogger("dfcli").setLevel(logging.CRITICAL)  # the host would say on stderr what is printed below
app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def order(context):
    steps = [(yield context.call_activity(step, "packed"))]
    if context.version == "2.0":
        steps.append((yield context.call_activity(step, "tracked")))
    return steps


@app.activity_trigger(input_name="name")
def step(name: str) -> str:
    return name


async def main() -> None:
    async with df.Host(app, hub=":memory:", settings=df.HostSettings(default_version="1.0")) as host:
        ours = await host.client.start_new(order)
        status = await host.client.wait(ours, timeout=10)
        print(status.output)
        newer = await host.client.start_new(order, "order-2", version="2.0")
        while not host.parked(newer):
            await asyncio.sleep(0)
        print(host.parked(newer))


asyncio.run(main())

# Output:
#   ['packed']
#   it has version '2.0', and this host runs '1.0' and older ones
