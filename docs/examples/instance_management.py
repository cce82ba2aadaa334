"""Managing instances: start with an id, ask, list, terminate, purge."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def job(context):
    yield context.wait_for_external_event("Go")
    return "done"


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        client = host.client
        for number in (1, 2, 3):
            await client.start_new(job, f"job-{number}", client_input={"number": number})

        await client.raise_event("job-1", "Go")
        await client.wait("job-1", timeout=10)
        await client.terminate("job-2", "no longer needed")
        await client.wait("job-2", timeout=10)
        for status in sorted(await client.get_status_by(instance_id_prefix="job-"), key=lambda one: one.instance_id):
            print(status.instance_id, status.runtime_status.name, status.output)

        try:
            await client.start_new(job, "job-3")
        except df.DfError as error:
            print(error)

        ended = [df.OrchestrationRuntimeStatus.Completed, df.OrchestrationRuntimeStatus.Terminated]
        purged = await client.purge_instance_history_by(runtime_status=ended)
        print("purged", purged.instances_deleted)
        print("known still:", [status.instance_id for status in await client.get_status_all()])


asyncio.run(main())

# Output:
#   job-1 Completed done
#   job-2 Terminated no longer needed
#   job-3 Running None
#   An Orchestration instance with the status Running already exists.
#   purged 2
#   known still: ['job-3']
