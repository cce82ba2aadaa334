"""A time limit: the work races with a durable timer, and whoever comes first decides."""

import asyncio
from datetime import timedelta

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def impatient(context):
    work = context.call_activity(compute, context.get_input())
    limit = context.create_timer(timedelta(seconds=2))
    winner = yield context.task_any([work, limit])
    if winner is limit:
        return "took too long"  # the activity runs to its end; what it returns is dropped
    limit.cancel()
    return work.result


@app.activity_trigger(input_name="seconds")
async def compute(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "computed in time"


async def main() -> None:
    async with df.Host(app, hub=":memory:", settings=df.HostSettings(drain_seconds=0)) as host:
        for seconds in (0, 60):
            instance_id = await host.client.start_new(impatient, client_input=seconds)
            print((await host.client.wait(instance_id, timeout=10)).output)


asyncio.run(main())

# Output:
#   computed in time
#   took too long
