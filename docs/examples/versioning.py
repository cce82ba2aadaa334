"""Versioning: new instances get `default_version`; one of a newer version waits until a host of that version runs it."""

import asyncio

import dfcli as df
from dfcli.host.settings import HostSettings

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def order(context):
    if context.version == "2.0":
        return "ships with a tracking number"
    return "ships"
    yield


async def main() -> None:
    async with df.Host(app, hub=":memory:", settings=HostSettings(default_version="1.0")) as host:
        ours = await host.client.start_new(order)
        newer = await host.client.start_new(order, "order-2", version="2.0")
        status = await host.client.wait(ours, timeout=10)
        print(status.output)
        while not host.parked(newer):
            await asyncio.sleep(0)
        print(host.parked(newer))


asyncio.run(main())

# Output:
#   ships
#   it has version '2.0', and this host runs '1.0' and older ones
