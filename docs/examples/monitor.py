"""Monitor: look again after a while, until what is watched is there or the time is over."""

import asyncio
from datetime import datetime, timedelta

import dfcli as df

app = df.DFApp()
looks = iter(["cloudy", "cloudy", "clear"])


@app.orchestration_trigger(context_name="context")
def watch_weather(context):
    watch = context.get_input()
    if context.current_utc_datetime >= datetime.fromisoformat(watch["until"]):
        return "gave up"
    weather = yield context.call_activity(look_out_of_the_window)
    if weather == "clear":
        yield context.call_activity(tell, watch["whom"])
        return "told"
    yield context.create_timer(timedelta(milliseconds=watch["every_milliseconds"]))
    context.continue_as_new(watch)  # the history stays short, however long the watch


@app.activity_trigger()
def look_out_of_the_window() -> str:
    weather = next(looks)
    print("it is", weather)
    return weather


@app.activity_trigger(input_name="whom")
def tell(whom: str) -> None:
    print(f"told {whom}")


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        watch = {"whom": "Ada", "every_milliseconds": 20, "until": "2999-01-01T00:00:00+00:00"}
        instance_id = await host.client.start_new(watch_weather, client_input=watch)
        print((await host.client.wait(instance_id, timeout=10)).output)


asyncio.run(main())

# Output:
#   it is cloudy
#   it is cloudy
#   it is clear
#   told Ada
#   told
