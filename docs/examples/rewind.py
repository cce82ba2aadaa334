"""Rewind: a failed instance goes back to before its failure, and only what failed runs again."""

import asyncio

import dfcli as df

app = df.DFApp()
carrier_is_down = True


@app.activity_trigger()
def pay(order: str) -> str:
    print(f"paying {order}")
    return "paid"


@app.activity_trigger()
def ship(order: str) -> str:
    print(f"shipping {order}")
    if carrier_is_down:
        raise ConnectionError("the carrier does not answer")
    return "shipped"


@app.orchestration_trigger()
def order(context: df.DurableOrchestrationContext):
    paid = yield context.call_activity(pay, context.instance_id)
    shipped = yield context.call_activity(ship, context.instance_id)
    return [paid, shipped]


async def main() -> None:
    global carrier_is_down
    async with df.Host(app, hub=":memory:") as host:
        await host.client.start_new(order, "order-7")
        status = await host.client.wait("order-7")
        print(status.runtime_status.value)

        carrier_is_down = False
        await host.client.rewind("order-7", "the carrier is back")
        status = await host.client.wait("order-7")
        print(status.runtime_status.value, status.output)


asyncio.run(main())

# Output:
#   paying order-7
#   shipping order-7
#   Failed
#   shipping order-7
#   Completed ['paid', 'shipped']
