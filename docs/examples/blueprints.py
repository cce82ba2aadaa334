"""Functions in modules of their own: each makes a blueprint, which the app registers; names are given where wanted."""

import asyncio

import dfcli as df

# In greetings.py this would be:
greetings = df.Blueprint()


@greetings.activity_trigger(input_name="name", activity="greet")
def say_hello(name: str) -> str:
    return f"Hello {name}"


# In flows.py:
flows = df.Blueprint()


@flows.function_name("Welcome")
@flows.orchestration_trigger(context_name="context")
def welcome(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("greet", context.get_input()))


# And function_app.py has the one app:
app = df.DFApp()
app.register_functions(greetings)
app.register_functions(flows)


async def main() -> None:
    async with df.Host(app, hub=":memory:") as host:
        instance_id = await host.client.start_new("welcome", client_input="Ada")  # names match in any case
        status = await host.client.wait(instance_id, timeout=10)
        print(status.name, "→", status.output)


asyncio.run(main())

# Output:
#   Welcome → Hello Ada
