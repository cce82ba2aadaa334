"""Human interaction: wait for an approval, or escalate when nobody answers in time."""

import asyncio
from datetime import timedelta

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def approve_expense(context):
    expense = context.get_input()
    approval = context.wait_for_external_event("Approval")
    time_is_up = context.create_timer(timedelta(seconds=expense["patience"]))
    winner = yield context.task_any([approval, time_is_up])
    if winner is time_is_up:
        return (yield context.call_activity(escalate, expense["what"]))
    time_is_up.cancel()
    return f"{expense['what']}: {'approved' if approval.result else 'refused'}"


@app.activity_trigger(input_name="what")
def escalate(what: str) -> str:
    return f"{what}: nobody answered, the boss was asked"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        answered = await host.client.start_new(approve_expense, client_input={"what": "a train", "patience": 3600})
        await host.client.raise_event(answered, "Approval", True)
        print((await host.client.wait(answered, timeout=10)).output)

        forgotten = await host.client.start_new(approve_expense, client_input={"what": "a boat", "patience": 0.1})
        print((await host.client.wait(forgotten, timeout=10)).output)


asyncio.run(main())

# Output:
#   a train: approved
#   a boat: nobody answered, the boss was asked
