"""Suspend and resume: a suspended instance takes note of everything and does nothing, until it is resumed."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def order(context):
    meal = yield context.wait_for_external_event("Meal")
    return (yield context.call_activity(cook, meal))


@app.activity_trigger(input_name="meal")
def cook(meal: str) -> str:
    print("cooking", meal)
    return f"{meal} is served"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        client = host.client
        instance_id = await client.start_new(order)
        await client.suspend(instance_id, "the kitchen is closed")
        await client.raise_event(instance_id, "Meal", "soup")
        print((await client.get_status(instance_id)).runtime_status.name)

        print("resuming")
        await client.resume(instance_id, "the cook is back")
        print((await client.wait(instance_id, timeout=10)).output)


asyncio.run(main())

# Output:
#   Suspended
#   resuming
#   cooking soup
#   soup is served
