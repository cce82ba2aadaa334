"""Critical sections: an orchestrator locks several entities, and nobody comes between its calls to them.

They are locked in the order of their ids, so transfers in both directions cannot block each other. The locks are given
back at the end of the `with`, and at the latest with the end of the orchestration, however it ends.
"""

import asyncio

import dfcli as df

app = df.DFApp()


@app.entity_trigger()
def account(context, amount):
    balance = context.get_state(lambda: 100) + (amount or 0)
    context.set_state(balance)
    return balance


@app.orchestration_trigger()
def transfer(context):
    order = context.get_input()
    source, target = df.EntityId("account", order["from"]), df.EntityId("account", order["to"])
    with (yield context.lock_entities([source, target])):
        if (yield context.call_entity(source, "balance")) < order["amount"]:
            return "not enough money"
        yield context.call_entity(source, "add", -order["amount"])
        yield context.call_entity(target, "add", order["amount"])
    return "done"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        orders = [("ann", "bob", 80), ("bob", "ann", 80), ("ann", "cid", 90), ("ann", "cid", 90)]
        for number, (source, target, amount) in enumerate(orders):
            order = {"from": source, "to": target, "amount": amount}
            await host.client.start_new(transfer, f"transfer-{number}", order)
        for number in range(len(orders)):
            print(number, (await host.client.wait(f"transfer-{number}", timeout=10)).output)
        for found in await host.client.get_all_entities("account"):
            print(found.id, found.state, found.locked_by)


asyncio.run(main())

# Output:
#   0 done
#   1 done
#   2 done
#   3 not enough money
#   @account@ann 10 None
#   @account@bob 100 None
#   @account@cid 190 None
