"""Embedding: a host inside your own program. The next host on the same folder goes on where this one stopped."""

import asyncio
import tempfile

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def delivery(context):
    parcel = yield context.call_activity(pack, context.get_input())
    context.set_custom_status("packed")
    signature = yield context.wait_for_external_event("Signed")
    return f"{parcel}, signed by {signature}"


@app.activity_trigger(input_name="what")
def pack(what: str) -> str:
    print("packing", what)
    return f"a parcel of {what}"


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with df.Host(app, hub=f"{folder}/hub") as host:
            await host.client.start_new(delivery, "order-1", "books")
            while (await host.client.get_status("order-1")).custom_status != "packed":
                await asyncio.sleep(0.01)
        print("the first host has stopped")
        async with df.Host(app, hub=f"{folder}/hub") as host:
            status = await host.client.get_status("order-1")
            print(status.runtime_status.name)
            await host.client.raise_event("order-1", "Signed", "Ada")
            print((await host.client.wait("order-1", timeout=10)).output)


asyncio.run(main())

# Output:
#   packing books
#   the first host has stopped
#   Running
#   a parcel of books, signed by Ada
