"""Durable entities: small pieces of state with operations that run one after the other, whoever asks for them.

An orchestrator calls an entity (and gets the result) or signals it (and waits for nothing); clients signal and read.
"""

import asyncio

import dfcli as df

app = df.DFApp()


@app.entity_trigger()
def counter(context):
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        context.set_state(value + context.get_input())
    elif context.operation_name == "reset":
        context.set_state(0)
    elif context.operation_name == "get":
        context.set_result(value)
    else:
        raise ValueError(f"a counter cannot {context.operation_name}")


@app.orchestration_trigger()
def count_visits(context):
    visits = df.EntityId("counter", "visits")
    for visitors in context.get_input():
        context.signal_entity(visits, "add", visitors)
    total = yield context.call_entity(visits, "get")
    try:
        yield context.call_entity(visits, "dance")
    except df.TaskFailedError as error:
        return {"total": total, "refused": f"{error.error_type}: {error}"}


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        visits = df.EntityId("counter", "visits")
        await host.client.signal_entity(visits, "add", 100)
        instance_id = await host.client.start_new(count_visits, client_input=[1, 2, 3])
        status = await host.client.wait(instance_id, timeout=10)
        print(status.output)
        found = await host.client.read_entity_state(visits)
        print(f"{visits} holds {found.entity_state}")


asyncio.run(main())

# Output:
#   {'total': 106, 'refused': 'ValueError: a counter cannot dance'}
#   @counter@visits holds 106
