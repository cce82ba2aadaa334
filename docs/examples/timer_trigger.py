"""A function on a schedule starts an instance each time; runs that were missed while no host ran are caught up once."""

import asyncio

import dfcli as df

app = df.DFApp()
ran = asyncio.Event()


@app.timer_trigger(arg_name="timer", schedule="0 30 9 * * MON-FRI", run_on_startup=True)
@app.durable_client_input(client_name="client")
async def every_working_day(timer: df.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    print("late" if timer.past_due else "in time")
    await client.start_new(report, "today")
    ran.set()


@app.orchestration_trigger(context_name="context")
def report(context: df.DurableOrchestrationContext):
    sales = yield context.call_activity(count_sales, context.instance_id)
    return f"{sales} sales"


@app.activity_trigger(input_name="day")
def count_sales(day: str) -> int:
    return len(day)


async def main() -> None:
    settings = df.HostSettings(time_zone="Europe/Rome")  # of an app: time_zone in dfcli.toml, or WEBSITE_TIME_ZONE
    async with df.Host(app, hub=":memory:", settings=settings) as host:
        await ran.wait()
        print((await host.client.wait("today", timeout=10)).output)


asyncio.run(main())

# Output:
#   in time
#   5 sales
