"""Eternal orchestrations: continue-as-new begins again with new input and an empty history, as often as you like."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def clean_up(context):
    rounds = context.get_input()
    yield context.call_activity(sweep, rounds)
    if rounds == 100:  # an orchestration that never ends leaves this out
        return f"{rounds} rounds"
    context.continue_as_new(rounds + 1)


@app.activity_trigger(input_name="number")
def sweep(number: int) -> None:
    if number % 25 == 0:
        print("round", number)


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        await host.client.start_new(clean_up, "cleaner", 1)
        print((await host.client.wait("cleaner", timeout=10)).output)
        status = await host.client.get_status("cleaner", show_history=True)
        print("events in the history of the last round:", len(status.history))


asyncio.run(main())

# Output:
#   round 25
#   round 50
#   round 75
#   round 100
#   100 rounds
#   events in the history of the last round: 8
