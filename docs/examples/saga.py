"""A saga: each step notes how to undo it, and when a later one fails all are undone in reverse."""

import asyncio

import dfcli as df

app = df.DFApp()
done: list[str] = []


@app.orchestration_trigger(context_name="context")
def book_trip(context):
    undo = []
    try:
        for thing in context.get_input():
            yield context.call_activity(book, thing)
            undo.append(thing)
    except df.TaskFailedError as failed:
        for thing in reversed(undo):
            yield context.call_activity(cancel, thing)
        return f"cancelled: {failed.error_message}"
    return "booked"


@app.activity_trigger(input_name="thing")
def book(thing: str) -> None:
    if thing == "elephant":
        raise LookupError("no elephant is free")
    done.append(f"book {thing}")


@app.activity_trigger(input_name="thing")
def cancel(thing: str) -> None:
    done.append(f"cancel {thing}")


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        for trip in (["flight", "hotel"], ["flight", "hotel", "elephant"]):
            instance_id = await host.client.start_new(book_trip, client_input=trip)
            print((await host.client.wait(instance_id, timeout=10)).output, done)
            done.clear()


asyncio.run(main())

# Output:
#   booked ['book flight', 'book hotel']
#   cancelled: no elephant is free ['book flight', 'book hotel', 'cancel hotel', 'cancel flight']
