"""Any function may take the durable client: here an activity starts instances that go on by themselves."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def campaign(context: df.DurableOrchestrationContext):
    return (yield context.call_activity(invite_all, ["Ada", "Grace"]))


@app.activity_trigger(input_name="names")
@app.durable_client_input(client_name="client")
async def invite_all(names: list, client: df.DurableOrchestrationClient, context: df.Context) -> list:
    print(f"{context.function_name} starts {len(names)}")
    return [await client.start_new(invitation, f"invite-{name}", name) for name in names]


@app.orchestration_trigger(context_name="context")
def invitation(context: df.DurableOrchestrationContext):
    return f"Dear {context.get_input()}"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        instance_id = await host.client.start_new(campaign)
        for started in (await host.client.wait(instance_id, timeout=10)).output:
            print(started, "→", (await host.client.wait(started, timeout=10)).output)


asyncio.run(main())

# Output:
#   invite_all starts 2
#   invite-Ada → Dear Ada
#   invite-Grace → Dear Grace
