"""A start for later: the instance is there at once and Pending, and its code begins when the time has come."""

import asyncio
from datetime import UTC, datetime, timedelta

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger()
def remind(context: df.DurableOrchestrationContext):
    due = datetime.fromisoformat(context.get_input())
    return "early" if context.current_utc_datetime < due else "on time"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        due = datetime.now(UTC) + timedelta(seconds=0.5)  # noqa: TID251 - outside of orchestrators the clock is free
        await host.client.start_new(remind, "reminder", due.isoformat(), start_at=due)
        status = await host.client.get_status("reminder")
        print(status.runtime_status.value)

        later = due + timedelta(days=1)
        await host.client.start_new(remind, "cancelled", later.isoformat(), start_at=later)
        await host.client.terminate("cancelled", "not needed")
        print((await host.client.wait("cancelled")).runtime_status.value)

        print((await host.client.wait("reminder")).output)


asyncio.run(main())

# Output:
#   Pending
#   Terminated
#   on time
