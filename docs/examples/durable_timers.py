"""Durable timers: of any length, they survive a stop of the host; one that is cancelled holds nothing up."""

import asyncio
from datetime import timedelta

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def reminders(context):
    began = context.current_utc_datetime
    yield context.create_timer(timedelta(milliseconds=50))  # after a duration
    yield context.create_timer(began + timedelta(milliseconds=100))  # at a time
    yield context.create_timer(began)  # in the past: due at once
    return context.current_utc_datetime - began >= timedelta(milliseconds=100)


@app.orchestration_trigger(context_name="context")
def in_ten_years(context):
    context.set_custom_status("asleep")
    alarm = context.create_timer(timedelta(days=3653))
    knock = context.wait_for_external_event("Knock")
    winner = yield context.task_any([alarm, knock])
    if winner is knock:
        alarm.cancel()
    return "woken early" if winner is knock else "slept well"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        client = host.client
        instance_id = await client.start_new(reminders)
        print("none was early:", (await client.wait(instance_id, timeout=10)).output)

        sleeper = await client.start_new(in_ten_years)
        await client.raise_event(sleeper, "Knock")
        status = await client.wait(sleeper, timeout=10)
        print(status.runtime_status.name, "-", status.output)


asyncio.run(main())

# Output:
#   none was early: True
#   Completed - woken early
