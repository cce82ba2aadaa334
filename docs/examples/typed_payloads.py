"""Typed payloads: dataclasses and pydantic models by the receiver's type hints, and plain JSON on the disk."""

import asyncio
from dataclasses import dataclass

import dfcli as df

app = df.DFApp()


@dataclass
class Item:
    name: str
    price: float


@dataclass
class Order:
    items: list[Item]


@app.orchestration_trigger(context_name="context", input_type=Order)
def checkout(context):
    order = context.get_input()
    cheapest = yield context.call_activity(find_cheapest, order)
    return f"{cheapest.name} of {len(order.items)}"


@app.activity_trigger(input_name="order")
def find_cheapest(order: Order) -> Item:
    return min(order.items, key=lambda item: item.price)


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        order = Order([Item("lamp", 20.0), Item("rug", 9.5)])
        instance_id = await host.client.start_new(checkout, client_input=order)
        status = await host.client.wait(instance_id, timeout=10)
        print(status.input_)
        print(status.output)
        wrong = await host.client.start_new(checkout, client_input={"items": [{"name": "lamp", "price": "dear"}]})
        status = await host.client.wait(wrong, timeout=10)
        print(status.output)


asyncio.run(main())

# Output:
#   {'items': [{'name': 'lamp', 'price': 20.0}, {'name': 'rug', 'price': 9.5}]}
#   rug of 2
#   Orchestrator function 'checkout' failed: the value is no Order: Expected `float`, got `str` - at `$.items[0].price`
