"""Function chaining: each activity works on what the one before it returned."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def publish(context):
    draft = yield context.call_activity(write, context.get_input())
    checked = yield context.call_activity(check_spelling, draft)
    return (yield context.call_activity(print_it, checked))


@app.activity_trigger(input_name="subject")
def write(subject: str) -> str:
    return f"all abuot {subject}"


@app.activity_trigger(input_name="text")
def check_spelling(text: str) -> str:
    return text.replace("abuot", "about")


@app.activity_trigger(input_name="text")
def print_it(text: str) -> str:
    return f"printed: {text}"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        instance_id = await host.client.start_new(publish, client_input="bees")
        status = await host.client.wait(instance_id, timeout=10)
        print(status.runtime_status.name)
        print(status.output)


asyncio.run(main())

# Output:
#   Completed
#   printed: all about bees
