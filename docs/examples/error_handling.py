"""Error handling: a failure is caught as in any Python code, and tells what caused it, down to the root."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def pay_bill(context):
    try:
        return (yield context.call_activity(pay_by_card, 100))
    except df.TaskFailedError as failed:
        context.set_custom_status(f"card: {failed.error_type}")
    return (yield context.call_activity(pay_by_invoice, 100))


@app.orchestration_trigger(context_name="context")
def shop(context):
    yield context.call_sub_orchestrator(pay_twice)


@app.orchestration_trigger(context_name="context")
def pay_twice(context):
    yield context.call_activity(pay_by_card, 200)


@app.activity_trigger(input_name="amount")
def pay_by_card(amount: int) -> str:
    try:
        raise ConnectionError("the bank is down")
    except ConnectionError as error:
        raise ValueError(f"cannot charge {amount}") from error


@app.activity_trigger(input_name="amount")
def pay_by_invoice(amount: int) -> str:
    return f"invoice over {amount}"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        status = await host.client.wait(await host.client.start_new(pay_bill), timeout=10)
        print(status.runtime_status.name, "|", status.custom_status, "|", status.output)
        status = await host.client.wait(await host.client.start_new(shop), timeout=10)
        failure = status.failure_details
        while failure is not None:
            print(failure.error_message)
            failure = failure.inner_failure


asyncio.run(main())

# Output:
#   Completed | card: ValueError | invoice over 100
#   Orchestrator function 'pay_twice' failed: Activity function 'pay_by_card' failed:  ValueError: cannot charge 200
#   Activity function 'pay_by_card' failed:  ValueError: cannot charge 200
#   cannot charge 200
#   the bank is down
