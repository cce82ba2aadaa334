"""Orchestrators and activities may be `async def`: `await` stands where a generator has `yield`."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
async def dinner(context: df.DurableOrchestrationContext) -> list[str]:
    guests = [await context.call_activity(invite, name) for name in ("Ada", "Grace")]
    dishes = await context.task_all([context.call_activity(cook, dish) for dish in ("soup", "cake")])
    return guests + dishes


@app.activity_trigger(input_name="name")
async def invite(name: str) -> str:
    await asyncio.sleep(0.01)  # any asyncio code: activities may do what they like
    return f"{name} comes"


@app.activity_trigger(input_name="dish")
async def cook(dish: str) -> str:
    return f"{dish} is ready"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        instance_id = await host.client.start_new(dinner)
        status = await host.client.wait(instance_id, timeout=10)
        for line in status.output:
            print(line)


asyncio.run(main())

# Output:
#   Ada comes
#   Grace comes
#   soup is ready
#   cake is ready
