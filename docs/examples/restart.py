"""Restart: the same orchestrator with the same input once more, under a new id or under the same."""

import asyncio

import dfcli as df

app = df.DFApp()
runs = 0


@app.activity_trigger()
def measure(place: str) -> str:
    global runs
    runs += 1
    return f"{place}, measurement {runs}"


@app.orchestration_trigger()
def report(context: df.DurableOrchestrationContext):
    return (yield context.call_activity(measure, context.get_input()))


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        client = host.client
        await client.start_new(report, "first", "roof")
        print((await client.wait("first")).output)

        other = await client.restart("first")
        print((await client.wait(other)).output, "| another id:", other != "first")

        same = await client.restart("first", restart_with_new_instance_id=False)
        print((await client.wait(same)).output, "| id:", same)


asyncio.run(main())

# Output:
#   roof, measurement 1
#   roof, measurement 2 | another id: True
#   roof, measurement 3 | id: first
