"""External events: they keep their order, wait for whoever will ask for them, and each goes to one wait."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def shopping(context):
    basket = []
    while True:
        item = yield context.wait_for_external_event("Item")
        if item == "that is all":
            break
        basket.append(item)
    yield context.call_activity(pack, basket)
    # "Paid" may have arrived long before: events are kept until a wait takes them. Case does not matter.
    paid = yield context.wait_for_external_event("PAID")
    return {"basket": basket, "paid": paid}


@app.activity_trigger(input_name="basket")
def pack(basket: list[str]) -> int:
    return len(basket)


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        client = host.client
        instance_id = await client.start_new(shopping)
        await client.raise_event(instance_id, "Item", "bread")
        await client.raise_event(instance_id, "Paid", 7.5)
        await client.raise_event(instance_id, "Item", "cheese")
        await client.raise_event(instance_id, "Item", "that is all")
        print((await client.wait(instance_id, timeout=10)).output)

        try:
            await client.raise_event(instance_id, "Item", "wine")
        except df.DfError as error:
            print(type(error).__name__)


asyncio.run(main())

# Output:
#   {'basket': ['bread', 'cheese'], 'paid': 7.5}
#   InstanceGone
