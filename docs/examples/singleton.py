"""A singleton: of many who start the same id at once, exactly one does; the others are told that it is there."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger()
def nightly(context: df.DurableOrchestrationContext):
    return (yield context.wait_for_external_event("done"))


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:

        async def start_if_absent() -> str:
            try:
                await host.client.start_new(nightly, "nightly")
            except df.DfError:
                return "there already"
            return "started"

        outcomes = await asyncio.gather(*(start_if_absent() for _ in range(50)))
        print(outcomes.count("started"), outcomes.count("there already"))

        await host.client.raise_event("nightly", "done", "all quiet")
        await host.client.wait("nightly")
        print(await start_if_absent(), "once it has ended")


asyncio.run(main())

# Output:
#   1 49
#   started once it has ended
