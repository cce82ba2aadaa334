"""Entities as classes: each public method is an operation, and `delete` is there already.

An operation that raises leaves no trace in the state; the next one goes on as if it had not been.
"""

import asyncio

import dfcli as df

app = df.DFApp()


@app.entity_trigger(entity_name="cart")
class Cart(df.DurableEntity):
    def put(self, item: dict) -> int:
        items = self.get_state(dict, {})
        items[item["name"]] = items.get(item["name"], 0) + item["count"]
        self.set_state(items)
        if items[item["name"]] > 10:
            raise ValueError(f"no more than 10 {item['name']}")
        return sum(items.values())

    def items(self) -> dict:
        return self.get_state(dict, {})


@app.orchestration_trigger()
async def shop(context):
    cart = df.EntityId("cart", context.instance_id)
    first = await context.call_entity(cart, "put", {"name": "apples", "count": 4})
    try:
        await context.call_entity(cart, "put", {"name": "apples", "count": 40})
    except df.TaskFailedError as error:
        refused = str(error)
    items = await context.call_entity(cart, "items")
    await context.call_entity(cart, "delete")
    return first, refused, items


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        await host.client.start_new(shop, "order-7")
        print((await host.client.wait("order-7", timeout=10)).output)
        print((await host.client.read_entity_state(df.EntityId("cart", "order-7"))).entity_exists)


asyncio.run(main())

# Output:
#   [4, 'no more than 10 apples', {'apples': 4}]
#   False
