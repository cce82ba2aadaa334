"""Task hubs: two hubs beside each other share nothing, so the same id lives in both; one hub has one host at a time."""

import asyncio
import tempfile

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def echo(context):
    return context.get_input()


async def main(folder: str) -> None:
    async with df.Host(app, hub=f"{folder}/blue") as blue, df.Host(app, hub=f"{folder}/green") as green:
        for host, color in ((blue, "blue"), (green, "green")):
            await host.client.start_new(echo, "same-id", client_input=color)
        for host in (blue, green):
            status = await host.client.wait("same-id", timeout=10)
            print(status.instance_id, status.output)
        try:
            async with df.Host(app, hub=f"{folder}/blue"):
                print("never")
        except df.DfError as error:
            print(type(error).__name__)


with tempfile.TemporaryDirectory() as folder:
    asyncio.run(main(folder))

# Output:
#   same-id blue
#   same-id green
#   HubLocked
