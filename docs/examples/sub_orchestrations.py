"""Sub-orchestrations: an orchestrator calls others as instances of their own, and sees their failures as its own."""

import asyncio

import dfcli as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def set_up_site(context):
    devices = context.get_input()
    tasks = [
        context.call_sub_orchestrator(set_up_device, device, instance_id=f"{context.instance_id}-{device}")
        for device in devices
    ]
    done = yield context.task_all(tasks)
    try:
        yield context.call_sub_orchestrator(set_up_device, "broken lamp")
    except df.TaskFailedError as error:
        done.append(f"{error.task_name}: {error.error_message}")
    return done


@app.orchestration_trigger(context_name="context")
def set_up_device(context):
    name = yield context.call_activity(register, context.get_input())
    return f"{name} (child of {context.parent_instance_id})"


@app.activity_trigger(input_name="device")
def register(device: str) -> str:
    if device.startswith("broken"):
        raise ValueError("it does not switch on")
    return device.upper()


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        await host.client.start_new(set_up_site, "site", ["lamp", "door"])
        for line in (await host.client.wait("site", timeout=10)).output:
            print(line)
        lamp = await host.client.get_status("site-lamp")
        print(lamp.runtime_status.name, lamp.name)


asyncio.run(main())

# Output:
#   LAMP (child of site)
#   DOOR (child of site)
#   set_up_device: Activity function 'register' failed:  ValueError: it does not switch on
#   Completed set_up_device
